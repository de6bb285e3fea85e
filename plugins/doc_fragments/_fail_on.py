# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of when a list fails its task."""

from __future__ import annotations


class ModuleDocFragment:
    """The option `fail_on` of modules with a list of connections."""

    DOCUMENTATION = r"""
options:
  fail_on:
    description:
      - Whether the task fails if something of the list has failed, or was refused. V(fail) fails, and returns RV(failures),
        RV(summary), and how far the failed entries got. V(never) returns everything, and leaves it to you to use RV(failures).
        The task is then C(ok) or C(changed), and has C(msg).
      - What is not about the list fails the task in any case, such as credentials that Atlas refuses.
    type: str
    choices: [fail, never]
    default: fail
    version_added: 4.0.0
"""
