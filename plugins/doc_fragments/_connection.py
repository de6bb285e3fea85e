# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach Atlas, and how to sign in: for modules, and for the inventory."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec CONNECTION: those that the inventory has as well, and those of modules alone."""

    DOCUMENTATION = r"""
options:
  public_key:
    description:
      - The public key of an Atlas API key. Set it together with O(private_key).
      - If this is not set, the environment variable E(MONGODB_ATLAS_PUBLIC_API_KEY) or E(MONGODB_ATLAS_PUBLIC_KEY) is used.
    type: str
  private_key:
    description:
      - The private key of the API key. It signs requests, and is never sent.
      - If this is not set, the environment variable E(MONGODB_ATLAS_PRIVATE_API_KEY) or E(MONGODB_ATLAS_PRIVATE_KEY) is used.
    type: str
  client_id:
    description:
      - The client id of an Atlas service account, instead of an API key. Set it together with O(client_secret).
      - If this is not set, the environment variable E(MONGODB_ATLAS_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - The client secret of the service account. It gets an access token, which later tasks and runs use as well.
      - If this is not set, the environment variable E(MONGODB_ATLAS_CLIENT_SECRET) is used.
    type: str
  access_token:
    description:
      - An OAuth access token that you already have. It is neither renewed nor stored.
      - Options take precedence over the O(profile), and the profile over environment variables. Of several kinds of credentials
        in the same place, an access token takes precedence over a service account, and a service account over an API key. A
        warning says which one is used.
      - If this is not set, the environment variable E(MONGODB_ATLAS_ACCESS_TOKEN) is used.
    type: str
  token_cache:
    description:
      - Keep the access token of a service account in a file in the user's cache folder, which other users cannot read, so that
        other tasks and later runs can use it until five minutes before it expires. Modules and the inventory use the same file.
      - With V(false), each process requests a token of its own. Atlas limits the number of tokens.
    type: bool
    default: true
  profile:
    description:
      - The name of a profile of the Atlas CLI. The credentials and O(base_url) are read from its C(config.toml), and by modules
        the project.
      - Credentials come from the first of these that has any, which are the options, the profile, and environment variables.
        O(base_url) and the project are taken from the profile only if they are set nowhere else.
      - Since 1.47, the Atlas CLI keeps keys and secrets in the system's keyring, where no task reads them, and deletes them in
        its file. Use the environment variables for them.
      - This needs Python 3.11 or later on the host that sends the requests.
    type: str
  base_url:
    description:
      - The address of Atlas, without the path of the API.
      - The government cloud is at V(https://cloud.mongodbgov.com).
      - Plain V(http) is accepted only for the host itself that sends the requests, for example for the emulator of this
        collection.
      - If this is not set, the environment variable E(MONGODB_ATLAS_BASE_URL) or E(MONGODB_ATLAS_OPS_MANAGER_URL) is used,
        then the address in the O(profile), and then V(https://cloud.mongodb.com).
    type: str
  envelope:
    description:
      - Ask Atlas to put the HTTP status into the body of each reply, and read the status from there.
      - Use this if a proxy between the host and Atlas changes the status of replies.
    type: bool
    default: false
  validate_certs:
    description:
      - Verify the TLS certificate of the server.
      - With V(false), others on the network can read and change the requests. A warning says so.
    type: bool
    default: true
  ca_path:
    description:
      - A PEM file with the certificates of the authorities to trust, or a folder of such files, instead of those that the
        Python package C(requests) trusts.
      - Use this if a proxy in your network intercepts TLS.
    type: path
  timeout:
    description:
      - How long one request may take, in seconds, from connecting to the last byte of the reply.
      - A request is not repeated later than O(timeout) times (O(retries) + 1) seconds after it was first sent.
    type: int
    default: 30
  retries:
    description:
      - How many times to repeat a request if Atlas asks to slow down (HTTP 429), or does not answer.
      - A request that creates or changes something is repeated only if Atlas refused it with HTTP 429. If its reply is lost, the
        task reads the current state first.
    type: int
    default: 4
requirements:
  - requests
"""

    CLOUDS = r"""
options:
  timeout:
    description:
      - How long one request may take, in seconds, from connecting to the last byte of the reply.
      - This is for all requests to Atlas, AZURE and GCP, and for those to AWS that read, also where they get a token or a role.
        The Azure CLI may take as long. A change in AWS may take a minute.
      - A request is not repeated later than O(timeout) times (O(retries) + 1) seconds after it was first sent.
  retries:
    description:
      - How many times to repeat a request if Atlas asks to slow down (HTTP 429), or does not answer.
      - On AZURE, GCP and AWS, this is for requests that read, or get a token or a role. Refusals of AWS for the rate are waited
        for, and do not count.
      - A request that creates or changes something is repeated only if Atlas refused it with HTTP 429. If its reply is lost, the
        task reads the current state first. Then a change on AZURE, GCP or AWS is sent again up to three times, whatever this
        option is.
"""

    PROJECT = r"""
options:
  group_id:
    description:
      - The id of the Atlas project, 24 hexadecimal digits. The API calls a project a group.
      - If neither this nor O(project_name) is set, the environment variable E(MONGODB_ATLAS_PROJECT_ID) is used, and then,
        since 2.5.0, the C(project_id) of the O(profile). One of them is required.
    type: str
    aliases: [project_id]
  project_name:
    description:
      - The name of the Atlas project, in place of its id. It is found in the list of all projects that the credentials can see,
        which costs one request for all items of a loop.
      - The task fails if there is no such project, or if two organizations have one with this name. A name that looks like an id
        is a name.
      - Mutually exclusive with O(group_id) within a task. What the task itself sets takes precedence over C(module_defaults) and
        the environment, whether it is O(group_id) or O(project_name).
    type: str
    version_added: 3.1.0
  api_version:
    description:
      - The version of the Atlas Administration API.
      - Atlas has deprecated V(v1.0). Use it only if you depend on it.
    type: str
    choices: [v2, v1.0]
    default: v2
"""
