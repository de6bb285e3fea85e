# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of what the modules of the collection have in common as Ansible modules."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of every module of the collection."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Predicts in C(check_mode) whether something would be changed, and sends nothing but reads.
  diff_mode:
    description: Returns in diff mode what was changed, or would be.
  idempotent:
    description: Run twice with the same options, the second run changes nothing, provided that nobody else has.
  action_group:
    description: Use C(group/cloudpeer.atlas.atlas) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - cloudpeer.atlas.atlas
"""
