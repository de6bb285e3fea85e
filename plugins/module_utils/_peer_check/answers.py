# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From answers to facts: what could not be read is a fact that says so, with the permission that is missing. Pure."""

from __future__ import annotations

import typing as t

from .._aws.errors import DeniedError
from .._checks.facts import Unread
from .._http.errors import AtlasAuthError, AtlasError

# The role in Atlas that reads everything here.
ATLAS_ROLE = "Project Read Only"


def to_fact(answer: t.Any) -> t.Any:
    """Return an answer as a fact: an AtlasError as what is unread, and all else as it is."""
    if not isinstance(answer, AtlasError):
        return answer
    permission = None
    if isinstance(answer, DeniedError):
        permission = answer.permission
    elif isinstance(answer, AtlasAuthError):
        permission = ATLAS_ROLE
    # The finding gives its own advice on permissions.
    return Unread(answer.without_hint if permission else str(answer), permission)
