# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to Atlas share: the base class of their Operations, and parallel reads."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager

from .._api.client import AtlasClient
from .._auth import clients
from .._auth import clients as login
from .._auth.sources import find_project
from .._engine.operation import Operation
from .._engine.options import Parameters, check_wait, parse_values
from .._engine.wait import State
from .._http import tls
from .._http.errors import TaskError

# How many read requests run in parallel.
READERS = 8
_Key = t.TypeVar("_Key")
_Result = t.TypeVar("_Result")


class AtlasOperation(Operation[AtlasClient, State]):
    """An Operation on one project, whose session is a client for Atlas."""

    libraries = clients.LIBRARIES
    connect = staticmethod(clients.connect)

    @classmethod
    def preload(cls) -> None:
        """Load the usual certificates, and what signing in needs, before Ansible forks its workers."""
        tls.preload()
        login.preload()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options of the connection, those for waiting if there are any, and the values that modules share.

        Returns:
            The options, parsed, and warnings.

        Raises:
            InvalidOptionError: If an option is invalid.
        """
        if params.get("group_ids") is None:
            params = {**params, "group_id": find_project(params)}
        params, warnings = parse_values(params)
        if "wait" in params:
            check_wait(params)
        return params, [*warn_of_connection(params), *warnings]

    def read_all(self, calls: t.Mapping[_Key, t.Callable[[], _Result]]) -> dict[_Key, _Result | TaskError]:
        """Make several calls in parallel; see the function `read_all`."""
        return read_all(self.session, self.params, calls)


class SideBySide(t.Protocol):
    """A session that several threads can send with."""

    def side_by_side(self, parallel: int, longest_pause: float, /) -> AbstractContextManager[None]:
        """Let several threads send inside the block; see `AtlasClient.side_by_side`."""


def read_all(
    client: SideBySide, params: Parameters, calls: t.Mapping[_Key, t.Callable[[], _Result]]
) -> dict[_Key, _Result | TaskError]:
    """Make several calls that read, in parallel.

    Args:
        client: The client for Atlas, or a session that has one.
        params: The options.
        calls: The calls, by key.

    Returns:
        The value or the TaskError of each call, by the same keys in the same order.
    """
    # Imported late: few tasks need it, and a module's process compiles each file again.
    from .._http.threads import Workers

    # A pause for a rate limit may take as long as all tries of a request.
    longest_pause = params["timeout"] * (params["retries"] + 1)
    found: dict[_Key, _Result | TaskError] = {}
    with client.side_by_side(READERS, longest_pause), Workers[_Key, _Result](READERS) as workers:
        for key, call in calls.items():
            workers.submit(key, call)
        for ended in workers.results():
            try:
                found[ended.key] = ended.result()
            except TaskError as error:
                found[ended.key] = error
    return {key: found[key] for key in calls}


def warn_of_connection(params: Parameters) -> list[str]:
    """Return a warning if certificates are not validated."""
    if params["validate_certs"]:
        return []
    return ["validate_certs is false: anybody on the way to Atlas can read and change what is sent."]
