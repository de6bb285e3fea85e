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
      - Wait until the wanted state is reached.
    type: bool
    default: false
  wait_timeout:
    description:
      - The number of seconds to wait at most for each state. After that, the task fails.
    type: int
    default: 1800
  wait_sleep:
    description:
      - The longest pause between two looks at the state, in seconds. The first pauses are shorter, and grow up to this.
    type: int
    default: 10
"""
