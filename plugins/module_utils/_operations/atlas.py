# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to Atlas share: the base class of their Operations, and parallel reads."""

from __future__ import annotations

import typing as t
from functools import partial

from .._api.client import AtlasClient
from .._auth import clients
from .._auth.sources import find_project, is_in_environment
from .._engine.operation import ModuleBase, Operation, SideBySide
from .._engine.options import Parameters, ParseRegion, check_one_way, check_wait, many_projects, parse_values
from .._engine.wait import State
from .._http import transport
from .._http.errors import InvalidOptionError, TaskError
from .._http.pauses import Limits, value_or_error

_Key = t.TypeVar("_Key")
_Result = t.TypeVar("_Result")


class AtlasModule(ModuleBase[AtlasClient]):
    """What a module for one project needs, whose session is a client for Atlas."""

    libraries = clients.LIBRARIES
    connect = staticmethod(clients.connect)

    @classmethod
    def preload(cls) -> None:
        """Load the usual certificates, and what signing in needs, before Ansible forks its workers."""
        transport.preload()
        clients.preload()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options of the connection, those for waiting if there are any, and the values that modules share.

        Returns:
            The options, parsed, and warnings.

        Raises:
            InvalidOptionError: If an option is invalid.
        """
        params, warnings = parse_values(choose_project(params), cls.region_parser(params))
        if "wait" in params:
            check_wait(params)
        return params, [*warn_of_connection(params), *warnings]

    @classmethod
    def region_parser(cls, params: Parameters) -> ParseRegion | None:
        """Return what parses the regions in the options; None for those of AWS."""
        return None

    @classmethod
    def prepare(cls, params: Parameters, session: AtlasClient) -> Parameters:
        """Return the options with the id of the project in `project_name`, or with the projects that they choose."""
        return with_projects(params, session)


class AtlasOperation(AtlasModule, Operation[AtlasClient, State]):
    """An Operation on one project."""

    def read_all(self, calls: t.Mapping[_Key, t.Callable[[], _Result]]) -> dict[_Key, _Result | TaskError]:
        """Make several calls in parallel; see the function `read_all`."""
        return read_all(self.session, self.params, calls)


def choose_project(params: Parameters, other_way: str = "") -> Parameters:
    """Return the options with one way to say which project it is: `group_id`, `project_name`, or those that choose several.

    Args:
        params: The options of the task; Ansible has filled missing ones from the environment.
        other_way: What else to do if no project is set; see `find_project`.

    Raises:
        InvalidOptionError: If several ways are set in the task, none is set anywhere, or those for several are invalid.
    """
    # The argument spec fills in group_id from the environment variable, which does not count beside another way.
    is_own = params["group_id"] is not None and not is_in_environment("group_id", params["group_id"])
    has_name = is_named(params)
    check_one_way({**params, "group_id": params["group_id"] if is_own else None})
    if many_projects(params):
        # Loaded where a task needs it.
        from .projects import check_projects

        return {**params, "group_id": None, **check_projects(params)}
    if has_name:
        return {**params, "group_id": None}
    return {**params, "group_id": find_project(params, other_way or ("set group_ids" if "group_ids" in params else ""))}


def is_named(params: Parameters) -> bool:
    """Whether the project is given by its name.

    Raises:
        InvalidOptionError: If the name is empty.
    """
    name = params["project_name"]
    if name is not None and not name.strip():
        raise InvalidOptionError("project_name is empty.", hint="Give the name of the project, or leave it out.")
    return name is not None


def with_projects(params: Parameters, client: AtlasClient | None) -> Parameters:
    """Return the options with what they say of projects looked up: the same if there is nothing to look up.

    `project_name` gives `group_id`. If the options choose several projects, these are in `projects`, as `find_projects` has them.

    Args:
        params: The options, as `choose_project` returns them.
        client: The client for Atlas; None if Atlas is not read.

    Raises:
        TaskError: If the credentials cannot see a project, or two have the name, or the projects cannot be read.
    """
    is_many = bool(many_projects(params))
    if client is None or not (is_many or (params["project_name"] is not None and params["group_id"] is None)):
        return params
    # Loaded where a task needs it.
    from .projects import find_group_id, find_projects

    if is_many:
        return {**params, "projects": find_projects(client, params)}
    return {**params, "group_id": find_group_id(client, params["project_name"])}


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
    from .._http.threads import READERS, call_all

    # A pause for a rate limit may take as long as all tries of a request.
    with client.side_by_side(READERS, Limits(params["timeout"], params["retries"]).total_time):
        return call_all({key: partial(value_or_error, call) for key, call in calls.items()}, READERS)


def warn_of_connection(params: Parameters) -> list[str]:
    """Return a warning if certificates are not validated."""
    if params["validate_certs"]:
        return []
    return ["validate_certs is false: anybody on the way to Atlas can read and change what is sent."]
