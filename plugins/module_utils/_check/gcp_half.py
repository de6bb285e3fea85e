# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading GCP's half: the VPC networks of each project with their peerings, one list a project."""

from __future__ import annotations

import json
import typing as t

from .._gcp.errors import GcpDeniedError
from .._gcp.network import Peering
from .._gcp.networks import list_networks
from .._http.errors import TaskError
from .connections import Connection
from .credentials import with_gcp_names
from .facts import Fact, Unread
from .session import CheckSession

if t.TYPE_CHECKING:
    from .._gcp.session import GcpSession

Networks = Fact[t.Mapping[str, t.Sequence[Peering]]]
PERMISSION = "compute.networks.list"
# What GCP calls it that an account lacks a permission. It refuses for other reasons as well: the API may be off, say.
_LACKS_PERMISSION = ("forbidden", "PERMISSION_DENIED")


def read_gcp(session: CheckSession, connections: t.Sequence[Connection]) -> list[Networks]:
    """Return the networks of the project of each connection: the peerings of each network, or why they are not known.

    Each project is read once, unless two connections read it with different credentials.

    Raises:
        TaskError: If nothing could be read, for another reason than a missing permission.
    """
    sessions: dict[str, GcpSession] = {}
    found: dict[tuple[str, str], Networks] = {}
    failures = []
    for one in connections:
        credentials, project_id = _key(one), str(one.entry.gcp_project_id)
        if credentials not in sessions:
            with with_gcp_names():
                sessions[credentials] = session.open_gcp(one.credentials)
        if (credentials, project_id) not in found:
            try:
                with with_gcp_names():
                    found[credentials, project_id] = list_networks(sessions[credentials], project_id)
            except TaskError as error:
                found[credentials, project_id] = _unread(error)
                failures.append(error)
    others = [one for one in failures if not isinstance(one, GcpDeniedError)]
    if others and len(failures) == len(found):
        raise others[0]
    return [found[_key(one), str(one.entry.gcp_project_id)] for one in connections]


def _key(connection: Connection) -> str:
    return json.dumps(dict(connection.credentials), sort_keys=True, default=str)


def _unread(error: TaskError) -> Unread:
    if isinstance(error, GcpDeniedError) and error.error_code in _LACKS_PERMISSION:
        # The finding gives its own advice on permissions.
        return Unread(error.without_hint, PERMISSION)
    return Unread(str(error))
