# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of what the modules of the collection have in common as Ansible modules."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of every module of the collection, and where to read more; a part for each service that modules talk to."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: In check mode, the module predicts what it would change, and sends nothing but reads.
  diff_mode:
    description: In diff mode, the module returns what it has changed, or would change.
  idempotent:
    description: A second run with the same options changes nothing, unless something else has changed the resources in between.
requirements:
  - Python 3.9 or later on the host that runs the task
seealso:
  - name: When it fails
    description: What each error means, and what to change.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/when_it_fails.md
"""

    # Modules that create, change or remove something.
    MAKES_CHANGES = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
"""

    # Modules that only read.
    ONLY_READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
    details: This module changes nothing.
  idempotent:
    support: full
"""

    # Modules that talk to Atlas.
    ACTION_GROUP_ATLAS = r"""
options: {}
attributes:
  action_group:
    description: Use the action group C(group/cloudpeer.atlas.atlas) in C(module_defaults) to set common options once.
    support: full
    membership:
      - cloudpeer.atlas.atlas
notes:
  - With C(ansible_connection=local), the task runs in Ansible's own process, unless the variable C(atlas_in_process) is C(false),
    and otherwise as a module. The result is the same.
seealso:
  - name: Credentials
    description: How to sign in with an API key, a service account, a token, or a profile of the Atlas CLI.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/credentials.md
"""

    # Modules that talk to AWS. Called AWS alone, Ansible would take it for the fragment aws.
    ACTION_GROUP_AWS = r"""
options: {}
attributes:
  action_group:
    description: Use the action group C(group/cloudpeer.atlas.aws) in C(module_defaults) to set the options for AWS once.
    support: full
    membership:
      - cloudpeer.atlas.aws
notes:
  - With C(ansible_connection=local), the task runs in Ansible's own process. Otherwise, or if Ansible's own Python has no
    boto3, it runs as a module. The result is the same. Set the variable C(atlas_in_process) to C(false) to run it as a module
    always.
  - Each task, and each item of a loop, uses its own credentials. The environment variables C(HTTPS_PROXY), C(HTTP_PROXY) and
    C(NO_PROXY) set a proxy.
"""

    # Modules that talk to GCP. Called GCP alone, Ansible would take it for a fragment of that name.
    ACTION_GROUP_GCP = r"""
options: {}
attributes:
  action_group:
    description: Use the action group C(group/cloudpeer.atlas.gcp) in C(module_defaults) to set the options for GCP once.
    support: full
    membership:
      - cloudpeer.atlas.gcp
notes:
  - With C(ansible_connection=local), the task runs in Ansible's own process. Otherwise, or if Ansible's own Python has no
    google-auth, it runs as a module. The result is the same. Set the variable C(atlas_in_process) to C(false) to run it as a
    module always.
  - Each task, and each item of a loop, uses its own credentials. The environment variables C(HTTPS_PROXY) and C(NO_PROXY) set a
    proxy, and C(REQUESTS_CA_BUNDLE) names a PEM file with the certificates of the authorities to trust.
"""

    # Modules that talk to AZURE. Called AZURE alone, Ansible would take it for a fragment of that name.
    ACTION_GROUP_AZURE = r"""
options: {}
attributes:
  action_group:
    description: Use the action group C(group/cloudpeer.atlas.azure) in C(module_defaults) to set the options for AZURE once.
    support: full
    membership:
      - cloudpeer.atlas.azure
notes:
  - With C(ansible_connection=local), the task runs in Ansible's own process. Otherwise, or if Ansible's own Python has no
    azure-identity, it runs as a module. The result is the same. Set the variable C(atlas_in_process) to C(false) to run it as a
    module always.
  - Each task, and each item of a loop, uses its own credentials. The environment variables C(HTTPS_PROXY) and C(NO_PROXY) set a
    proxy, and C(REQUESTS_CA_BUNDLE) names a PEM file with the certificates of the authorities to trust.
"""
