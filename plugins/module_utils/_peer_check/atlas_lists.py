# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of a project, as checks rely on them: a reply that is odd is an error, and never fine."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._checks.facts import AtlasObject
from .._clouds.aws import AWS
from .._clouds.cloud import PROVIDERS
from .._http.errors import AtlasApiError, AtlasError
from .._resources.access_list import AccessList
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._values.invalid import InvalidValueError
from .._values.regions import parse_aws_region

Answer = t.Any


def list_peers(client: AtlasClient, group_id: str, cloud: str = AWS.name) -> list[AtlasObject]:
    """Return the connections with one cloud.

    Raises:
        AtlasError: If they cannot be read.
    """
    found = VpcPeers(client, group_id, PROVIDERS[cloud]).list_peers()
    if cloud == AWS.name:
        _check_regions(found, "accepter_region_name", "VPC peering connection", group_id)
    return list(found)


def list_containers(client: AtlasClient, group_id: str, cloud: str | None = AWS.name) -> list[AtlasObject]:
    """Return the containers on one cloud, or for None those on all clouds, which are not checked yet.

    Raises:
        AtlasError: If they cannot be read.
    """
    if cloud is None:
        return list(Containers(client, group_id).list_all_containers())
    answer = of_cloud(list(Containers(client, group_id).list_containers(cloud)), cloud, group_id)
    if isinstance(answer, AtlasError):
        raise answer
    return t.cast("list[AtlasObject]", answer)


def _check_containers(found: t.Sequence[AtlasObject], group_id: str) -> None:
    """Check that containers are what checks rely on.

    Raises:
        AtlasApiError: If one is something else.
    """
    for one in found:
        _check_texts([one], [name for name in one if name not in ("provisioned", "regions")], "network container", group_id)
    on_aws = [one for one in found if one["provider_name"] in (None, AWS.name)]
    _check_regions(on_aws, "region_name", "network container", group_id)


def of_cloud(answer: Answer, cloud: str, group_id: str) -> Answer:
    """Return the containers of one cloud, of those of all clouds or of this one; or the AtlasError why they are not known."""
    if isinstance(answer, AtlasError):
        return answer
    found = [one for one in answer if (one["provider_name"] or AWS.name) == cloud]
    try:
        _check_texts(answer, ("provider_name",), "network container", group_id)
        _check_containers(found, group_id)
    except AtlasApiError as error:
        return error
    return found


def joined(answers: t.Sequence[Answer]) -> Answer:
    """Return lists as one, or the AtlasError why one of them is not known."""
    failures = [one for one in answers if isinstance(one, AtlasError)]
    return failures[0] if failures else [one for answer in answers for one in answer]


def list_entries(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    """Return the entries of the access list.

    Raises:
        AtlasError: If they cannot be read.
    """
    found = list(AccessList(client, group_id).list_entries().values())
    names = ("cidr_block", "ip_address", "aws_security_group", "comment", "delete_after_date")
    _check_texts(found, names, "entry of the access list", group_id)
    return list(found)


def read_other(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    """Return the connections of another project with AWS, each with the block of its container.

    Raises:
        AtlasError: If they cannot be read.
    """
    peers = list_peers(client, group_id)
    blocks = {one["id"]: one["atlas_cidr_block"] for one in (list_containers(client, group_id) if peers else ())}
    return [{**peer, "atlas_cidr_block": blocks.get(peer["container_id"])} for peer in peers]


def _check_texts(found: t.Iterable[t.Mapping[str, t.Any]], names: t.Sequence[str], what: str, group_id: str) -> None:
    """Check that fields are texts or null, which checks rely on.

    Raises:
        AtlasApiError: If one is something else.
    """
    for one in found:
        odd = [name for name in names if one[name] is not None and not isinstance(one[name], str)]
        if odd or one.get("id", "") is None:
            raise _odd_reply(what, ", ".join(odd) or "id", group_id)


def _check_regions(found: t.Iterable[t.Mapping[str, t.Any]], name: str, what: str, group_id: str) -> None:
    """Check that a field is a region of AWS, if it is set: it may say which region of AWS is asked.

    Raises:
        AtlasApiError: If it is something else.
    """
    for one in found:
        try:
            if one[name]:
                parse_aws_region(one[name])
        except InvalidValueError:
            raise _odd_reply(what, name, group_id) from None


def _odd_reply(what: str, names: str, group_id: str) -> AtlasApiError:
    return AtlasApiError(f"Failed to read project {group_id}: a reply is not a {what}: {names}.", hint="Check base_url.")
