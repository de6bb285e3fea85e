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
      - Wait until the state is reached that the options ask for.
    type: bool
    default: false
  wait_timeout:
    description:
      - How long to wait, in seconds. If the state is not reached by then, the task fails.
      - If a task waits for several things one after the other, for example until a connection is removed and until its
        replacement can be accepted, this limits each wait, so the waits can add up.
    type: int
    default: 1800
  wait_sleep:
    description:
      - The longest pause between two checks of the state, in seconds. The first pauses are shorter.
    type: int
    default: 10
"""
