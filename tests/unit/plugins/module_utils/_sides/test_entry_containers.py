"""Which network container each entry has, and what is made, changed and removed of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.gcp import GCP
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.parser import PeerEntry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.clusters import Clusters, to_result
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.entry_containers import choose_container, choose_containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_options import DECLARED
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import PathState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import PROJECT, azure, block, entry, gcp, vpc

from .conftest import AtlasSide

BLOCK, AZURE_BLOCK = "172.20.0.0/21", "192.168.208.0/21"
A, B, C = (f"{letter}" * 24 for letter in "abc")
HALVES = {"aws": False, "azure": False, "gcp": False}


def container(container_id: str, cloud: str, region: str | None = None) -> dict[str, Any]:
    place = {"regions": []} if cloud == "GCP" else {"region_name": region}
    return {"id": container_id, "provider_name": cloud, **place, "atlas_cidr_block": "192.168.248.0/21", "provisioned": True}


ON_AWS = [container(A, "AWS", "US_EAST_1"), container(B, "AWS", "EU_WEST_1")]


def peer(container_id: str, status: str = "AVAILABLE", number: int = 0) -> dict[str, Any]:
    own = {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "route_table_cidr_block": "10.0.0.0/16", "connection_id": None}
    shown = {"id": f"{container_id[:12]}{status:.>12}"[:24], "status_name": status, "error_state_name": None}
    return {**shown, **own, "accepter_region_name": "us-east-1", "container_id": container_id, "provider_name": "AWS"}


def home_of(state: str, containers: list[Any], peers: list[Any], cloud: Any = AWS, **options: Any) -> Any:
    """Return the id of the container of an entry, None for none, or the message of the refusal."""
    own = {
        "AWS": {"vpc_id": vpc(0), "aws_account_id": ACCOUNT},
        "AZURE": {"azure_directory_id": "d", "azure_subscription_id": "s", "resource_group_name": "g", "vnet_name": "v"},
        "GCP": {"gcp_project_id": PROJECT, "network_name": "net"},
    }[cloud.name]
    given = {**dict.fromkeys(DECLARED["options"]), **own, **options}
    one = PeerEntry(0, cloud, given, {}, {"state": state, "group_id": "5" * 24})
    known = PathState(containers=tuple(containers), peers=PeerSetState(tuple(peers)))
    choose_containers([one], known)
    try:
        found = choose_container(one, known)
    except TaskError as error:
        assert known.container_of == {}
        return str(one.named(error))
    assert known.container_of == ({} if found is None else {one.key: found})
    return found and found["id"]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("containers", "peers", "cloud", "options", "home"),
    [
        (ON_AWS, [], AWS, {"container_region": "eu-west-1"}, B),
        (ON_AWS, [peer(A)], AWS, {"container_region": "eu-west-1"}, B),
        (ON_AWS, [], AWS, {"container_region": "eu-west-2"}, None),
        (ON_AWS, [], AWS, {"container_id": A}, A),
        (ON_AWS, [peer(B)], AWS, {}, B),
        (ON_AWS, [peer(B), peer(A, number=1)], AWS, {}, B),
        (ON_AWS, [peer(B, "FAILED")], AWS, {}, B),
        (ON_AWS, [peer(B, "TERMINATING")], AWS, {}, B),
        (ON_AWS[:1], [], AWS, {}, A),
        ([*ON_AWS[:1], container(C, "AZURE", "EUROPE_WEST")], [], AZURE, {}, C),
        ([container(C, "GCP")], [], GCP, {}, C),
        ([], [], GCP, {}, None),
        (ON_AWS, [], GCP, {}, None),
        ([container(C, "AZURE", "EUROPE_WEST")], [], AZURE, {"container_region": "EUROPE_WEST"}, C),
    ],
)
def test_the_container_is_named_or_found_by_the_connection(
    state: str, containers: list[Any], peers: list[Any], cloud: Any, options: dict[str, Any], home: str | None
) -> None:
    assert home_of(state, containers, peers, cloud, **options) == home


SEVERAL = f"connections[0] ({vpc(0)}): It has connections in several network containers: "


@pytest.mark.parametrize(
    ("containers", "peers", "options", "present", "absent"),
    [
        ([], [], {}, "has no network container on AWS. Set container_region to create one there.", None),
        (ON_AWS, [], {}, "Say which one with container_region.", None),
        (ON_AWS, [peer(A), peer(B)], {}, SEVERAL, SEVERAL),
        # The live one decides where one is connected; where all of them leave, one has to be named.
        (ON_AWS, [peer(A, "FAILED"), peer(B)], {}, B, SEVERAL),
        (ON_AWS, [peer(A, "TERMINATING"), peer(B, "FAILED")], {}, B, SEVERAL),
        (ON_AWS, [], {"container_id": C}, f"has no network container {C} on AWS. It has {A} (us-east-1", None),
        ([container(C, "GCP")], [], {"container_id": C}, f"network container {C} is on GCP, not on AWS.", None),
    ],
)
def test_a_container_that_is_unclear_is_refused(
    containers: list[Any], peers: list[Any], options: dict[str, Any], present: str, absent: str | None
) -> None:
    found = home_of("present", containers, peers, **options)
    assert found == present if len(present) == len(A) else present in found
    found = home_of("absent", containers, peers, **options)
    assert found is absent or absent in found


def test_a_new_container_is_made_once_for_several_entries(atlas: AtlasSide) -> None:
    wanted = [
        entry(0, container_region="eu-west-1"),
        entry(1, container_region="EU_WEST_1"),
        entry(2, container_region="us-east-1"),
    ]
    foreseen = atlas.connect(wanted, check_mode=True, **HALVES).result["peering"]
    assert [one["container"]["id"] for one in foreseen["connections"]] == [None, None, atlas.container_id]
    assert [one["vpc_peer"]["container_id"] for one in foreseen["connections"]] == [None, None, atlas.container_id]
    assert [one["region_name"] for one in foreseen["containers"]] == ["EU_WEST_1", "US_EAST_1"]

    done = atlas.connect(wanted, **HALVES)
    assert not done.failed, done.msg
    assert atlas.asked.count("POST containers") == 1
    made, there = done.result["peering"]["containers"]
    assert (made["region_name"], there["id"]) == ("EU_WEST_1", atlas.container_id)
    # They are shown as they are at the end, where Atlas has a network.
    assert [one["provisioned"] for one in (made, there)] == [True, True]
    assert [one["vpc_peer"]["container_id"] for one in done.result["peering"]["connections"]] == [
        made["id"],
        made["id"],
        there["id"],
    ]
    # From then on, the connections say where it is.
    again = atlas.connect([entry(0), entry(1), entry(2)], **HALVES)
    assert (again.changed, sorted(atlas.asked)) == (False, ["GET containers/all", "GET peers"])


def test_containers_are_made_on_all_clouds_with_their_blocks(atlas: AtlasSide) -> None:
    wanted = [
        entry(0, container_region="eu-west-1", container_cidr_block=BLOCK),
        azure(1, container_region="westeurope", container_cidr_block=AZURE_BLOCK),
        gcp(1, container_cidr_block="10.8.0.0/21", container_regions=["europe-west3", "europe-west1"]),
    ]
    done = atlas.connect(wanted, **HALVES)
    assert not done.failed, done.msg
    assert atlas.containers | {"US_EAST_1": ""} == {
        "US_EAST_1": "",
        "EU_WEST_1": BLOCK,
        "EUROPE_WEST": AZURE_BLOCK,
        "GCP": "10.8.0.0/21",
    }
    assert [one["regions"] for one in done.result["peering"]["containers"] if "regions" in one] == [
        ["EUROPE_WEST_3", "WESTERN_EUROPE"]
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            [azure(1, container_region="westeurope")],
            "): container_cidr_block is required to create a network container on AZURE.",
        ),
        (
            [gcp(1)],
            "): container_cidr_block is required to create a network container on GCP.",
        ),
        (
            [entry(0, container_region="eu-west-1", container_cidr_block="10.100.128.0/21")],
            "route_table_cidr_block 10.100.0.0/16 overlaps 10.100.128.0/21 of network container to create in eu-west-1.",
        ),
        (
            [entry(0, container_region="eu-west-1", container_cidr_block="192.168.248.0/22")],
            f"connections[0] ({vpc(0)}): container_cidr_block 192.168.248.0/22 overlaps 192.168.248.0/21 of network container",
        ),
        (
            [
                entry(0, container_region="eu-west-1", container_cidr_block=BLOCK),
                entry(1, container_region="eu-west-2", container_cidr_block=BLOCK),
            ],
            f"connections[1] ({vpc(1)}): container_cidr_block {BLOCK} overlaps {BLOCK} of network container",
        ),
    ],
)
def test_nothing_is_made_if_a_container_does_not_fit(atlas: AtlasSide, wanted: list[dict[str, Any]], words: str) -> None:
    for check_mode in (True, False):
        done = atlas.connect(wanted, check_mode=check_mode, **HALVES)
        assert words in done.msg
        assert (done.changed, [one for one in atlas.asked if not one.startswith("GET")]) == (False, [])


def test_a_container_that_was_moved_is_named_with_its_region(atlas: AtlasSide) -> None:
    """Terraform's provider moves an unused one on AWS with a PATCH (TestAccNetworkContainer_basicAWS)."""
    wanted = [entry(0, container_region="us-east-1", container_cidr_block="192.168.248.0/21")]
    assert not atlas.connect(wanted, check_mode=True, **HALVES).failed
    with atlas.emulator.project.now() as project:
        (moved,) = project.containers
        body = {"providerName": "AWS", "regionName": "US_EAST_2", "atlasCidrBlock": "192.168.248.0/21"}
        project.containers.update(moved, body, [], needs_all=True)
    for check_mode in (True, False):
        done = atlas.connect(wanted, check_mode=check_mode, **HALVES)
        there = f"192.168.248.0/21 overlaps 192.168.248.0/21 of network container {moved.id} in us-east-2."
        assert not done.missing(f"connections[0] ({vpc(0)}): container_cidr_block {there}", "set its region, us-east-2")
        assert (done.changed, [one for one in atlas.asked if not one.startswith("GET")]) == (False, [])
    assert not atlas.connect([{**wanted[0], "container_region": "us-east-2"}], **HALVES).failed
    assert atlas.containers == {"US_EAST_2": "192.168.248.0/21"}


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_connection_in_a_container_that_was_moved_is_named(atlas: AtlasSide, state: str) -> None:
    """The region of the entry has no container any more, and its network is connected in another region."""
    with atlas.emulator.project.now() as project:
        (moved,) = project.containers
        body = {"providerName": "AWS", "regionName": "US_EAST_2", "atlasCidrBlock": "192.168.248.0/21"}
        project.containers.update(moved, body, [], needs_all=True)
    assert not atlas.connect([entry(0)], **HALVES).failed
    wanted = [entry(0, container_region="us-east-1"), entry(1, container_region="us-east-1")]
    done = atlas.connect(wanted, check_mode=True, **HALVES, state=state)
    (warning,) = [one for one in done.warnings if "no network container" in one]
    assert warning.startswith("connections[0] (vpc-00000000000000000): Project")
    assert "no network container on AWS in us-east-1, and the network is connected elsewhere: " in warning
    assert f"in network container {moved.id} (us-east-2)" in warning
    assert warning.endswith("set container_region to its region.")
    for options in ({}, {"container_region": "us-east-2"}):
        assert atlas.connect([entry(0, **options)], check_mode=True, **HALVES, state=state).warnings == []


def test_entries_of_one_container_agree_on_its_block(atlas: AtlasSide) -> None:
    wanted = [entry(0, container_region="us-east-1", container_cidr_block=BLOCK), entry(1, container_cidr_block="172.24.0.0/21")]
    done = atlas.connect(wanted, **HALVES)
    assert (
        f"container_cidr_block is {BLOCK}, and connections[1] ({vpc(1)}) has 172.24.0.0/21 for the same network container."
        in done.msg
    )


def test_an_unused_container_gets_the_block_of_the_list(atlas: AtlasSide) -> None:
    done = atlas.connect([entry(0, container_region="us-east-1", container_cidr_block=BLOCK)], **HALVES)
    assert not done.failed, done.msg
    assert atlas.containers == {"US_EAST_1": BLOCK}
    # It is in use from now on.
    other = atlas.connect([entry(0, container_region="us-east-1", container_cidr_block="172.24.0.0/21")], **HALVES)
    assert f"cannot be changed from {BLOCK} to 172.24.0.0/21: it is used by VPC peering connection" in other.msg
    assert atlas.containers == {"US_EAST_1": BLOCK}


def test_a_block_that_atlas_chooses_may_refuse_what_follows(atlas: AtlasSide) -> None:
    # Atlas takes the next free block below, which is in that of the VPC.
    wanted = [entry(0, container_region="eu-west-1", route_table_cidr_block="192.168.240.0/21")]
    assert not atlas.connect(wanted, check_mode=True, **HALVES).failed
    done = atlas.connect(wanted, **HALVES)
    assert not done.missing("192.168.240.0/21 overlaps 192.168.240.0/21 of network container", "eu-west-1 is new")
    assert (done.changed, "POST peers" in atlas.asked, set(atlas.containers)) == (True, False, {"US_EAST_1", "EU_WEST_1"})


@pytest.mark.parametrize("with_connection", [False, True])
def test_a_container_that_others_make_meanwhile_is_used(
    atlas: AtlasSide, monkeypatch: pytest.MonkeyPatch, with_connection: bool
) -> None:
    made, create = [], Containers.create_container

    def race(self: Containers, cloud: Any, fields: Any) -> Any:
        made.append(atlas.add_container("EU_WEST_1", BLOCK))
        if with_connection:
            atlas.add_peer(vpcId=vpc(0), routeTableCidrBlock=block(0), containerId=made[0], accepterRegionName="eu-west-1")
        return create(self, cloud, fields)

    monkeypatch.setattr(Containers, "create_container", race)
    done = atlas.connect([entry(0, container_region="eu-west-1")], **HALVES)
    assert not done.failed, done.msg
    (container,) = done.result["peering"]["containers"]
    assert ([container["id"]], atlas.containers["EU_WEST_1"]) == (made, BLOCK)
    # It is not shown as a change of this task.
    assert not [one for one in done.result["diff"] if "network container" in one.get("before_header", "")]
    (one,) = done.result["peering"]["connections"]
    assert (one["status_name"], len(atlas.peers()), done.changed) == ("PENDING_ACCEPTANCE", 1, not with_connection)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2"])
def test_a_container_that_is_not_made_fails_its_entries_alone(atlas: AtlasSide, region: str) -> None:
    """The other entry has a container, or gets a new one in the same task."""
    create = Containers.create_container

    def refuse(self: Containers, cloud: Any, fields: Any) -> Any:
        if fields["region_name"] == "EU_WEST_1":
            raise ApiError("Failed to create it.", error_code="NO_CAPACITY", http_status=409)
        return create(self, cloud, fields)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Containers, "create_container", refuse)
        wanted = [
            entry(0, container_region="eu-west-1"),
            entry(1, container_region=region),
            entry(2, container_region="eu-west-1"),
        ]
        done = atlas.connect(wanted, **HALVES)
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"], failure["error_code"]) == ([0, 2], "container", "NO_CAPACITY")
    assert [one["status_name"] for one in done.result["peering"]["connections"]] == [None, "PENDING_ACCEPTANCE", None]


def test_containers_go_after_their_connections(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    wanted = [entry(0), azure(1), gcp(1)]
    assert not atlas.connect(wanted, **HALVES).failed
    foreseen = atlas.remove(wanted, check_mode=True, remove_container=True, **HALVES)
    assert foreseen.result["peering"]["containers"] == []
    done = atlas.remove(wanted, remove_container=True, **HALVES)
    assert not done.failed, done.msg
    assert (atlas.containers, done.result["peering"]["containers"]) == ({}, [])
    again = atlas.remove(wanted, remove_container=True, **HALVES)
    assert (again.changed, again.failed) == (False, False)


@pytest.mark.parametrize("has_failed", [False, True])
def test_a_container_that_others_use_stays(atlas: AtlasSide, has_failed: bool) -> None:
    assert not atlas.connect([entry(0), entry(1)], **HALVES).failed
    if has_failed:
        atlas.act("fail", next(one["id"] for one in atlas.peers() if one["vpcId"] == vpc(1)))
    foreseen = atlas.remove([entry(0)], check_mode=True, remove_container=True, **HALVES)
    done = atlas.remove([entry(0)], remove_container=True, **HALVES)
    assert [one["msg"] for one in foreseen.result["failures"]] == [one["msg"] for one in done.result["failures"]]
    assert len(foreseen.result["peering"]["containers"]) == 1
    stays = "It stays; the list's connections to it are removed."
    assert not done.missing("cannot be removed: it is used by", vpc(1), stays, "set remove_container to false")
    assert (atlas.there().keys(), set(atlas.containers)) == ({vpc(1)}, {"US_EAST_1"})
    assert done.result["failures"][0]["step"] == "remove"
    # It is not waited for.
    assert sum(atlas.clock.pauses) < 60


@pytest.mark.parametrize(
    ("wanted", "cloud", "region"), [(entry, "AWS", "US_EAST_1"), (azure, "AZURE", "EUROPE_NORTH"), (gcp, "GCP", "WESTERN_EUROPE")]
)
def test_a_container_with_a_cluster_is_refused_at_first(
    atlas: AtlasSide, clouds: dict[str, str], wanted: Any, cloud: str, region: str
) -> None:
    """Atlas would refuse it (CONTAINERS_IN_USE) after all else. A key that may remove a container may read clusters."""
    entries = [wanted(1), wanted(2)]
    assert not atlas.connect(entries, **HALVES).failed
    atlas.put_cluster("shop", cloud, region)
    # These use no container of the list: the hosts are shared, or in another region.
    atlas.put_cluster("small", cloud, region, tier="M0")
    atlas.put_cluster("far", "AWS", "EU_WEST_2")
    for check_mode in (True, False):
        done = atlas.remove(entries, check_mode=check_mode, remove_container=True, **HALVES)
        assert not done.missing(
            "Nothing was changed in project ", "it is used by cluster shop. Remove what", "set remove_container to false."
        )
        assert "far" not in done.msg
        assert [(one["indexes"], one["step"]) for one in done.result["failures"]] == [([0, 1], "plan")]
        assert (done.changed, atlas.writes(), atlas.asked.count("GET clusters")) == (False, [], 1)
    assert not atlas.remove(entries, **HALVES).failed
    assert "GET clusters" not in atlas.asked


def test_a_cluster_somewhere_may_be_in_the_container(atlas: AtlasSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published description: "The region name is only returned in the response for single-region clusters"."""
    assert not atlas.connect([entry(0)], **HALVES).failed
    spec = {"regionConfigs": [{"providerName": "AWS", "electableSpecs": {"nodeCount": 3}}]}
    found = [to_result({"id": "2", "name": "shop", "stateName": "IDLE", "replicationSpecs": [spec]}, "read it")]
    monkeypatch.setattr(Clusters, "list_clusters", lambda self: found)
    done = atlas.remove([entry(0)], remove_container=True, **HALVES)
    assert not done.missing("Nothing was changed in", "used by cluster shop, of which Atlas does not report all regions. Remove")
    assert atlas.writes() == []


@pytest.mark.parametrize("is_late", [False, True])
def test_a_cluster_that_is_being_deleted_is_waited_for(atlas: AtlasSide, is_late: bool) -> None:
    assert not atlas.connect([entry(0)], **HALVES).failed
    atlas.put_cluster("shop", "AWS", "US_EAST_1", state_name="DELETING")

    def delete() -> None:
        with atlas.emulator.project.now() as project:
            project.clusters.delete("shop")

    if not is_late:
        atlas.clock.after(30, delete)
    done = atlas.remove([entry(0)], remove_container=True, wait_timeout=60, **HALVES)
    assert (done.failed, atlas.peers(), set(atlas.containers)) == (is_late, [], {"US_EAST_1"} if is_late else set())
    if is_late:
        words = ("cluster shop", "It stays; the list's connections to it are removed.", "Or set remove_container to false.")
        assert not done.missing("cannot be removed: it is used by", *words)
        assert ".." not in done.msg
        assert [(one["index"], one["step"]) for one in done.result["failures"]] == [(None, "remove")]


def test_the_only_container_that_is_left_is_not_removed_for_it(atlas: AtlasSide) -> None:
    """Running again changes nothing: an entry without a container and a connection does not mean that of others."""
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    wanted = [entry(0, container_region="us-east-1"), entry(1)]
    assert not atlas.connect(wanted[:1], **HALVES).failed
    done = atlas.remove(wanted, remove_container=True, **HALVES)
    assert (done.failed, set(atlas.containers)) == (False, {"EU_WEST_1"})
    for in_use in (False, True):
        if in_use:
            atlas.add_peer(vpcId=vpc(7), routeTableCidrBlock=block(7), containerId=other, accepterRegionName="eu-west-1")
        again = atlas.remove(wanted, remove_container=True, **HALVES)
        assert (again.failed, again.changed, set(atlas.containers)) == (False, False, {"EU_WEST_1"})
    # Another team has prepared it, even if nothing uses it and the list names no other.
    atlas.act("delete", atlas.id_of(7))
    atlas.clock.sleep(30)
    done = atlas.remove(wanted[1:], remove_container=True, **HALVES)
    assert (done.failed, done.changed, set(atlas.containers)) == (False, False, {"EU_WEST_1"})
    (text,) = (one for one in done.result["peering"]["remaining"] if "is not removed" in one)
    assert text.endswith("because no connection shows which one it is. Set container_region to have it removed.")
    named = [{**wanted[1], "container_region": "eu-west-1"}]
    done = atlas.remove(named, remove_container=True, **HALVES)
    assert (done.failed, done.changed, atlas.containers) == (False, True, {})


def test_on_gcp_a_container_is_named_by_its_block(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    """A project has one there, which another team may have prepared."""
    network = {"gcp_project_id": "p-1234567", "network_name": "net-1", "cidr_block": "10.128.0.0/20"}
    own = atlas.containers["GCP"]
    for named in ({}, {"container_cidr_block": "10.64.0.0/18"}):
        done = atlas.remove([{**network, **named}], remove_container=True, gcp=False)
        assert (done.failed, done.changed, atlas.containers["GCP"]) == (False, False, own), done.result
        assert any("Set container_cidr_block to have it removed." in one for one in done.result["peering"]["remaining"])
    done = atlas.remove([{**network, "container_cidr_block": own}], remove_container=True, gcp=False)
    assert (done.failed, done.changed, "GCP" in atlas.containers) == (False, True, False), done.result


@pytest.mark.parametrize("in_use", [1, 2])
def test_each_container_goes_or_stays_by_itself(atlas: AtlasSide, in_use: int) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    wanted = [entry(0, container_region="us-east-1"), entry(1, container_region="eu-west-1")]
    assert not atlas.connect(wanted, **HALVES).failed
    for number, (container_id, region) in enumerate([(atlas.container_id, "us-east-1"), (other, "eu-west-1")][:in_use]):
        atlas.add_peer(vpcId=vpc(7), routeTableCidrBlock=block(7), containerId=container_id, accepterRegionName=region)
        assert len(atlas.peers()) == 3 + number
    for check_mode in (True, False):
        done = atlas.remove(wanted, check_mode=check_mode, remove_container=True, **HALVES)
        assert len(done.result["failures"]) == len(done.result["peering"]["containers"]) == in_use
    assert set(atlas.containers) == {"US_EAST_1", *(["EU_WEST_1"] if in_use == 2 else [])}
    # Nothing else is left to do, which check mode foresees.
    for check_mode in (True, False):
        done = atlas.remove(wanted, check_mode=check_mode, remove_container=True, **HALVES)
        assert (done.failed, done.changed, "network container" in str(done.result["diff"])) == (True, False, False)


def test_without_its_option_containers_stay(atlas: AtlasSide) -> None:
    assert not atlas.connect([entry(0)], **HALVES).failed
    done = atlas.remove([entry(0)], **HALVES)
    assert [one["id"] for one in done.result["peering"]["containers"]] == [atlas.container_id]
    assert set(atlas.containers) == {"US_EAST_1"}


def test_a_lost_container_that_is_unread_fails_its_entries(atlas: AtlasSide) -> None:
    """It may be there: the task does not say that it has changed nothing."""
    atlas.fault("POST", "lost_reply", path="*containers*", times=1)
    atlas.fault("GET", "status", status=503, skip=1, path="*containers*")
    done = atlas.connect([entry(0, container_region="eu-west-1")], retries=0, **HALVES)
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"], done.changed) == ([0], "container", True)
    assert "Failed to list the network containers" in failure["msg"]
