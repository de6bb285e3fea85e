# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The projects of an organization, and the custom DNS of one."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._api.reply import check_written, odd_reply
from .._values.ids import parse_object_id
from .._values.json_fields import JsonObject, objects_in, text_in
from .._values.patterns import InvalidValueError


class Project(t.TypedDict):
    """A project, with the names of the results; None for what Atlas does not report."""

    id: str
    name: str
    org_id: str
    created: str | None
    cluster_count: int | None
    tags: dict[str, str]
    region_usage_restrictions: str | None


class Organization(t.TypedDict):
    """An organization."""

    id: str
    name: str


def list_projects(client: AtlasClient) -> list[Project]:
    """Return all projects that the credentials can see. The client remembers them until it is asked again.

    Raises:
        TaskError: If they cannot be read.
    """
    description = "list the projects that the credentials can see"
    found = [to_result(one, description) for one in client.get_all(("groups",), {}, description)]
    client.kept["groups",] = found
    return found


def known_projects(client: AtlasClient) -> list[Project]:
    """Return the projects of the last list that this client has read; none if it has read no list."""
    found: list[Project] = client.kept.get(("groups",), [])
    return found


def list_organizations(client: AtlasClient) -> list[Organization]:
    """Return the organizations that the credentials can see.

    Raises:
        TaskError: If they cannot be read.
    """
    description = "list the organizations that the credentials can see"
    return [_to_organization(one, description) for one in client.get_all(("orgs",), {}, description)]


def to_result(project: JsonObject, description: str) -> Project:
    """Return a project of the API with the names of the results.

    Args:
        project: The object of the API.
        description: What was requested, as a verb phrase for the message.

    Raises:
        ApiError: If it is not a project.
    """
    try:
        return {
            "id": _id_in(project, "id"),
            "name": text_in(project, "name", "project"),
            "org_id": _id_in(project, "orgId"),
            "created": project.get("created"),
            "cluster_count": project.get("clusterCount"),
            "tags": {text_in(one, "key", "tag"): str(one.get("value", "")) for one in objects_in(project, "tags")},
            # Of Atlas for Government alone.
            "region_usage_restrictions": project.get("regionUsageRestrictions"),
        }
    except ValueError as error:
        raise odd_reply(description, str(error)) from None


def _id_in(project: JsonObject, key: str) -> str:
    """Return an id of a project. It becomes a part of paths and of names of hosts, so it has to be one.

    Raises:
        ValueError: If it is not an id.
    """
    try:
        return parse_object_id(text_in(project, key, "project"))
    except InvalidValueError as error:
        raise ValueError(f"has a project whose {key} {error}") from None


def _to_organization(organization: JsonObject, description: str) -> Organization:
    try:
        return {"id": text_in(organization, "id", "organization"), "name": text_in(organization, "name", "organization")}
    except ValueError as error:
        raise odd_reply(description, str(error)) from None


# The role that the documentation of the API names; reading takes less.
_HINTS = {"USER_UNAUTHORIZED": "Give the API key or service account the role Project Atlas Admin in the project."}


def is_custom_dns_enabled(client: AtlasClient, group_id: str) -> bool:
    """Return whether custom DNS is enabled in a project.

    Raises:
        TaskError: If it cannot be read.
    """
    description = f"read the custom DNS of project {group_id}"
    enabled = _enabled_in(client.get(_path(group_id), description))
    if enabled is None:
        raise odd_reply(description, "does not report whether it is enabled")
    return enabled


def update_custom_dns(client: AtlasClient, group_id: str, *, enabled: bool) -> None:
    """Enable or disable the custom DNS of a project.

    Raises:
        TaskError: If Atlas refuses it, or does not confirm it (`outcome_unknown`).
    """
    description = f"{'enable' if enabled else 'disable'} the custom DNS of project {group_id}"
    sent = {"enabled": enabled}
    shown = {"enabled": _enabled_in(client.patch(_path(group_id), sent, description, hints=_HINTS))}
    check_written(description, shown, sent)


def _path(group_id: str) -> tuple[str, ...]:
    return ("groups", group_id, "awsCustomDNS")


def _enabled_in(reply: JsonObject) -> bool | None:
    enabled = reply.get("enabled")
    return enabled if isinstance(enabled, bool) else None
