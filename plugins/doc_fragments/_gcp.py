# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to sign in to GCP."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec GCP_OPTIONS, and those of GCP_SPEC, for modules with other clouds as well."""

    DOCUMENTATION = r"""
options:
  auth_kind:
    description:
      - How to sign in to GCP. The options for it have the names that the collection google.cloud gives them.
      - V(application) uses application default credentials. They are in the file that the environment variable
        E(GOOGLE_APPLICATION_CREDENTIALS) names, where C(gcloud auth application-default login) writes them, or on a machine of
        GCP.
      - V(serviceaccount) uses the key of a service account, V(accesstoken) a token, and V(machineaccount) a service account
        of the machine of GCP on which the task runs.
      - If neither this nor the environment variable E(GCP_AUTH_KIND) is set, the option that is set decides, and without one
        it is V(application).
      - Credentials that the task sets take precedence over environment variables. If it sets any, the variables for credentials
        and E(GCP_AUTH_KIND) are not used.
    type: str
    choices: [application, serviceaccount, accesstoken, machineaccount]
  service_account_file:
    description:
      - The JSON file with the key of a service account, on the host that runs the task.
      - If this is not set, the environment variable E(GCP_SERVICE_ACCOUNT_FILE) is used.
    type: path
  service_account_contents:
    description:
      - The contents of that file, instead of its path.
      - If this is not set, the environment variable E(GCP_SERVICE_ACCOUNT_CONTENTS) is used.
    type: jsonarg
  service_account_email:
    description:
      - The service account of the machine to use, with V(machineaccount), if it is not the machine's default one.
      - If this is not set, the environment variable E(GCP_SERVICE_ACCOUNT_EMAIL) is used.
    type: str
  access_token:
    description:
      - An OAuth 2.0 token for GCP, such as C(gcloud auth print-access-token) prints. It is not renewed.
      - If this is not set, the environment variable E(GCP_ACCESS_TOKEN) is used.
    type: str
  scopes:
    description:
      - The scopes of the tokens to request. If neither this nor the environment variable E(GCP_SCOPES) is set, it is
        V(https://www.googleapis.com/auth/compute).
    type: list
    elements: str
requirements:
  - google-auth 2.14 or later
  - requests
"""

    PREFIXED = r"""
options:
  gcp_auth_kind:
    description: How to sign in to GCP, as O(cloudpeer.atlas.atlas_gcp_peering#module:auth_kind). Else E(GCP_AUTH_KIND).
    type: str
    choices: [application, serviceaccount, accesstoken, machineaccount]
  gcp_service_account_file:
    description: The JSON key of a service account, on this host. Else E(GCP_SERVICE_ACCOUNT_FILE).
    type: path
  gcp_service_account_contents:
    description: That key itself. Else E(GCP_SERVICE_ACCOUNT_CONTENTS).
    type: jsonarg
  gcp_service_account_email:
    description: The account of this machine, if not the default one. Else E(GCP_SERVICE_ACCOUNT_EMAIL).
    type: str
  gcp_access_token:
    description: A token for GCP. O(access_token) is one for Atlas. Else E(GCP_ACCESS_TOKEN).
    type: str
  gcp_scopes:
    description: The OAuth scopes, V(https://www.googleapis.com/auth/compute) unless this is a check, which only reads. Else
      E(GCP_SCOPES).
    type: list
    elements: str
"""
