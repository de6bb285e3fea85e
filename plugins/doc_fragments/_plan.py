# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options for a plan that is saved."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec PLAN_FILE."""

    DOCUMENTATION = r"""
options:
  plan_file:
    description:
      - A file on the controller, relative to the playbook. Check mode writes its plan there. A run does what that says and no
        more. It fails before it changes anything if more would have to be done, what it would change or remove is no longer as
        it was, or the list or an option has changed since. What is in place already is no failure. It has names of networks, and
        no credentials. Each task and host needs its own.
    type: raw
    version_added: 4.0.0
  plan_max_age:
    description:
      - How many days old the plan may be. V(0) is for any age.
    type: int
    default: 7
    version_added: 4.0.0
"""
