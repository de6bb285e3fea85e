# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach Atlas, and as whom."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec CONNECTION."""

    DOCUMENTATION = r"""
options:
  group_id:
    description:
      - The Atlas project, which the API calls a group, as 24 hexadecimal digits.
      - If it is not set, the environment variable E(MONGODB_ATLAS_PROJECT_ID) is used.
    type: str
    required: true
    aliases: [project_id]
  public_key:
    description:
      - The public half of an Atlas API key.
      - If it is not set, the environment variable E(MONGODB_ATLAS_PUBLIC_API_KEY) or E(MONGODB_ATLAS_PUBLIC_KEY) is used.
    type: str
  private_key:
    description:
      - The private half of the API key.
      - If it is not set, the environment variable E(MONGODB_ATLAS_PRIVATE_API_KEY) or E(MONGODB_ATLAS_PRIVATE_KEY) is used.
    type: str
  client_id:
    description:
      - The id of an Atlas service account, in place of an API key.
      - If it is not set, the environment variable E(MONGODB_ATLAS_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - The secret of the service account. Its access token is used again by later tasks, until five minutes before it ends.
      - If it is not set, the environment variable E(MONGODB_ATLAS_CLIENT_SECRET) is used.
    type: str
  access_token:
    description:
      - An OAuth access token that was got elsewhere. It comes before a service account, which comes before an API key.
      - If it is not set, the environment variable E(MONGODB_ATLAS_ACCESS_TOKEN) is used.
    type: str
  token_cache:
    description:
      - Keep the access token of a service account in a file in the user's cache folder, which nobody else can read.
      - With V(false), each process gets a token of its own. Atlas limits how many there may be.
    type: bool
    default: true
  profile:
    description:
      - A profile of the Atlas CLI, whose C(config.toml) has the credentials and O(base_url) where the options leave them open.
      - This needs Python 3.11 or later where the task runs.
    type: str
  base_url:
    description:
      - Where Atlas is, without the path of the API.
      - The government cloud is at V(https://cloud.mongodbgov.com).
      - Plain V(http) is accepted for an address of the host itself only, such as that of the emulator in this collection.
      - If it is not set, the environment variable E(MONGODB_ATLAS_BASE_URL) or E(MONGODB_ATLAS_OPS_MANAGER_URL) is used, then
        that of the O(profile), and then V(https://cloud.mongodb.com).
    type: str
  api_version:
    description:
      - The generation of the Atlas Administration API to speak.
      - V(v1.0) is deprecated by Atlas, and there for those who have to match it.
    type: str
    choices: [v2, v1.0]
    default: v2
  envelope:
    description:
      - Ask for replies that carry the HTTP status in their body, and read it there.
      - This helps where something between the host and Atlas rewrites the status of replies.
    type: bool
    default: false
  validate_certs:
    description:
      - Verify the certificate of the server.
      - V(false) lets anybody between the host and Atlas read and change what is sent.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates to trust, in PEM format, or a folder of such, in place of those the host trusts.
    type: path
  timeout:
    description:
      - How many seconds a request may take, from connecting to the last byte of its reply.
      - Together with O(retries) it bounds all tries of a request, which is not sent again when the time for all of them is over.
    type: int
    default: 30
  retries:
    description:
      - How often a request is sent again when Atlas asks to slow down, or does not answer it.
      - A request that changes something is not sent again unless Atlas refused it unread. Where its reply is lost, the
        current state is read first.
    type: int
    default: 4
requirements:
  - requests
"""
