# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GCP's half: lists the VPC networks of each project, with their peerings."""

from __future__ import annotations

import json
import typing as t

from .._gcp.errors import GcpDeniedError
from .._gcp.network import Peering
from .._gcp.networks import list_networks
from .._http.errors import TaskError
from .connections import Connection
from .credentials import gcp_names
from .facts import Fact, Unread
from .session import CheckSession

if t.TYPE_CHECKING:
    from .._gcp.session import GcpSession

# The peerings of each network of a project, or why they are not known.
Networks = Fact[t.Mapping[str, t.Sequence[Peering]]]
_PERMISSION = "compute.networks.list"
# GCP's codes for a missing permission. It also denies requests for other reasons, such as a disabled API.
_LACKS_PERMISSION = ("forbidden", "PERMISSION_DENIED")


def read_gcp(session: CheckSession, connections: t.Iterable[Connection]) -> dict[Connection, Networks]:
    """Return the networks of the project of each connection.

    Each project is read once, unless two connections read it with different credentials.

    Raises:
        TaskError: If nothing could be read, and a request failed in another way than by a denial.
    """
    sessions: dict[str, GcpSession] = {}
    answers: dict[tuple[str, str], Networks | TaskError] = {}
    keys = {
        one: (json.dumps(dict(one.credentials), sort_keys=True, default=str), str(one.entry.gcp_project_id))
        for one in connections
    }
    for one, (credentials, project_id) in keys.items():
        if credentials not in sessions:
            with gcp_names():
                sessions[credentials] = session.open_gcp(one.credentials)
        if (credentials, project_id) not in answers:
            try:
                with gcp_names():
                    answers[credentials, project_id] = list_networks(sessions[credentials], project_id)
            except TaskError as error:
                answers[credentials, project_id] = error
    failures = [one for one in answers.values() if isinstance(one, TaskError)]
    others = [one for one in failures if not isinstance(one, GcpDeniedError)]
    if others and len(failures) == len(answers):
        raise others[0]
    found = {key: _unread(answer) if isinstance(answer, TaskError) else answer for key, answer in answers.items()}
    return {one: found[key] for one, key in keys.items()}


def _unread(error: TaskError) -> Unread:
    if isinstance(error, GcpDeniedError) and error.error_code in _LACKS_PERMISSION:
        # The finding gives its own advice on permissions.
        return Unread(error.message, _PERMISSION)
    return Unread(str(error))
