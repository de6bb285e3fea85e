"""States of a project, as hypothesis draws them, and what is wanted of its access list."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, BLOCKS, LIVES, REGIONS, VPCS, World
from hypothesis import strategies as st

GROUPS = ("sg-0a1b2c3d", "sg-0a1b2c3e")
COMMENTS = ("", "a", "é ✓", "x" * 80)
ADDRESSES = ("203.0.113.5", "2001:db8::5")
NETWORKS = ("203.0.113.0/24", "203.0.113.5/32", "2001:db8::/32")


def optional(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dictionaries with some of these keys."""
    return st.fixed_dictionaries({}, optional=strategies)


def dates() -> st.SearchStrategy[str]:
    """Return moments within the week that Atlas allows, in all the ways of writing them."""
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    noon = today + timedelta(days=2, hours=12)
    east = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    return st.sampled_from(
        [
            f"{noon:%Y-%m-%dT%H:%M:%S}Z",
            f"{noon:%Y-%m-%dT%H:%M:%S}",
            f"{noon:%Y-%m-%dT%H:%M}z",
            f"{noon:%Y-%m-%dT%H:%M:%S}.500Z",
            east.isoformat(),
            f"{noon + timedelta(days=1):%Y-%m-%dT%H:%M:%S}Z",
        ]
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return projects: with containers in some regions, connections in any state, and entries on the access list."""
    world = World()
    if draw(st.booleans()) and draw(st.booleans()):
        world.remove_first_container()
    for region in draw(st.lists(st.sampled_from([*REGIONS][1:]), unique=True)):
        world.add_container(region)
    peers = st.tuples(*(st.sampled_from(choice) for choice in (VPCS, ACCOUNTS, BLOCKS, [*REGIONS], [*LIVES])))
    for peer in draw(st.lists(peers, max_size=4)):
        world.add_peer(*peer)
    subjects = st.one_of(
        st.fixed_dictionaries({"ipAddress": st.sampled_from(ADDRESSES)}),
        st.fixed_dictionaries({"cidrBlock": st.sampled_from(NETWORKS)}),
        st.fixed_dictionaries({"awsSecurityGroup": st.sampled_from(GROUPS)}),
    )
    more = optional(comment=st.sampled_from(COMMENTS), deleteAfterDate=dates())
    for subject, rest in draw(st.lists(st.tuples(subjects, more), max_size=4)):
        world.add_entry(**subject, **rest)
    return world


AZURE_REGIONS = ("EUROPE_NORTH", "US_EAST_2")
GCP_REGIONS = ("US_EAST_4", "EUROPE_WEST_3")
CLOUD_BLOCKS = ("10.8.0.0/21", "10.8.0.0/23", "10.9.0.0/21", "10.8.0.0/18", "10.0.0.0/8")


@st.composite
def other_clouds(draw: st.DrawFn) -> World:
    """Return projects with containers on AZURE and GCP, some of them in use."""
    world = draw(worlds())
    blocks, made = st.sampled_from(CLOUD_BLOCKS), []
    for region in draw(st.lists(st.sampled_from(AZURE_REGIONS), unique=True)):
        made.append(("AZURE", world.add_container_of("AZURE", region=region, atlasCidrBlock=draw(blocks))))
    if draw(st.booleans()):
        chosen = draw(optional(regions=st.lists(st.sampled_from(GCP_REGIONS), unique=True, min_size=1)))
        made.append(("GCP", world.add_container_of("GCP", atlasCidrBlock=draw(blocks), **chosen)))
    for provider, container_id in made:
        # The network of a customer has one connection to each container.
        if container_id is not None and draw(st.booleans()):
            world.use_container(provider, container_id)
    return world


def entries_wanted(world: World) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return lists of entries, a few of them refused before anything is sent."""
    subjects = st.one_of(
        st.fixed_dictionaries({"ip_address": st.sampled_from(ADDRESSES)}),
        st.fixed_dictionaries({"cidr_block": st.sampled_from([*NETWORKS, "203.0.113.5/24"])}),
        st.fixed_dictionaries({"aws_security_group": st.sampled_from(GROUPS)}),
    )
    more = optional(comment=st.sampled_from(COMMENTS), delete_after_date=st.one_of(dates(), st.just("never")))
    entry = st.tuples(subjects, more).map(lambda parts: {**parts[0], **parts[1]})
    return st.lists(entry, max_size=3, unique_by=lambda one: next(iter(one.values())))
