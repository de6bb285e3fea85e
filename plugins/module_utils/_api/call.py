# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request that was sent, as results show it."""

from __future__ import annotations

import typing as t


class ApiCall(t.NamedTuple):
    """One HTTP request that was sent, for `api_calls` in a result; `status` is None when no reply came."""

    method: str
    path: str
    status: int | None
    milliseconds: int
