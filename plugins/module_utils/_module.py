# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The shell for AnsibleModule: runs a Task in a module's process. The only place that ends the process."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.cloudpeer.atlas.plugins.module_utils._pool import ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._transport import REQUESTS_IMPORT_ERROR


def run_module(task: Task) -> None:
    """Parse the options, run I(task) and end the process with its result."""
    module = AnsibleModule(supports_check_mode=True, **task.argument_spec.to_kwargs())
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    outcome = task.execute(module.params, check_mode=module.check_mode, pool=ClientPool())
    module.no_log_values.update(outcome.secrets)
    for warning in outcome.warnings:
        module.warn(warning)
    result = outcome.to_result(diff=module._diff, verbosity=module._verbosity)
    if outcome.failure is not None:
        module.fail_json(**result)
    module.exit_json(**result)
