# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the options of network containers, and the plan for the container that they mean."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import partial

from .._clouds.cloud import BLOCK, REGION, REGIONS, Cloud
from .._clouds.clouds import CLOUDS, DEFAULT_CLOUD
from .._clouds.gcp import MOST_REGIONS
from .._engine.options import (
    Parameters,
    check_cloud_of_region,
    check_options,
    check_shown,
    check_version,
    parse_option,
    parse_region,
    parse_text,
)
from .._engine.plan import Change, Facts, Plan, Step
from .._http.errors import InvalidOptionError, TaskError, as_option
from .._resources.containers import Container, describe, is_in_region
from .._values.blocks import do_overlap, parse_private_block

# The removal of a container waits until it is unused.
UNUSED = "unused"
Pairs = tuple[tuple[str, t.Any], ...]


def choose_cloud(params: Parameters) -> Cloud:
    """Return the cloud that the options mean: AWS by default, GCP if `regions` is set.

    Raises:
        InvalidOptionError: If the options contradict each other.
    """
    named, region, regions = params["provider_name"], params["region_name"], params.get("regions")
    if regions is not None and named is not None and CLOUDS[named].place != REGIONS:
        raise InvalidOptionError(
            f"{as_option('regions')} is for GCP, and provider_name is {named}.",
            hint=f"Set {as_option('region_name')} for a network container on {named}.",
        )
    if regions is not None and region is not None:
        raise InvalidOptionError(
            f"{as_option('region_name')} is for AWS and AZURE, and {as_option('regions')} is for GCP.",
            hint="Set only one of them.",
        )
    usual = DEFAULT_CLOUD if regions is None else next(name for name, cloud in CLOUDS.items() if cloud.place == REGIONS)
    cloud = CLOUDS[named or usual]
    check_version(params, cloud.name)
    if cloud.has_one_container and region is not None:
        raise InvalidOptionError(
            f"{as_option('region_name')} is for AWS and AZURE, and provider_name is {cloud.name}.",
            hint="Leave it out: a project has one network container on GCP.",
        )
    if named is None and region is not None:
        check_cloud_of_region("region_name", region)
    return cloud


def parse_place(params: Parameters, cloud: Cloud) -> tuple[dict[str, t.Any], list[str]]:
    """Return the option for the region or regions, as Atlas writes them and each once, and warnings; empty if it is not set.

    Raises:
        InvalidOptionError: If it is invalid.
    """
    value = params[cloud.place]
    if value is None:
        return {}, []
    if not cloud.has_one_container:
        region, warnings = parse_region(cloud.place, value, cloud)
        return {cloud.place: region}, warnings
    regions, warnings = parse_regions(cloud.place, value, cloud)
    return {cloud.place: regions}, warnings


def parse_regions(option: str, value: t.Sequence[str], cloud: Cloud) -> tuple[list[str], list[str]]:
    """Return the regions of a container in several, as Atlas writes them and each once, and warnings.

    Raises:
        InvalidOptionError: If one is invalid, or there are too many.
    """
    parsed = [parse_region(option, text, cloud, number=number) for number, text in enumerate(value)]
    regions = list(dict.fromkeys(region for region, unused in parsed))
    if len(regions) > MOST_REGIONS:
        raise InvalidOptionError(
            f"{option} has {len(regions)} regions, and Atlas takes {MOST_REGIONS} at the most.",
            hint="Leave it out for a network container in all regions.",
        )
    return regions, [warning for unused, warnings in parsed for warning in warnings]


def check_block(params: Parameters, cloud: Cloud) -> None:
    """Check the block and, as far as the options determine it, its size.

    Raises:
        InvalidOptionError: If it is invalid.
    """
    check_options(params, block_form(cloud, params.get("regions")), BLOCK)


def block_form(cloud: Cloud, regions: t.Sequence[str] | None) -> t.Callable[[str], t.Any]:
    """Return the parser of a container's block.

    Args:
        cloud: Its cloud.
        regions: Its regions, on a cloud with one container; None if they are left open.
    """
    if not cloud.has_one_container:
        return cloud.parse_block
    if regions is None:
        # An existing container may have chosen regions, which allow other sizes.
        return parse_private_block
    return partial(cloud.parse_block, regions=len(regions))


@dataclass(frozen=True)
class ContainerState:
    """The state of the container that the options mean.

    Attributes:
        container: The container; None if it does not exist.
        listed: All containers of the project on its cloud.
        users: What uses the container, in words; read only before its removal. None if not read yet.
        is_freed: Whether all users are being removed.
    """

    container: Container | None
    listed: tuple[Container, ...] = ()
    users: tuple[str, ...] | None = ()
    is_freed: bool = False


class ListTerms(t.NamedTuple):
    """What a list sets for one of its containers, beside the options of the module for one.

    Attributes:
        key: The key of its change.
        entries: The keys of the entries that fail with it.
        stage: The stage in which it is created, changed or removed.
        find_users: Returns what uses the container with an id, in words, as far as the task knows without a request.
        check_removal: Raises a TaskError if it has to stay.
        consequence: The effect on the rest if it is in use, in a sentence.
        instead: What to do in place of a removal, as a clause.
    """

    key: t.Hashable
    entries: tuple[str, ...]
    stage: str
    find_users: t.Callable[[str], tuple[str, ...]]
    check_removal: t.Callable[[], None]
    consequence: str
    instead: str


class ContainerPlanner:
    """Plans the creation, change or removal of the container that the options mean.

    Args:
        params: The options, with regions of AZURE and GCP as Atlas writes them.
        cloud: Its cloud.
    """

    def __init__(self, params: Parameters, cloud: Cloud) -> None:
        self._cloud = cloud
        self._waits: bool = params["wait"]
        self._project = f"Project {params['group_id']}"
        self._region: str | None = params[REGION]
        self._regions: list[str] | None = params[REGIONS]
        self._block: str | None = params[BLOCK]

    def choose(self, listed: t.Sequence[Container]) -> Container | None:
        """Return the container in the region, or the only one if no region is set; None if there is none.

        Raises:
            TaskError: If no region is set, and AWS or AZURE has no container or several; these are in the message. If Atlas does
                not report the region of one, and none is in the region.
        """
        if self._region is not None:
            found = next((container for container in listed if is_in_region(container, self._region)), None)
            if found is None:
                for one in listed:
                    check_shown(f"network container {one['id']}", one, [REGION])
            return found
        if self._cloud.has_one_container:
            return listed[0] if listed else None
        if len(listed) == 1:
            return listed[0]
        name = self._cloud.name
        if not listed:
            raise TaskError(
                f"{self._project} has no network container on {name}.",
                hint=f"Set {as_option('region_name')} to create one there.",
            )
        raise TaskError(
            f"{self._project} has {len(listed)} network containers on {name}: {describe(listed)}.",
            hint=f"Say which one with {as_option('region_name')}.",
        )

    def plan_absent(self, state: ContainerState) -> Plan:
        """Plan the removal.

        Raises:
            TaskError: If the container differs from the options, or is in use and the task does not wait.
        """
        container = state.container
        if container is None:
            return Plan()
        # Where Atlas chooses the block, it does not identify a container.
        wanted = {} if self._cloud.chooses_block else self._changes(container)
        if wanted:
            words = self._cloud.describe_fields
            differences = (f"{name} is {words(container, [name])}, not {words(wanted, [name])}" for name in wanted)
            raise InvalidOptionError(
                f"Network container {describe([container])} on {self._cloud.name} is not the one that the options describe: "
                f"{', '.join(differences)}.",
                hint="Correct the option, or leave it out.",
            )
        if state.users and not self._waits:
            way_out = "or set wait to true to wait until they are gone" if state.is_freed else ""
            raise in_use("removed", container, state.users, way_out)
        key = container["id"]
        step = Step("delete", key, (key,), after=UNUSED if self._waits else None)
        return Plan((Change("delete", key, container, None),), (step,))

    def plan_present(self, state: ContainerState, facts: Facts) -> Plan:
        """Plan the creation, or the change of the block or, on GCP, of the regions. `facts` has the users by a container's id.

        Raises:
            TaskError: If that is not possible.
        """
        current = state.container
        if current is None:
            return self._plan_creation(state)
        wanted = self._changes(current)
        if not wanted:
            return Plan()
        words = self._cloud.describe_fields
        change = f"changed from {words(current, wanted)} to {words(wanted, wanted)}"
        if current.get(REGIONS):
            # Atlas documents the error CANNOT_UPDATE_SMALL_CONTAINER, and removal and creation as the way to other regions.
            raise TaskError(
                f"Network container {describe([current])} cannot be {change}: it is limited to regions, and Atlas does not "
                "change it then.",
                hint="Remove it and create another one, or keep what it has.",
            )
        after = self.predict(current, wanted)
        self._check_size(after)
        self._check_overlaps(state)
        key = current["id"]
        users = facts[key]
        if users:
            raise in_use(change, current, users, "or keep what it has")
        return Plan((Change("update", key, current, after),), (Step("update", _to_request(wanted), (key,)),))

    def _plan_creation(self, state: ContainerState) -> Plan:
        cloud, block, regions = self._cloud, self._block, self._regions or []
        if block is None and not cloud.chooses_block:
            raise InvalidOptionError(
                f"{as_option('atlas_cidr_block')} is required to create a network container on {cloud.name}.",
                hint="Choose a private block that overlaps none of your networks.",
            )
        if block is not None:
            parse_option(BLOCK, block, partial(cloud.parse_block, regions=len(regions)))
        self._check_overlaps(state)
        region = None if self._region is None else cloud.regions.to_atlas(self._region)
        fields = {**({REGIONS: regions} if cloud.has_one_container else {REGION: region}), BLOCK: block}
        after = self.predict(None, fields)
        key = cloud.describe_place(fields) or ""
        return Plan((Change("create", key, None, after),), (Step("create", _to_request(fields), (key,)),))

    def predict(self, current: Container | None, fields: t.Mapping[str, t.Any]) -> Container:
        """Return a container after its creation (without a current one) or change; what Atlas chooses is open."""
        unknown = dict.fromkeys(self._cloud.atlas_network)
        new = {"id": None, "provider_name": self._cloud.name, **fields, **unknown, "provisioned": False}
        return t.cast("Container", new if current is None else {**current, **fields})

    def _changes(self, current: Container) -> dict[str, t.Any]:
        """Return the block and regions of the options in which a container differs from them."""
        found: dict[str, t.Any] = {}
        if self._block is not None:
            check_shown(f"network container {current['id']}", current, [BLOCK])
        if self._block is not None and current[BLOCK] != self._block:
            found[BLOCK] = self._block
        to_cloud = self._cloud.regions.to_cloud
        if self._regions is not None and {*map(to_cloud, current[REGIONS])} != {*map(to_cloud, self._regions)}:
            found[REGIONS] = self._regions
        return found

    def _check_size(self, after: t.Mapping[str, t.Any]) -> None:
        """Check that the block of a changed container has the size that its regions need.

        Raises:
            InvalidOptionError: If it has not.
        """
        subject = as_option(BLOCK)
        if self._block is None:
            subject = f"{as_option(REGIONS)} needs another {subject}: that of network container {after['id']}"
        if after[BLOCK] is not None:
            parse_text(subject, after[BLOCK], partial(self._cloud.parse_block, regions=len(after.get(REGIONS, ()))))

    def _check_overlaps(self, state: ContainerState) -> None:
        """Check that the wanted block overlaps no other container on the cloud.

        Raises:
            InvalidOptionError: If it does.
        """
        for other in state.listed:
            if other is state.container or not do_overlap(other[BLOCK], self._block):
                continue
            place = self._cloud.describe_place(other)
            hint = "Each container needs a block of its own: choose another one."
            if state.container is None and other["id"] is not None and other[BLOCK] == self._block:
                hint += f" If you mean this container, set its region, {place}: Terraform can move a container on AWS."
            raise InvalidOptionError(
                f"{as_option(BLOCK)} {self._block} overlaps {other[BLOCK]} of network container {other['id'] or 'to create'} "
                f"in {place}.",
                hint=hint,
            )


def to_fields(request: Pairs) -> dict[str, t.Any]:
    """Return the fields of a step's request."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in request}


def _to_request(fields: t.Mapping[str, t.Any]) -> Pairs:
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in fields.items())


def container_after(change: Change) -> Container | None:
    """Return the container after a change; None after a removal."""
    return t.cast("Container | None", change.after)


def in_use(change: str, container: Container, users: t.Sequence[str], way_out: str, terms: ListTerms | None = None) -> TaskError:
    """Return the error for a change that is not possible while the container is in use.

    Args:
        change: What cannot be done, as a participle.
        container: The container.
        users: What uses it, in words.
        way_out: What else helps; empty for nothing.
        terms: What a list sets for it; None for a container alone.
    """
    text = f"Network container {describe([container])} cannot be {change}: it is used by {'; '.join(users)}."
    if terms is not None:
        text = f"{text} {terms.consequence}"
        way_out = f"{way_out}. Or {terms.instead}" if way_out else f"or {terms.instead}"
    return TaskError(text, hint=f"{', '.join(filter(None, ('Remove what uses it', way_out)))}.")
