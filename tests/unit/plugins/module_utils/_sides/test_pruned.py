"""What pruned connections leave: it is cleaned before them, on all clouds, where the task may; what is not cleaned is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides import entry_pruned
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import denial, refusal
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import SUBSCRIPTION
from ansible_collections.cloudpeer.atlas.tests.support.path_site import (
    ACCOUNTS,
    ATLAS_BLOCK,
    AUTOMATION,
    GCP_PROJECT,
    GROUP,
    RULE,
    PathSite,
)
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP

PRUNE = {"prune": True, "max_deletions": 9}
CLEANED = [("AWS", "delete", "route"), ("Atlas", "delete", "access list entry"), ("Atlas", "delete", "connection")]


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


def actions(done: Any) -> list[tuple[str, str, str]]:
    """Return side, action and kind of all that was done for pruned connections, sorted."""
    found = [one for peer in done.result["peering"]["pruned"] for one in peer["actions"]]
    return sorted((one["side"], one["action"], one["kind"]) for one in found)


def routes(site: PathSite, account: str, region: str = "us-east-1") -> dict[str, str]:
    """Return where the VPCs of an account lead Atlas's block."""
    tables = site.aws.tables(account, region)
    found = site.aws.routes(account, region)
    return {tables[table]: own[ATLAS_BLOCK] for table, own in found.items() if ATLAS_BLOCK in own}


def connect(site: PathSite, entries: Sequence[dict[str, Any]], **options: Any) -> None:
    done = site.run(connections=[*entries], **options)
    assert not done.failed, done.msg


def peers(site: PathSite) -> set[str]:
    return {one["vpcId"] for one in site.peers_of("AWS")}


def test_a_pruned_connection_is_cleaned_on_both_sides(site: PathSite) -> None:
    entries = site.make_vpcs(3, accounts=2)
    connect(site, entries)
    gone = entries[2]
    # Tables that no list names, with another block and with a prefix list.
    ec2 = site.accounts[gone["aws_account_id"]].ec2()
    table, lists = (ec2.create_route_table(VpcId=gone["vpc_id"])["RouteTable"]["RouteTableId"] for _unused in range(2))
    (connection_id,) = [one["connectionId"] for one in site.peers_of("AWS") if one["vpcId"] == gone["vpc_id"]]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.50.0.0/16", VpcPeeringConnectionId=connection_id)
    prefixes = {"PrefixListName": "x", "MaxEntries": 1, "AddressFamily": "IPv4", "Entries": [{"Cidr": "10.60.0.0/16"}]}
    list_id = ec2.create_managed_prefix_list(**prefixes)["PrefixList"]["PrefixListId"]
    ec2.create_route(RouteTableId=lists, DestinationPrefixListId=list_id, VpcPeeringConnectionId=connection_id)
    foreseen = site.run(connections=entries[:2], **PRUNE, check_mode=True)
    assert site.writes == []
    # Without the access list, what stays there is said.
    (left,) = site.run(connections=entries[:2], access_list=False, **PRUNE, check_mode=True).result["peering"]["remaining"]
    for words in (f"{connection_id} (", "is pruned", "access_list is false", f"the comment 'VPC peering with {gone['vpc_id']}'"):
        assert words in left
    done = site.run(connections=entries[:2], **PRUNE)
    assert not done.failed, done.msg
    assert actions(done) == actions(foreseen) == [CLEANED[0], CLEANED[0], *CLEANED]
    left = [one for each in ec2.describe_route_tables(RouteTableIds=[table, lists])["RouteTables"] for one in each["Routes"]]
    assert [one for one in left if one.get("VpcPeeringConnectionId") or one.get("DestinationPrefixListId")] == []
    assert site.aws.routes(gone["aws_account_id"])[table] == {}
    assert routes(site, gone["aws_account_id"]).keys() == {entries[0]["vpc_id"]}
    assert gone["cidr_block"] not in site.access_list
    assert peers(site) == {one["vpc_id"] for one in entries[:2]}
    # One look for what it leaves, and one right before each route is removed.
    assert site.to_aws["DescribeRouteTables"] == 2 + 1 + 3
    assert done.result["peering"]["remaining"] == []
    again = site.run(connections=entries[:2], **PRUNE)
    assert (again.failed, again.changed) == (False, False)


def test_credentials_are_those_of_the_account_or_not_used(site: PathSite) -> None:
    site.add_container("EU_WEST_1", "192.168.200.0/21")
    made = (*site.make_vpcs(2, accounts=2), *site.make_vpcs(1, region="eu-west-1"))
    entries = [{**one, "container_region": "us-east-1"} for one in made]
    connect(site, entries)
    near, far = entries[2], entries[1]
    assert routes(site, ACCOUNTS[0], "eu-west-1").keys() == {near["vpc_id"]}
    # The task's own are of the account of the second one, as AWS says.
    own = site.run(connections=entries[:1], aws_profile=f"account-{ACCOUNTS[1]}", **PRUNE, check_mode=True)
    assert (actions(own), own.result["peering"]["remaining"]) == (sorted(CLEANED * 2), [])
    none = site.run(connections=entries[:1], aws=False, **PRUNE, check_mode=True)
    assert (actions(none), site.to_aws) == (sorted(CLEANED[1:] * 2), {})
    assert [*none.result["peering"]["remaining"]] == [one for one in none.result["peering"]["remaining"] if "aws is false" in one]
    foreseen = site.run(connections=entries[:1], **PRUNE, check_mode=True)
    done = site.run(connections=entries[:1], **PRUNE)
    assert not done.failed, done.msg
    # In another region, the credentials of the entry are right; for the other account, there are none.
    assert actions(done) == actions(foreseen) == sorted(CLEANED + CLEANED[1:])
    assert routes(site, ACCOUNTS[0], "eu-west-1") == {}
    assert routes(site, ACCOUNTS[1]).keys() == {far["vpc_id"]}
    (text,) = done.result["peering"]["remaining"]
    assert foreseen.result["peering"]["remaining"] == [text]
    words = (
        "is pruned, but each route that leads to it stays in AWS",
        f"no credentials of the task are those of the account {ACCOUNTS[1]}",
    )
    assert [one for one in ("pcx-", far["vpc_id"], *words) if one not in text] == []
    assert peers(site) == {entries[0]["vpc_id"]}
    # An empty list is one on AWS.
    done = site.run(connections=[], allow_empty=True, aws_profile=f"account-{ACCOUNTS[0]}", **PRUNE)
    assert not done.failed, done.msg
    assert (actions(done), peers(site), routes(site, ACCOUNTS[0])) == (CLEANED, set(), {})


def test_pruned_accounts_are_cleaned_by_the_rule(site: PathSite) -> None:
    entries = site.make_vpcs(4, accounts=4)
    connect(site, entries)
    profiles = {"aws_accounts": {ACCOUNTS[2]: {"profile": f"account-{ACCOUNTS[2]}"}}}
    # Of the others, the task has none, or those of an account that is another one.
    wrong = {"aws_accounts": {**profiles["aws_accounts"], ACCOUNTS[1]: {"profile": f"account-{ACCOUNTS[4]}"}}}
    foreseen = site.run(connections=entries[:1], **wrong, **PRUNE, check_mode=True)
    left = [
        one for one in foreseen.result["peering"]["remaining"] if "no credentials of the task are those of the account" in one
    ]
    # In the order in which Atlas has made the connections, which began side by side.
    assert sorted([one in text for one in ACCOUNTS[1:4]] for text in left) == [[False, False, True], [True, False, False]]
    rule = {"aws_assume_role_arn": RULE, **profiles}
    # Where the role cannot be assumed, it is not known what is left there.
    before = site.state()
    site.front.rule("AssumeRole", denial("AssumeRole"), skip=1, times=1)
    done = site.run(connections=entries[:1], **rule, **PRUNE)
    assert not done.missing("Failed to assume the role", "sts:AssumeRole", "Nothing was changed in project ")
    assert ({*site.writes} - {"AssumeRole"}, site.state()) == (set(), before)
    site.front.rules.clear()
    foreseen = site.run(connections=entries[:1], **rule, **PRUNE, check_mode=True)
    done = site.run(connections=entries[:1], **rule, **PRUNE)
    assert not done.failed, done.msg
    assert actions(done) == actions(foreseen) == sorted(CLEANED * 3)
    assert done.result["peering"]["remaining"] == []
    assert [routes(site, one) for one in ACCOUNTS[1:4]] == [{}, {}, {}]
    assert peers(site) == {entries[0]["vpc_id"]}
    # That of the entry, and two by the rule.
    assert site.to_account(AUTOMATION) == {"AssumeRole": 3}


def test_a_cleaning_that_fails_keeps_its_connection(site: PathSite) -> None:
    entries = site.make_vpcs(4, accounts=2)
    connect(site, entries)
    before = site.state()
    # What it leaves cannot be read.
    site.front.rule("DescribeRouteTables", refusal("UnauthorizedOperation", status=403), skip=1, times=1, account=ACCOUNTS[0])
    done = site.run(connections=entries[:2], **PRUNE, fail_on="never")
    assert (done.failed, done.changed, site.writes, site.state()) == (False, False, [], before)
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (None, "read")
    # It cannot be removed; the other one is gone, on both sides.
    site.front.rule("DeleteRoute", refusal("UnauthorizedOperation", status=403), times=1, account=ACCOUNTS[0])
    done = site.run(connections=entries[:2], **PRUNE)
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"], failure["http_status"]) == (None, "routes", 403)
    assert entries[2]["vpc_id"] in failure["name"]
    assert peers(site) == {one["vpc_id"] for one in entries[:3]}
    assert routes(site, ACCOUNTS[1]).keys() == {entries[1]["vpc_id"]}
    assert {*site.access_list} == {one["cidr_block"] for one in entries[:3]}
    # Running again goes on; a lost reply is looked at.
    site.lose("AWS", 0, "DeleteRoute")
    done = site.run(connections=entries[:2], **PRUNE)
    assert not done.failed, done.msg
    assert (actions(done), peers(site)) == (CLEANED, {one["vpc_id"] for one in entries[:2]})
    assert routes(site, ACCOUNTS[0]).keys() == {entries[0]["vpc_id"]}
    # What was cleaned of a connection that Atlas keeps is said.
    site.fault("DELETE", "status", status=403, path="*/peers/*")
    done = site.run(connections=entries[:1], **PRUNE)
    name = f"{ACCOUNTS[1]}/{entries[1]['vpc_id']}"
    assert not done.missing(f"Done so far: {name}: access list entry removed.")


@pytest.mark.parametrize("has_effect", [True, False])
def test_a_route_whose_removal_is_lost_is_looked_for(site: PathSite, has_effect: bool) -> None:
    entries = site.make_vpcs(2)
    connect(site, entries)
    site.front.rule("DeleteRoute", DROP, forward=has_effect, times=1)
    done = site.run(connections=entries[:1], **PRUNE)
    assert not done.failed, done.msg
    assert (actions(done), routes(site, ACCOUNTS[0]).keys()) == (CLEANED, {entries[0]["vpc_id"]})
    # What does not come through is not counted.
    assert site.writes.count("DeleteRoute") == 1


def test_a_route_that_others_have_taken_is_left_to_them(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = site.make_vpcs(2)
    connect(site, entries)
    real = entry_pruned.change_route

    def late(session: Any, change: Any) -> None:
        site.accounts[ACCOUNTS[0]].ec2().delete_route(RouteTableId=change.table_id, DestinationCidrBlock=change.block)
        real(session, change)

    monkeypatch.setattr(entry_pruned, "change_route", late)
    done = site.run(connections=entries[:1], **PRUNE)
    assert not done.failed, done.msg
    assert (actions(done), routes(site, ACCOUNTS[0]).keys()) == (CLEANED[1:], {entries[0]["vpc_id"]})


def test_mirrors_and_roles_are_cleaned_on_the_other_clouds(make_path: Callable[..., PathSite]) -> None:
    site = make_path(with_clouds=True)
    assert site.clouds is not None
    entries = [*site.make_networks(2), *site.make_vnets(2)]
    # The first VNet has another connection, which is pruned as well; its role is needed even so.
    second = {**entries[2], "container_region": "northeurope", "container_cidr_block": "192.168.216.0/21"}
    connect(site, [*entries, second])
    staying = [entries[0], entries[2]]
    vnets = [one["vnet_resource_id"].rpartition("/")[2] for one in entries[2:]]
    halves = site.run(connections=staying, gcp=False, azure=False, **PRUNE, check_mode=True).result["peering"]["remaining"]
    for words in (
        "its peering with Atlas's network stays in GCP, because gcp is",
        "the role of Atlas on the VNet stays in AZURE",
    ):
        assert len([one for one in halves if words in one]) == 1
    foreseen = site.run(connections=staying, **PRUNE, check_mode=True)
    done = site.run(connections=staying, **PRUNE)
    assert not done.failed, done.msg
    assert actions(done) == actions(foreseen)
    assert actions(done) == [
        ("AZURE", "delete", "role"),
        *[("Atlas", "delete", "access list entry")] * 2,
        *[("Atlas", "delete", "connection")] * 3,
        ("GCP", "delete", "mirror"),
    ]
    assert [site.clouds.azure.has_role(SUBSCRIPTION, GROUP, one) for one in vnets] == [True, False]
    assert {*site.access_list} == {one["cidr_block"] for one in staying}
    assert done.result["peering"]["remaining"] == []
    mirrors = {one["network_name"]: site.clouds.gcp.peerings(GCP_PROJECT, one["network_name"]) for one in entries[:2]}
    assert [bool(one) for one in mirrors.values()] == [True, False]


def vnet_of(entry: dict[str, Any]) -> str:
    return str(entry["vnet_resource_id"]).rpartition("/")[2]


def test_a_mirror_is_removed_once_gcp_is_free(make_path: Callable[..., PathSite]) -> None:
    site = make_path(with_clouds=True)
    assert site.clouds is not None
    entries = site.make_networks(3)
    connect(site, entries)
    # Others change the first one; then both follow each other, since GCP changes Atlas's network once at a time.
    site.clouds.gcp.begin_foreign(GCP_PROJECT, entries[1]["network_name"], 9)
    done = site.run(connections=entries[:1], **PRUNE)
    assert not done.failed, done.msg
    assert [one for one in actions(done) if one[0] == "GCP"] == [("GCP", "delete", "mirror")] * 2
    assert site.to_gcp["POST removePeering"] > 2
    # One whose operation fails keeps its connection, and stops no other one.
    connect(site, entries)
    site.clouds.gcp.failure = ("QUOTA_EXCEEDED", "Quota exceeded.")
    done = site.run(connections=entries[:1], **PRUNE)
    (failure,) = done.result["failures"]
    assert (failure["step"], failure["error_code"]) == ("mirror", "QUOTA_EXCEEDED")
    assert len(site.peers_of("GCP")) == 2
    assert [one for one in actions(done) if one[0] == "GCP"] == [("GCP", "delete", "mirror")]


def test_a_role_is_removed_once_its_peering_has_ended(
    make_path: Callable[..., PathSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_path(with_clouds=True)
    assert site.clouds is not None
    azure = site.clouds.azure
    entries = site.make_vnets(3)
    connect(site, entries)
    gone = vnet_of(entries[2])
    with monkeypatch.context() as patch:
        # Atlas's half does not end in AZURE, though the connection is gone.
        patch.setattr(azure, "discard_peering", lambda *names: None)
        done = site.run(connections=entries[:2], **PRUNE)
    (failure,) = done.result["failures"]
    assert failure["step"] == "role"
    assert not done.missing("had ended (it is Connected)", "No later run finds it: remove it yourself once the peering")
    assert (azure.has_role(SUBSCRIPTION, GROUP, gone), len(site.peers_of("AZURE"))) == (True, 2)
    # It ends a while after the connection.
    real, gone = azure.discard_peering, vnet_of(entries[1])
    monkeypatch.setattr(azure, "discard_peering", lambda *names: site.clock.after(30, lambda: real(*names)))
    done = site.run(connections=entries[:1], **PRUNE)
    assert not done.failed, done.msg
    assert ("AZURE", "delete", "role") in actions(done)
    assert (azure.has_role(SUBSCRIPTION, GROUP, gone), len(site.peers_of("AZURE"))) == (False, 1)


def test_an_account_that_may_be_the_task_s_own_is_not_left_out(site: PathSite) -> None:
    """Without an answer to AssumeRole, it is not known whose credentials the task has."""
    entries = site.make_vpcs(2, accounts=2, auth="keys")
    connect(site, entries)
    site.front.rule("AssumeRole", refusal("InternalFailure", "Try again.", 503))
    role = f"arn:aws:iam::{ACCOUNTS[1]}:role/peering"
    done = site.run(connections=[{**entries[0], "aws_assume_role_arn": None}], aws_assume_role_arn=role, **PRUNE)
    assert not done.missing(f"Failed to assume the role {role}", "Nothing was changed in project ")
    assert site.writes == []
    site.front.rules.clear()
    assert routes(site, ACCOUNTS[1]).keys() == {entries[1]["vpc_id"]}


def test_an_entry_that_a_network_on_another_cloud_needs_stays(make_path: Callable[..., PathSite]) -> None:
    site = make_path(with_clouds=True)
    assert site.clouds is not None
    (near,) = site.make_vpcs(1)
    (network,), (vnet,) = site.make_networks(1), site.make_vnets(1)
    shared = near["cidr_block"]
    site.clouds.gcp.add_subnet(GCP_PROJECT, network["network_name"], "auto", "us-east1", shared)
    same = site.clouds.azure.add_vnet(SUBSCRIPTION, GROUP, "same", [shared])
    connect(site, [near, network, {**vnet, "vnet_resource_id": same, "cidr_block": None}])

    def left(*others: Any, **options: Any) -> str:
        done = site.run(connections=[near, *others], state="absent", check_mode=True, **options)
        assert not done.failed, done.msg
        return " ".join(one["reason"] for one in done.result["peering"]["left"])

    id_of = {cloud: site.peers_of(cloud)[0]["id"] for cloud in ("GCP", "AZURE")}
    assert left() == f"{shared} stays in the access list, because {id_of['AZURE']} still uses it."
    site.clouds.azure.denied.add("Microsoft.Network/virtualNetworks/read")
    assert left() == f"{shared} stays in the access list, because {id_of['GCP']} still uses it."
    assert f"because {SUBSCRIPTION}/{GROUP}/same may need it, and the blocks of its clients are not known" in left(network)
    site.clouds.azure.denied.clear()
    # A VNet that does not exist any more has no clients.
    site.clouds.azure.remove_vnet(SUBSCRIPTION, GROUP, "same")
    assert left(network) == ""
    # The list has AWS alone, and pruning it reads the connections with the other clouds.
    again = site.run(connections=[], allow_empty=True, aws_profile=f"account-{ACCOUNTS[0]}", **PRUNE, check_mode=True)
    assert [one["reason"] for one in again.result["peering"]["left"]] == [left()]
    assert site.to_atlas["GET peers"] == 3
    # Without the right to read it, or with its half off, nobody knows.
    site.clouds.gcp.denied.add("compute.subnetworks.list")
    assert f"because {GCP_PROJECT}/{network['network_name']} may need it" in left()
    assert "are not known: gcp is false. With" in left(gcp=False)
