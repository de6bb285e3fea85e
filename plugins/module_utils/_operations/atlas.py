# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to Atlas have in common."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._auth import clients
from .._auth import clients as login
from .._engine.operation import Operation
from .._engine.options import Parameters, check_wait, parse_values
from .._engine.wait import State
from .._http import tls
from .._http.errors import TaskError

# How many requests that only read are sent side by side.
READERS = 8
_Key = t.TypeVar("_Key")
_Result = t.TypeVar("_Result")


class AtlasOperation(Operation[AtlasClient, State]):
    """An Operation on one project, with a client as its session."""

    libraries = clients.LIBRARIES
    connect = staticmethod(clients.connect)

    @classmethod
    def preload(cls) -> None:
        """Read the usual certificates, and what credentials need."""
        tls.preload()
        login.preload()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the connection, the options for waiting if there are any, and the values that modules have in common.

        Returns:
            The options with values in place of texts, and warnings.

        Raises:
            InvalidOptionError: If an option cannot be right.
        """
        params, warnings = parse_values(params)
        if "wait" in params:
            check_wait(params)
        return params, [*warn_of_connection(params), *warnings]

    def read_all(self, calls: t.Mapping[_Key, t.Callable[[], _Result]]) -> dict[_Key, _Result | TaskError]:
        """Read several things side by side; see `read_all`."""
        return read_all(self.session, self.params, calls)


def read_all(
    client: AtlasClient, params: Parameters, calls: t.Mapping[_Key, t.Callable[[], _Result]]
) -> dict[_Key, _Result | TaskError]:
    """Read several things side by side.

    Args:
        client: Atlas.
        params: The options.
        calls: What reads each of them, by its key.

    Returns:
        What was read, or why it could not be, by the same keys in the same order.
    """
    # Few tasks do, and a module's process compiles each file again.
    from .._http.threads import Workers

    # Pauses for the rate may take as long as all tries of a request.
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
    """Return a warning if it is not checked who answers."""
    if params["validate_certs"]:
        return []
    return ["validate_certs is false: anybody on the way to Atlas can read and change what is sent."]
