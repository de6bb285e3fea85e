# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the network container of the options, explains why there is none, and makes the hand-over to the customer."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from .._clouds.cloud import REGION, Cloud, Fields, Peer, fields_of
from .._clouds.clouds import cloud_of
from .._engine.options import Parameters
from .._engine.plan import Facts
from .._http.errors import InvalidOptionError, NotFoundError, TaskError, as_name, as_option
from .._resources.containers import NOT_FOUND, Container, Containers, container_cloud, describe, is_in_region, to_region
from .connection import LIST_PEERS, PeerState

# The key of the fact that lists the project's containers: the provider's, or all clouds'. Other keys are ids of containers.
LIST_CONTAINERS = "containers"
# The key of the fact that returns the regions of connections' containers, by id, as far as earlier tasks have read them.
KNOWN_REGIONS = "regions"
_GOVERNMENT = "mongodbgov.com"


class ContainerChoice:
    """The network container that `container_id` or `container_region_name` names, or that is found without them.

    With `container_region_name`, the containers are listed as soon as it matters.

    Args:
        params: The options.
        provider: The cloud provider.
        facts: The containers and connections of the project; each fact is read on first use.
    """

    def __init__(self, params: Parameters, provider: Cloud, facts: Facts) -> None:
        self.params = params
        self.provider = provider
        self._facts = facts
        self._group_id: str = params["group_id"]

    def select(self, peers: list[Peer]) -> list[Peer]:
        """Return the connections that are in a container that the options allow.

        Raises:
            TaskError: If Atlas does not report the container of one.
        """
        container_id, region = self.params["container_id"], self.params["container_region_name"]
        if not peers or (container_id is None and region is None):
            return peers
        for peer in peers:
            if peer["container_id"] is None:
                raise TaskError(
                    f"Atlas does not report which network container VPC peering connection {as_name(peer['id'])} is in.",
                    hint=f"Leave {as_option('container_id')} and {as_option('container_region_name')} out. In "
                    "atlas_vpc_peer, peer_id alone names one connection.",
                )
        if region is None:
            return [peer for peer in peers if peer["container_id"] == container_id]
        known = _known_regions(peers, self._facts)
        if not {peer["container_id"] for peer in peers} <= known.keys():
            known = {one["id"]: one.get(REGION) for one in self._list()}
        # A container on GCP has no single region, so no region option can mean it.
        found = {
            container_id for container_id, one in known.items() if one is not None and self.provider.is_in_region(one, region)
        }
        return [peer for peer in peers if peer["container_id"] in found]

    def chosen_id(self) -> str | None:
        """Return the id of the container that the options name; None if they leave it open.

        Raises:
            TaskError: If there is none in `container_region_name`, or more than one.
        """
        region = self.params["container_region_name"]
        if region is None:
            named: str | None = self.params["container_id"]
            return named
        found = self._in_region()
        if len(found) == 1:
            return str(found[0]["id"])
        if found:
            raise TaskError(
                f"{as_option('container_region_name')}: project {self._group_id} has {len(found)} network containers in "
                f"{region}: {describe(found)}.",
                hint=f"Set {as_option('container_id')} instead.",
            )
        others = f"; it has {describe(self._list())}" if self._list() else ""
        raise TaskError(
            f"{as_option('container_region_name')}: project {self._group_id} has no network container on {self.provider.name} in "
            f"{self.provider.regions.to_cloud(region)}{others}.",
            hint="Correct it, or create the network container (atlas_network_container) or a cluster in that region.",
        )

    def find(self, container_id: str | None, region: str | None) -> Container:
        """Return the container of a connection.

        Args:
            container_id: Its id, if known. Without it, the only container counts, or the only one in the region of the VPC.
            region: The region of the VPC, if known.

        Raises:
            TaskError: If there is none, or if several match; the message lists them.
        """
        if container_id is not None and not self.provider.lists_all:
            return self.known(container_id) or self._facts[container_id]
        containers = self._list()
        if container_id is not None:
            known = self.known(container_id)
            if known is None:
                raise self._elsewhere(container_id) or no_such_container(self.params, self.provider, container_id)
            return known
        if len(containers) == 1:
            return containers[0]
        if not containers:
            raise TaskError(
                f"Project {self._group_id} has no network container on {self.provider.name}.",
                hint="Create one, or a cluster in the region, and run the task again.",
            )
        in_region = [one for one in containers if region is not None and to_region(one) == region]
        if len(in_region) == 1:
            return in_region[0]
        raise TaskError(
            f"Project {self._group_id} has {len(containers)} network containers on {self.provider.name}: {describe(containers)}.",
            hint=f"Say which one with {as_option('container_region_name')} or {as_option('container_id')}.",
        )

    def known(self, container_id: str | None) -> Container | None:
        """Return a container if it has been read already."""
        listed = self._listed(self._facts.get(LIST_CONTAINERS, ()))
        return next((one for one in listed if one["id"] == container_id), self._facts.get(container_id or ""))

    def known_home(self) -> Container | None:
        """Return the container of a new connection if it has been read already; None if not, or if the options are unclear."""
        if self.params["container_id"] is not None or LIST_CONTAINERS not in self._facts:
            return self.known(self.params["container_id"])
        try:
            return self.find(self.chosen_id(), self.params.get(self.provider.region or ""))
        except TaskError:
            return None

    def read_names(self, peer: Peer, *, again: bool = False) -> bool:
        """Read the containers if a connection waits for the customer, who needs the names of Atlas's network.

        Args:
            peer: The connection.
            again: Whether to read them again if the names are missing: Atlas knows them only once its network exists.

        Returns:
            Whether the names were missing.
        """
        provider = self.provider
        if not provider.has_names or peer["status_name"] != provider.pending:
            return False
        container = self.known(peer["container_id"])
        if container is not None and container.get(provider.atlas_network[-1]) is not None:
            return False
        if again:
            self._facts.pop(LIST_CONTAINERS, None)
        self._list()
        return True

    def complete(self, peer: Peer, *, reads: bool = True) -> Peer:
        """Return a connection with the region of its network, which Atlas leaves out if it is the container's.

        The container is read for that, and for the hand-over; not on clouds whose connections have no region.

        Args:
            peer: The connection.
            reads: Whether the container may be read; otherwise the region stays null if the container is not known yet.

        Raises:
            TaskError: If the container cannot be read.
        """
        container_id = peer["container_id"]
        if self.provider.region is None or container_id is None:
            return peer
        return with_region(peer, self.find(container_id, None) if reads else self.known(container_id))

    def neighbours(self, state: PeerState) -> t.Sequence[Peer]:
        """Return all connections of the project, in any container. They are read if the state has no list."""
        return self._facts[LIST_PEERS] if state.listed is None else state.listed

    def describe(self, container_id: str) -> str:
        """Describe a container, with its region if known. It never fails: the text is for the message of another error."""
        try:
            region = next((to_region(one) for one in self._list() if one["id"] == container_id), None)
        except TaskError:
            region = None
        return f"network container {container_id}" + (f" in {region}" if region else "")

    def missing(self, container_id: str, error: TaskError) -> InvalidOptionError | None:
        """Return the error for a container that does not exist, if that is what `error` means; None for any other error."""
        if error.error_code != NOT_FOUND:
            return None
        return no_such_container(self.params, self.provider, container_id).with_reply(error)

    def handover(self, fields: Fields, container: Container | None = None) -> dict[str, t.Any]:
        """Return what the customer needs for the cloud's half of a connection with some fields, in its container if known."""
        return self.provider.handover(fields, container, _is_government(self.params))

    def warn_of_others(self, peers: t.Sequence[Peer]) -> tuple[str, ...]:
        """Return a warning if `container_region_name` has no container, and connections are in others.

        Args:
            peers: The live connections to the network of the options, in any container.
        """
        region = self.params["container_region_name"]
        if region is None or not peers or self._in_region():
            return ()
        return (connected_elsewhere(self._group_id, self.provider, region, peers, self._list()),)

    def check_given(self) -> None:
        """Read all containers, and check that `container_id`, if set, is among them.

        Raises:
            InvalidOptionError: If it is not.
        """
        wanted, listed = self.params["container_id"], self._list()
        if wanted is None or any(one["id"] == wanted for one in listed):
            return
        raise self._elsewhere(wanted) or InvalidOptionError(
            f"{as_option('container_id')}: project {self._group_id} has no network container {wanted} on {self.provider.name}.",
            hint=f"It has {describe(listed)}." if listed else "It has none. Create one (atlas_network_container).",
        )

    def _elsewhere(self, container_id: str) -> InvalidOptionError | None:
        """Return the error for a container that is on another cloud; None if the list of containers does not have it."""
        found = next((one for one in self._facts[LIST_CONTAINERS] if one["id"] == container_id), None)
        return None if found is None else on_other_cloud(self.provider, found)

    def _list(self) -> list[Container]:
        return self._listed(self._facts[LIST_CONTAINERS])

    def _listed(self, containers: t.Iterable[Container]) -> list[Container]:
        """Return the containers that are on the provider."""
        return [one for one in containers if container_cloud(one["provider_name"]).name == self.provider.name]

    def _in_region(self) -> list[Container]:
        return [one for one in self._list() if is_in_region(one, self.params["container_region_name"])]


def read_containers(key: str, params: Parameters, provider: Cloud, containers: Containers) -> list[Container] | Container:
    """Read a fact: the list of containers, or one container by its id.

    Args:
        key: Its key.
        params: The options.
        provider: The cloud provider.
        containers: The containers of the project.

    Raises:
        InvalidOptionError: If the container does not exist, or is on another provider.
    """
    if key == LIST_CONTAINERS:
        return containers.list_all_containers() if provider.lists_all else containers.list_containers(provider.name)
    try:
        container = containers.get_used_container(key)
    except NotFoundError as error:
        if error.error_code == NOT_FOUND:
            raise no_such_container(params, provider, key).with_reply(error) from error
        raise
    if container["provider_name"] not in (provider.name, None):
        raise on_other_cloud(provider, container)
    return container


def with_region(peer: Peer, container: Container | None) -> Peer:
    """Return a connection with the region of its network as the cloud writes it; that of the container if Atlas shows none.

    Args:
        peer: The connection; on a cloud whose connections have no region, it is returned unchanged.
        container: Its container; None if it is not known.
    """
    provider = cloud_of(peer)
    if provider.region is None:
        return peer
    region = fields_of(peer)[provider.region]
    if region:
        region = provider.regions.to_cloud(region)
    elif region is None and container is not None:
        region = to_region(container)
    return t.cast("Peer", {**peer, provider.region: region})


def complete_from_list(peer: Peer, facts: Facts) -> Peer:
    """Return a connection with the region of its network, for which all containers are read if Atlas leaves it out.

    They are not read if an earlier task has read that region. It stays null if the container has been created since.
    """
    provider, container_id = cloud_of(peer), peer["container_id"]
    if provider.region is None or fields_of(peer)[provider.region] is not None:
        return with_region(peer, None)
    known = _known_regions([peer], facts).get(container_id)
    if known is not None:
        return with_region(peer, {"provider_name": provider.name, REGION: known})
    return with_region(peer, next((one for one in facts[LIST_CONTAINERS] if one["id"] == container_id), None))


def connected_elsewhere(
    group_id: str, cloud: Cloud, region: str, peers: t.Iterable[Peer], containers: t.Sequence[Container]
) -> str:
    """Return the warning that a region has no container, and that the network is connected through others.

    Args:
        group_id: The project.
        cloud: The cloud of both.
        region: The region that the options name.
        peers: The connections of the network.
        containers: The containers of the project.
    """
    places = {one["id"]: f"network container {one['id']} ({to_region(one)})" for one in containers}
    found = ", ".join(f"{as_name(one['id'])} in {places.get(one['container_id'])}" for one in peers)
    return (
        f"Project {group_id} has no network container on {cloud.name} in {cloud.regions.to_cloud(region)}, and the network is "
        f"connected elsewhere: {found}. If that container was moved, as Terraform can do on AWS, set "
        f"{as_option('container_region_name')} to its region."
    )


def _known_regions(peers: t.Sequence[Peer], facts: Facts) -> dict[str, str | None]:
    """Return the regions of the containers of connections, by id, as far as earlier tasks have read them."""
    regions_of = facts.get(KNOWN_REGIONS)
    return regions_of(peers) if regions_of else {}


def make_handover(choice: ContainerChoice, peer: Peer | None) -> dict[str, t.Any]:
    """Return what the customer needs for the cloud's half of the peering. A cloud always has the same keys.

    Args:
        choice: The container, with the options, which describe a connection that is not there yet.
        peer: The connection; None if there is none.
    """
    params, provider = choice.params, choice.provider
    names = (*provider.writable, *provider.read_only)
    known: Fields = {name: params.get(name) for name in names} if peer is None else fields_of(peer)
    container = choice.known(known.get("container_id")) if peer is not None else choice.known_home()
    return choice.handover(known, container)


def _is_government(params: Parameters) -> bool:
    """Whether `base_url` is that of Atlas for Government."""
    host = urlsplit(params["base_url"] or "").hostname or ""
    return host == _GOVERNMENT or host.endswith(f".{_GOVERNMENT}")


def no_such_container(params: Parameters, provider: Cloud, container_id: str) -> InvalidOptionError:
    """Return the error for a container that a project does not have."""
    is_option = container_id == params["container_id"]
    begin = f"{as_option('container_id')}: p" if is_option else "P"
    found = f"Check it, or leave it out to have the container on {provider.name} found."
    return InvalidOptionError(
        f"{begin}roject {params['group_id']} has no network container {container_id}.",
        hint=found if is_option else "Run the task again.",
    )


def on_other_cloud(provider: Cloud, container: Container) -> InvalidOptionError:
    """Return the error for a container that is on another provider."""
    return InvalidOptionError(
        f"{as_option('container_id')}: network container {container['id']} is on {container['provider_name']}, not on "
        f"{provider.name}.",
        hint=f"Leave it out to have the container on {provider.name} found.",
    )
