# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to sign in to AZURE."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec AZURE_OPTIONS, and those of AZURE_SPEC, for modules with other clouds as well."""

    DOCUMENTATION = r"""
options:
  auth_source:
    description:
      - How to sign in to Azure. The options for it have the names that the collection azure.azcollection gives them.
      - V(auto) uses the first of these that there is. O(profile); O(client_id) with O(secret); environment variables,
        E(AZURE_PROFILE) before the others; the profile C(default); the Azure CLI, if it is signed in; a managed identity.
      - V(env) uses environment variables, V(credential_file) the profile O(profile) or else C(default), V(cli) the Azure CLI
        (C(az login)), and V(msi) a managed identity of the machine on which the task runs.
      - The variables are E(AZURE_CLIENT_ID), with E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET), or with a certificate in
        E(AZURE_CLIENT_CERTIFICATE_PATH) and its E(AZURE_CLIENT_CERTIFICATE_PASSWORD), or with a federated token in
        E(AZURE_FEDERATED_TOKEN_FILE); and E(AZURE_TENANT) or E(AZURE_TENANT_ID). They do not complete options.
      - If this is not set, the environment variable E(ANSIBLE_AZURE_AUTH_SOURCE) is used.
    type: str
    choices: [auto, cli, env, credential_file, msi]
    default: auto
  profile:
    description:
      - The profile to use, a section of the file C(~/.azure/credentials) on the host that runs the task, with C(client_id),
        C(secret) and C(tenant).
    type: str
  client_id:
    description:
      - The client id of an application that may sign in with O(secret). With V(msi), the managed identity to use, if the
        machine has several.
    type: str
  secret:
    description:
      - The client secret of that application.
    type: str
  tenant:
    description:
      - The directory to sign in to, its id or the name of one of its domains, where the task names no other one.
    type: str
  subscription_id:
    description:
      - The subscription whose account of the Azure CLI is used, where no directory is known.
    type: str
  cloud_environment:
    description:
      - Azure's cloud. Atlas peers in the public cloud alone, so it can only be V(AzureCloud).
    type: str
    default: AzureCloud
requirements:
  - azure-identity 1.17 or later
  - requests
"""

    PREFIXED = r"""
options:
  azure_auth_source:
    description: How to sign in to Azure, as O(cloudpeer.atlas.atlas_azure_role#module:auth_source). Else
      E(ANSIBLE_AZURE_AUTH_SOURCE).
    type: str
    choices: [auto, cli, env, credential_file, msi]
    default: auto
  azure_profile:
    description: A section of C(~/.azure/credentials) on this host.
    type: str
  azure_client_id:
    description: The application that signs in with O(azure_secret), or with V(msi) the managed identity.
    type: str
  azure_secret:
    description: The secret of that application.
    type: str
  azure_tenant:
    description: The directory to sign in to, where neither the entry nor Atlas names one.
    type: str
  azure_cloud_environment:
    description: Azure's cloud. Atlas peers in the public one alone.
    type: str
    default: AzureCloud
"""
