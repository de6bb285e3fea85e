# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error for invalid values; the caller adds the name of the option."""

from __future__ import annotations


class InvalidValueError(ValueError):
    """An invalid value.

    Args:
        problem: What is wrong. It follows the name of the option in the message: `is not a CIDR block: '10.0.0.0'`.
        hint: What to do next, as a sentence.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint
