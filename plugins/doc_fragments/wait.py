# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options for waiting."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ArgumentSpec WAIT."""

    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Wait until what was asked for is there, or with O(state=absent) until it is gone.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds to wait at the most, for each state that is waited for. Then the task fails.
    type: int
    default: 1800
  wait_sleep:
    description:
      - How many seconds may pass between two looks at the state.
      - Waiting starts with short pauses, which grow up to this.
    type: int
    default: 10
"""
