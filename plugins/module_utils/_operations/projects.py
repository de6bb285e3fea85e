# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which projects a task means: one by its name, or several by ids, patterns of names and their organization."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._engine.options import Parameters, parse_option
from .._http.errors import InvalidOptionError
from .._resources.projects import Project, known_projects, list_projects
from .._values.ids import parse_object_id
from .._values.patterns import fits_text

# How many names a message has at most.
_MOST_NAMES = 5


def check_projects(params: Parameters) -> dict[str, t.Any]:
    """Return the options that choose several projects, checked, and each element once.

    Raises:
        InvalidOptionError: If one is invalid.
    """
    found: dict[str, t.Any] = {"org_id": params["org_id"]}
    for name in ("group_ids", "project_names"):
        values = params[name]
        if values is not None and not values:
            raise InvalidOptionError(f"{name} is empty.", hint="Name at least one project, or leave it out.")
        for index, value in enumerate(values or ()):
            if not value.strip():
                raise InvalidOptionError(f"{name}[{index}] is empty.", hint="Give a value, or leave the element out.")
        found[name] = None if values is None else tuple(dict.fromkeys(values))
    for index, group_id in enumerate(params["group_ids"] or ()):
        parse_option("group_ids", group_id, parse_object_id, number=index)
    if params["org_id"] is not None:
        parse_option("org_id", params["org_id"], parse_object_id)
    return found


def choose_projects(projects: t.Iterable[Project], params: Parameters) -> list[Project]:
    """Return the projects that fit `group_ids`, `project_names` and `org_id`, in the order of `group_ids`; all if none is set.

    Args:
        projects: All projects that the credentials can see.
        params: The options, checked by `check_projects`.

    Raises:
        InvalidOptionError: If an id or a pattern fits none of these projects, or no project fits all options.
    """
    ids, patterns, org_id = params["group_ids"], params["project_names"], params["org_id"]
    listed = [one for one in projects if org_id in (None, one["org_id"])]
    of_organization = "" if org_id is None else f" in organization {org_id}"
    if org_id is not None and not listed:
        raise InvalidOptionError(
            f"org_id: the credentials can see no project{of_organization}.", hint="Check org_id, and the roles of the key."
        )
    for index, group_id in enumerate(ids or ()):
        if all(one["id"] != group_id for one in listed):
            raise InvalidOptionError(
                f"group_ids[{index}]: the credentials can see no project {group_id}{of_organization}.",
                hint="Check the id, and the roles of the key.",
            )
    for index, pattern in enumerate(patterns or ()):
        if not any(fits_text(one["name"], pattern) for one in listed):
            raise InvalidOptionError(
                f"project_names[{index}]: {pattern!r} fits no project that the credentials can see{of_organization}.",
                hint=_nearest(pattern, listed),
            )
    chosen = [
        one
        for one in listed
        if (ids is None or one["id"] in ids) and (patterns is None or any(fits_text(one["name"], each) for each in patterns))
    ]
    if ids is None:
        return chosen
    if not chosen:
        raise InvalidOptionError("No project of group_ids has a name that fits project_names.", hint="Leave one of them out.")
    return sorted(chosen, key=lambda one: ids.index(one["id"]))


def find_projects(client: AtlasClient, params: Parameters) -> dict[str, Project | None]:
    """Return the projects that the options choose, by id, in the order of `group_ids` if that is set.

    With `group_ids` alone, a project that the credentials cannot see is None: to read it will say what is wrong.

    Raises:
        InvalidOptionError: If the options choose none, or one of them fits none; see `choose_projects`.
        TaskError: If the projects cannot be read.
    """
    listed = list_projects(client)
    if params["project_names"] is None and params["org_id"] is None:
        known = {one["id"]: one for one in listed}
        return {group_id: known.get(group_id) for group_id in params["group_ids"]}
    return {one["id"]: one for one in choose_projects(listed, params)}


def find_group_id(client: AtlasClient, name: str) -> str:
    """Return the id of the project with a name. A list that this client has read before is read again only if it lacks it.

    Atlas's own way from a name to a project (`/groups/byName`) answers 401 for a name that does not exist, chooses one of two
    projects with the same name, and cannot take a slash.

    Raises:
        InvalidOptionError: If the credentials can see no such project, or several.
        TaskError: If the projects cannot be read.
    """
    found = _named(known_projects(client), name)
    if not found:
        listed = list_projects(client)
        found = _named(listed, name)
        if not found:
            raise InvalidOptionError(f"project_name: the credentials can see no project {name!r}.", hint=_nearest(name, listed))
    if len(found) > 1:
        shown = " and ".join(f"{one['id']} in organization {one['org_id']}" for one in found)
        raise InvalidOptionError(
            f"project_name: there are {len(found)} projects {name!r}: {shown}.", hint="Set group_id instead."
        )
    return found[0]["id"]


def _named(projects: t.Iterable[Project], name: str) -> list[Project]:
    return [one for one in projects if one["name"] == name]


def _nearest(name: str, projects: t.Sequence[Project]) -> str:
    """Return advice with the names that are most like one."""
    # Loaded where a message needs it.
    import difflib

    by_form = {one["name"].lower(): one["name"] for one in projects}
    near = [by_form[one] for one in difflib.get_close_matches(name.lower(), by_form, _MOST_NAMES, cutoff=0.5)]
    if near:
        return f"Perhaps it is {' or '.join(map(repr, near))}."
    return f"They can see {len(projects)} projects; atlas_project_info lists them." if projects else "They can see none at all."
