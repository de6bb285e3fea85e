# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Reading GCP's half: the VPC networks of each project with their peerings, one list a project."""

from __future__ import annotations

import typing as t
from functools import partial

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.facts import Fact, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.errors import GcpDeniedError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import Peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network_list import list_networks

from .gcp_options import credentials_of, named
from .session import CheckSession

Networks = Fact[t.Mapping[str, t.Sequence[Peering]]]
PERMISSION = "compute.networks.list"
# What GCP calls it that an account lacks a permission. It refuses for other reasons as well: the API may be off, say.
_LACKS_PERMISSION = ("forbidden", "PERMISSION_DENIED")


def read_gcp(session: CheckSession, params: Parameters, project_ids: t.Iterable[str]) -> dict[str, Networks]:
    """Return the networks of projects, by the ids of these: the peerings of each, or why they are not known.

    Raises:
        AtlasError: If nothing could be read, for another reason than a missing permission.
    """
    ids = list(dict.fromkeys(project_ids))
    if not ids:
        return {}
    gcp = named(lambda: session.open_gcp(credentials_of(params)))
    found: dict[str, Networks] = {}
    failures = []
    for project_id in ids:
        try:
            found[project_id] = named(partial(list_networks, gcp, project_id))
        except AtlasError as error:
            found[project_id] = _unread(error)
            failures.append(error)
    others = [one for one in failures if not isinstance(one, GcpDeniedError)]
    if others and len(failures) == len(ids):
        raise others[0]
    return found


def _unread(error: AtlasError) -> Unread:
    if isinstance(error, GcpDeniedError) and error.error_code in _LACKS_PERMISSION:
        # The finding gives its own advice on permissions.
        return Unread(error.without_hint, PERMISSION)
    return Unread(str(error))
