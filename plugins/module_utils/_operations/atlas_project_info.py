# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_project_info does: it reads the projects that the options select, with their organizations."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._auth.sources import is_in_environment
from .._engine.argspec import CONNECTION, PROJECTS, ArgumentSpec
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError
from .._resources.projects import list_organizations, list_projects
from .atlas import AtlasOperation, warn_of_connection
from .projects import check_projects, choose_projects

_Projects = list[dict[str, t.Any]]


class AtlasProjectInfo(AtlasOperation[_Projects]):
    """Reads projects."""

    argument_spec = CONNECTION + PROJECTS + ArgumentSpec({"tags": {"type": "dict", "no_log": False}})
    noun = "projects"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options. The project of the environment does not count: without options, all projects are read."""
        for name, several in {"group_id": "group_ids", "project_name": "project_names"}.items():
            if params[name] is not None and not is_in_environment("group_id", params[name]):
                raise InvalidOptionError(f"{name} is for modules that are about one project.", hint=f"Set {several}.")
        if params["tags"] and params["api_version"] != "v2":
            raise InvalidOptionError(
                "api_version must be v2 for tags.", hint="Version 1.0 of the API does not report those of projects."
            )
        return {**params, **check_projects(params), "tags": _parse_tags(params["tags"] or {})}, warn_of_connection(params)

    @classmethod
    def prepare(cls, params: Parameters, session: AtlasClient) -> Parameters:
        """Return the options as they are: the list of projects is what `look` reads."""
        return params

    def look(self) -> _Projects:
        """Read all projects and organizations that the credentials can see, and select the projects that fit every option."""
        chosen, tags = choose_projects(list_projects(self.session), self.params), self.params["tags"]
        names = {one["id"]: one["name"] for one in list_organizations(self.session)}
        found = [one for one in chosen if tags.items() <= one["tags"].items()]
        return [{"id": one["id"], "name": one["name"], "org_name": names.get(one["org_id"]), **one} for one in found]


def _parse_tags(tags: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    """Return the tags that projects must have, as texts.

    Raises:
        InvalidOptionError: If a value is neither a text nor a whole number: how Atlas writes it is not known.
    """
    for key, value in tags.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InvalidOptionError(f"tags.{key} is not a text: {value!r}.", hint="Put the value in quotes.")
    return {str(key): str(value) for key, value in tags.items()}


OPERATION = AtlasProjectInfo
