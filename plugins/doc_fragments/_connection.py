# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach Atlas, and how to sign in: for modules, and for the inventory."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec CONNECTION: those that the inventory has as well, and those of modules alone."""

    DOCUMENTATION = r"""
options:
  public_key:
    description: The public key of an Atlas API key, with O(private_key). Else E(MONGODB_ATLAS_PUBLIC_API_KEY) or
      E(MONGODB_ATLAS_PUBLIC_KEY).
    type: str
  private_key:
    description: The private key. It signs requests, and is never sent. Else E(MONGODB_ATLAS_PRIVATE_API_KEY) or
      E(MONGODB_ATLAS_PRIVATE_KEY).
    type: str
  client_id:
    description: The id of an Atlas service account, with O(client_secret), in place of a key. Else E(MONGODB_ATLAS_CLIENT_ID).
    type: str
  client_secret:
    description: The secret of the service account. Else E(MONGODB_ATLAS_CLIENT_SECRET).
    type: str
  access_token:
    description:
      - An OAuth access token that you have. It is neither renewed nor stored. Else E(MONGODB_ATLAS_ACCESS_TOKEN).
      - Options count before the O(profile), and that before environment variables. In one place, a token counts before a service
        account, and that before a key.
    type: str
  token_cache:
    description: Keep tokens of a service account in a file of this user alone, for later runs.
    type: bool
    default: true
  profile:
    description: A profile of the Atlas CLI. The credentials in its C(config.toml) count before environment variables, its
      O(base_url) and project where they are set nowhere else. Since 1.47, the CLI keeps secrets where no task reads them. This
      needs Python 3.11.
    type: str
  base_url:
    description: The address of Atlas. Else E(MONGODB_ATLAS_BASE_URL) or E(MONGODB_ATLAS_OPS_MANAGER_URL), that of the
      O(profile), or V(https://cloud.mongodb.com). Plain V(http) is for this host alone.
    type: str
  envelope:
    description: Have Atlas write the HTTP status into the body, for proxies that change it.
    type: bool
    default: false
  validate_certs:
    description: Verify TLS certificates. With V(false), others on the network can read and change the requests.
    type: bool
    default: true
  ca_path:
    description: A PEM file, or a folder of such files, with the authorities to trust.
    type: path
  timeout:
    description: How long a request may take, in seconds, to the last byte of the reply. With its repetitions, it takes O(timeout)
      times (O(retries) + 1) seconds at the most.
    type: int
    default: 30
  retries:
    description: How often to repeat a request if Atlas limits the rate (HTTP 429) or does not answer. One that creates or
      changes something is repeated after HTTP 429 alone. If its reply is lost, the task reads the state first.
    type: int
    default: 4
requirements:
  - requests
"""

    CLOUDS = r"""
options:
  timeout:
    description: How long a request may take, in seconds, and in AWS one that reads. With repetitions, it is O(timeout) times
      (O(retries) + 1).
  retries:
    description: How often to repeat a request that reads, or that Atlas limits (HTTP 429). If the reply to a change is lost, the
      task reads the state first.
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
