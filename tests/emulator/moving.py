"""Lists that change while they are paged."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets

from .clouds import CloudUnreachableError
from .ids import new_aws_id
from .project import Project
from .providers import DEFAULT_PROVIDER
from .query import split


def move(project: Project, path: str, query: str, change: str) -> None:
    """Change the list that a page was asked of, in front of everything that is still to be paged.

    Args:
        path: The list's path, as it was asked for; of anything else nothing is changed.
        change: `remove` the first element as if it had never been there, or `add` one like it in front of it. A list
            without elements stays so.
    """
    segments = path.rstrip("/").split("/")
    provider = split(query).get("providerName", DEFAULT_PROVIDER)
    with project.now():
        if segments[-1] == "peers":
            _move_peers(project, provider, change)
        elif segments[-1] == "containers":
            _move_containers(project, provider, change)
        elif segments[-2:] == ["containers", "all"]:
            _move_containers(project, None, change)
        elif segments[-1] == "accessList":
            _move_access(project, change)


def _move_peers(project: Project, provider: str, change: str) -> None:
    peer = next(iter(project.peers.of(provider)), None)
    if peer and change == "remove":
        project.peers.drop(peer)
    elif peer:
        name = peer.provider.identity[-1]
        other = new_aws_id("vpc") if name == "vpcId" else f"added-{secrets.token_hex(4)}"
        fields = {**peer.fields, name: other}
        project.peers.put_first(dataclasses.replace(peer, id=project.new_id(), fields=fields, connection_id=None))


def _move_containers(project: Project, provider: str | None, change: str) -> None:
    found = project.containers if provider is None else project.containers.of(provider)
    container = next(iter(found), None)
    if container and change == "remove":
        with contextlib.suppress(CloudUnreachableError):
            project.containers.delete(container, [])
    elif container:
        project.containers.put_first(dataclasses.replace(container, id=project.new_id(), network_id=None))


def _move_access(project: Project, change: str) -> None:
    entry = next(iter(project.access_list), None)
    if entry and change == "remove":
        project.access_list.delete(entry)
    elif entry:
        # TEST-NET-2 of RFC 5737 and more of its kind, which nobody lists.
        project.access_list.put_first(
            dataclasses.replace(entry, value=f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}/32")
        )
