"""atlas_vpc_peer_accepter with state present: it accepts, routes, names, and sets DNS; and what that costs."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter import plan as _plan
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import (
    ATLAS_ACCOUNT,
    ATLAS_BLOCK,
    BLOCK,
    GROUP,
    REGION,
    AwsSite,
)
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import EXPIRATION, denial

# Nothing to do costs one request for each kind of object.
READS = ["GetCallerIdentity", "DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables"]


def test_it_accepts_and_routes_and_then_there_is_nothing_to_do(site: AwsSite) -> None:
    main, other = site.tables
    done = site.run()
    assert done.changed
    assert site.front.writes == ["AcceptVpcPeeringConnection", "CreateRoute", "CreateRoute"]
    assert site.targets() == {main: site.connection_id, other: site.connection_id}
    assert done.routes == {main: (None, site.connection_id), other: (None, site.connection_id)}
    assert (done.accepter["connection"]["status"], done.warnings) == ("active", [])

    again = site.run()
    assert (again.changed, site.front.actions) == (False, READS)
    assert again.routes == {main: (site.connection_id,) * 2, other: (site.connection_id,) * 2}
    calls = again.result["api_calls"]
    expected = [("POST", one, 200) for one in READS]
    assert [(one["method"], one["path"].partition(":")[2], one["status"]) for one in calls] == expected


def test_nothing_to_do_is_one_request_for_each_kind_of_object(site: AwsSite) -> None:
    group = site.ec2.create_security_group(GroupName="app", Description="app", VpcId=site.vpc_id)["GroupId"]
    options = {
        "vpc_id": site.vpc_id,
        "aws_account_id": site.account.id,
        "route_table_cidr_block": BLOCK,
        "route_table_ids": site.tables,
        "security_group_ids": [group, f"{site.account.id}/{group}"],
        "dns": "enable",
        "group_id": GROUP,
        "tags": {"team": "data"},
        "wait": True,
    }
    assert site.run(**options).changed
    assert not site.run(**options).changed
    # This one takes one VPC and one attribute.
    assert site.front.actions == [*READS, "DescribeVpcAttribute", "DescribeVpcAttribute", "DescribeSecurityGroups"]


def test_routes_to_other_connections_take_one_more_request(site: AwsSite) -> None:
    site.accept()
    site.route_to_former(site.tables[0])
    assert site.run(check_mode=True).changed
    assert site.front.actions == [*READS, "DescribeVpcPeeringConnections"]


def test_six_tables_are_routed_in_less_than_a_second(site: AwsSite, capsys: pytest.CaptureFixture[str]) -> None:
    for unused in range(4):
        site.add_table()
    started = time.monotonic()
    done = site.run()
    elapsed = time.monotonic() - started
    assert (len(done.routes), site.front.writes.count("CreateRoute")) == (6, 6)
    with capsys.disabled():
        print(f"\n    six tables accepted and routed in {elapsed:.3f} s", end="")


def test_check_mode_tells_what_the_real_run_does(site: AwsSite) -> None:
    options = {"group_id": GROUP, "tags": {"team": "data"}, "dns": "enable"}
    before = site.state()
    foreseen = site.run(check_mode=True, **options)
    assert (site.front.writes, site.state()) == ([], before)
    real = site.run(**options)
    assert foreseen.changed is real.changed is True
    # What AWS reports of active connections only, and its own words, cannot be foreseen.
    for done in (foreseen, real):
        for side in ("requester", "accepter"):
            done.accepter["connection"][side]["cidr_blocks"] = None
        done.accepter["connection"]["status_message"] = None
    assert foreseen.accepter == real.accepter
    assert not site.run(check_mode=True, **options).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_diff_has_the_plan_and_what_can_change(site: AwsSite, check_mode: bool) -> None:
    main, other = (f"{ATLAS_BLOCK} in {table}" for table in site.tables)
    site.route(site.tables[1])
    line = "Plan: 1 to create, 3 to change, 0 to remove, 1 unchanged"
    done = site.run(check_mode=check_mode, tags={"team": "data"}, dns="enable")
    assert done.result["summary"] == {"plan": line}
    vpc = {"id": site.vpc_id, "enable_dns_support": True}
    before = {
        "connection": {"id": site.connection_id, "status": "pending-acceptance", "tags": {}},
        "vpc": {**vpc, "enable_dns_hostnames": False},
        "routes": {main: None, other: site.connection_id},
    }
    after = {
        "connection": {"id": site.connection_id, "status": "active", "tags": {"team": "data"}},
        "vpc": {**vpc, "enable_dns_hostnames": True},
        "routes": {main: site.connection_id, other: site.connection_id},
    }
    assert done.result["diff"] == {"before": before, "after": after}
    if not check_mode:
        # With nothing to do, no line is said.
        again = site.run(tags={"team": "data"}, dns="enable").result
        assert (again["summary"], again["diff"]) == ({"plan": None}, {"before": after, "after": after})


def test_the_plan_counts_what_is_replaced_and_removed(site: AwsSite) -> None:
    site.accept()
    former = site.route_to_former(site.tables[0])
    assert site.run().result["summary"]["plan"] == "Plan: 1 to create, 1 to change, 0 to remove, 0 unchanged"
    site.delete_route(site.tables[1])
    done = site.run(state="absent")
    assert done.result["summary"]["plan"] == "Plan: 0 to create, 0 to change, 1 to remove, 1 unchanged"
    assert former not in str(done.result["diff"])
    # Without a block, it is not known what would become of the routes.
    unknown = site.run(check_mode=True, connection_id=None, vpc_id=site.vpc_id, atlas_cidr_block=None)
    assert unknown.result["summary"]["plan"] == "Plan: 0 to create, 1 to change, 0 to remove, 0 unchanged"


def test_the_result_has_what_is_documented(site: AwsSite) -> None:
    result = site.run(dns="warn").accepter
    assert result["connection"] == {
        "id": site.connection_id,
        "status": "active",
        "status_message": "Active",
        "expiration_time": None,
        "requester": {"vpc_id": site.atlas_vpc_id, "account_id": ATLAS_ACCOUNT, "region": REGION, "cidr_blocks": [ATLAS_BLOCK]},
        "accepter": {"vpc_id": site.vpc_id, "account_id": site.account.id, "region": REGION, "cidr_blocks": [BLOCK]},
        "tags": {},
    }
    assert result["vpc"] == {
        "id": site.vpc_id,
        "account_id": site.account.id,
        "region": REGION,
        "cidr_blocks": [BLOCK],
        "enable_dns_support": True,
        "enable_dns_hostnames": False,
    }
    assert result["routes"][0] == {
        "route_table_id": site.tables[0],
        "destination_cidr_block": ATLAS_BLOCK,
        "before": None,
        "after": site.connection_id,
    }


# Acceptance


def test_without_accounts_it_warns_and_names_the_requesters(site: AwsSite) -> None:
    for check_mode in (True, False):
        (warning,) = site.run(check_mode=check_mode, atlas_aws_account_ids=None).warnings
        assert [word for word in (f"account {ATLAS_ACCOUNT}", "atlas_aws_account_ids") if word not in warning] == []
    # What is accepted already is not accepted here.
    assert site.run(atlas_aws_account_ids=None).warnings == []


def test_accept_false_does_everything_else_and_says_until_when(site: AwsSite) -> None:
    done = site.run(accept=False, wait=True, tags={"team": "data"}, dns="enable")
    assert done.changed
    assert site.front.writes == ["CreateRoute", "CreateRoute", "CreateTags", "ModifyVpcAttribute"]
    assert set(site.targets().values()) == {site.connection_id}
    assert done.accepter["connection"]["status"] == "pending-acceptance"
    assert done.accepter["connection"]["expiration_time"] == EXPIRATION.replace(".000Z", "Z")
    (warning,) = done.warnings
    assert EXPIRATION.replace(".000Z", "Z") in warning
    # Nobody waits for somebody else to accept it.
    assert site.clock.pauses == []
    site.accept()
    assert site.run(accept=False, tags={"team": "data"}).warnings == []


def test_what_is_provisioning_is_accepted_already(site: AwsSite) -> None:
    site.accept()
    site.front.status[site.connection_id] = ("provisioning", "Provisioning")
    site.clock.after(3, site.front.status.clear)
    done = site.run()
    assert site.front.writes == ["CreateRoute", "CreateRoute"]
    assert done.accepter["connection"]["status"] == "active"


# The block


def test_the_block_is_required_while_aws_does_not_tell_it(site: AwsSite) -> None:
    done = site.refused("atlas_cidr_block is required", atlas_cidr_block=None)
    assert "only once it is active" in done.msg


def test_the_block_of_an_active_connection_is_the_default(site: AwsSite) -> None:
    site.accept()
    assert site.run(atlas_cidr_block=None).accepter["routes"][0]["destination_cidr_block"] == ATLAS_BLOCK


def test_several_blocks_leave_no_default_and_each_will_do(site: AwsSite) -> None:
    site.accept()
    site.front.blocks[site.atlas_vpc_id] = ["192.168.240.0/21", ATLAS_BLOCK]
    done = site.refused("has several blocks", atlas_cidr_block=None)
    assert "192.168.240.0/21, 192.168.248.0/21" in done.msg
    assert site.run().changed
    assert set(site.targets(ATLAS_BLOCK)) == set(site.tables)


def test_the_block_is_compared_before_the_first_route(make_site) -> None:
    site = make_site(atlas_block="192.168.240.0/21")
    done = site.run()
    assert done.failed
    assert "192.168.240.0/21, not atlas_cidr_block 192.168.248.0/21" in done.msg
    assert site.front.writes == ["AcceptVpcPeeringConnection"]
    # It was accepted, and the result says so.
    assert done.changed
    assert done.accepter["connection"]["status"] in ("provisioning", "active")
    assert site.targets() == {}
    # Now AWS reports the block, and nothing is changed any more.
    site.refused("192.168.240.0/21, not atlas_cidr_block 192.168.248.0/21")


def test_no_route_is_made_while_aws_does_not_tell_the_block(site: AwsSite) -> None:
    site.front.provisioning = 10_000
    done = site.run()
    assert (done.failed, done.changed) == (True, True)
    assert "could not be compared" in done.msg
    assert site.front.writes == ["AcceptVpcPeeringConnection"]
    assert 29 <= sum(site.clock.pauses) <= 31


def test_a_second_block_of_the_vpc_counts(site: AwsSite) -> None:
    site.ec2.associate_vpc_cidr_block(VpcId=site.vpc_id, CidrBlock="10.16.0.0/16")
    done = site.run(route_table_cidr_block="10.16.128.0/17")
    assert (done.changed, done.accepter["vpc"]["cidr_blocks"]) == (True, [BLOCK, "10.16.0.0/16"])
    site.ec2.associate_vpc_cidr_block(VpcId=site.vpc_id, CidrBlock="192.168.250.0/24")
    site.refused("overlaps 192.168.250.0/24")


# Names and tags


def test_the_name_is_given_only_to_a_connection_without_one(site: AwsSite) -> None:
    # The requester's tags are its own: only those of this account count.
    site.atlas.ec2(REGION).create_tags(Resources=[site.connection_id], Tags=[{"Key": "Name", "Value": "atlas-theirs"}])
    expected = {"team": "data", "Name": f"atlas-{GROUP}"}
    assert site.run(group_id=GROUP, tags={"team": "data"}).accepter["connection"]["tags"] == expected
    assert site.front.writes.count("CreateTags") == 1
    again = site.run(group_id="5356823b3794dee37132bb7c", tags={"team": "data"})
    assert (again.changed, again.accepter["connection"]["tags"]["Name"]) == (False, f"atlas-{GROUP}")


def test_tags_are_added_and_changed_and_never_taken_away(site: AwsSite) -> None:
    site.run(tags={"team": "data", "cost": 7})
    done = site.run(tags={"cost": "8", "Name": "mine"}, group_id=GROUP)
    assert done.accepter["connection"]["tags"] == {"team": "data", "cost": "8", "Name": "mine"}
    assert (site.front.requests[-1]["Tag.1.Key"], site.front.writes) == ("cost", ["CreateTags"])
    assert not site.run().changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_other_tags_are_purged_if_that_is_wanted(site: AwsSite, check_mode: bool) -> None:
    site.run(tags={"team": "data", "cost": 7, "old": ""}, group_id=GROUP)
    # Without tags, there is nothing to compare with.
    assert not site.run(purge_tags=True).changed
    site.front.requests.clear()
    done = site.run(tags={"team": "ops"}, purge_tags=True, check_mode=check_mode)
    assert done.accepter["connection"]["tags"] == {"team": "ops", "Name": f"atlas-{GROUP}"}
    assert site.front.writes == ([] if check_mode else ["CreateTags", "DeleteTags"])
    if not check_mode:
        assert not site.run(tags={"team": "ops"}, purge_tags=True).changed
        assert site.run(tags={}, purge_tags=True).accepter["connection"]["tags"] == {"Name": f"atlas-{GROUP}"}


def test_the_tags_of_aws_itself_stay() -> None:
    connection = SimpleNamespace(tags={"aws:cloudformation:stack-name": "x", "Name": "mine", "old": "1"})
    params = {"purge_tags": True, "tags": {"team": "data"}}
    assert _plan._other_tags(params, connection) == {"old": "1"}  # type: ignore[arg-type]


def test_the_project_of_the_environment_gives_no_name(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", GROUP)
    assert site.run().accepter["connection"]["tags"] == {}


# DNS


def test_dns_warn_names_what_is_off(site: AwsSite) -> None:
    (warning,) = site.run(dns="warn").warnings
    assert warning.startswith(f"The VPC {site.vpc_id} has enable_dns_hostnames off")
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsSupport={"Value": False})
    (warning,) = site.run(dns="warn").warnings
    assert warning.startswith(f"The VPC {site.vpc_id} has enable_dns_support and enable_dns_hostnames off")


def test_dns_enable_sets_both_support_first(site: AwsSite) -> None:
    site.accept()
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsSupport={"Value": False})
    done = site.run(dns="enable", accept=False)
    sent = [one for one in site.front.requests if one["Action"] == "ModifyVpcAttribute"]
    expected = ["EnableDnsSupport.Value", "EnableDnsHostnames.Value"]
    assert [next(key for key in one if key.startswith("Enable")) for one in sent] == expected
    assert done.warnings == []
    assert (done.accepter["vpc"]["enable_dns_support"], done.accepter["vpc"]["enable_dns_hostnames"]) == (True, True)
    assert not site.run(dns="enable").changed


def test_dns_ignore_reads_neither(site: AwsSite) -> None:
    assert site.run(dns="ignore").accepter["vpc"]["enable_dns_support"] is None
    assert "DescribeVpcAttribute" not in site.front.actions


# Which tables


def test_tables_of_gateways_are_left_out(site: AwsSite) -> None:
    gateway = site.add_gateway()
    edge = site.add_table()
    site.ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
    assert set(site.run().routes) == set(site.tables) - {edge}
    assert edge not in site.targets()


def test_a_table_without_subnets_gets_no_new_route(site: AwsSite) -> None:
    served, idle = site.tables, site.add_idle_table()
    foreseen, done = site.run(check_mode=True), site.run()
    assert set(foreseen.routes) == set(done.routes) == set(site.targets()) == set(served)
    assert done.result["summary"]["plan"] == "Plan: 2 to create, 1 to change, 0 to remove, 0 unchanged"
    assert done.result["diff"]["after"]["routes"].keys() == {f"{ATLAS_BLOCK} in {table}" for table in served}
    # What others route there is in nobody's way.
    site.route(idle, GatewayId=site.add_gateway())
    assert (site.run().changed, idle in done.routes) == (False, False)


def test_a_route_in_a_table_without_subnets_is_kept(site: AwsSite) -> None:
    idle = site.add_idle_table()
    site.accept()
    site.route(idle)
    done = site.run()
    assert done.routes[idle] == (site.connection_id, site.connection_id)
    assert done.result["summary"]["plan"] == "Plan: 2 to create, 0 to change, 0 to remove, 1 unchanged"
    assert (site.run(state="absent").routes[idle], site.targets()) == ((site.connection_id, None), {})


def test_a_dead_route_in_a_table_without_subnets_is_mended(site: AwsSite) -> None:
    idle = site.add_idle_table()
    former = site.route_to_former(idle)
    foreseen, done = site.run(check_mode=True), site.run()
    assert foreseen.routes[idle] == done.routes[idle] == (former, site.connection_id)
    # The plan counts it. The sentence is for tables that are named.
    assert done.result["summary"]["plan"] == "Plan: 2 to create, 2 to change, 0 to remove, 0 unchanged"
    assert (site.targets()[idle], site.run().changed) == (site.connection_id, False)


def test_a_live_route_in_a_table_without_subnets_stays(site: AwsSite) -> None:
    idle, other = site.add_idle_table(), site.request()
    site.accept(other)
    site.route(idle, VpcPeeringConnectionId=other)
    done = site.run(replace_routes=True)
    assert (done.failed, idle in done.routes, site.targets()[idle]) == (False, False, other)


def test_absent_goes_over_tables_without_subnets(site: AwsSite) -> None:
    site.accept()
    idle = site.add_idle_table()
    assert site.run(state="absent").routes == dict.fromkeys([*site.tables], (None, None))
    former = site.route_to_former(idle)
    assert site.run(state="absent").routes[idle] == (former, None)


def test_tables_by_id_and_by_tags(site: AwsSite) -> None:
    main, other = site.tables
    assert list(site.run(route_table_ids=[other, other]).routes) == [other]
    assert set(site.targets()) == {other}
    site.ec2.create_tags(Resources=[main], Tags=[{"Key": "atlas", "Value": "yes"}, {"Key": "tier", "Value": "1"}])
    assert list(site.run(route_table_tags={"atlas": "yes", "tier": 1}).routes) == [main]
    assert set(site.targets()) == {main, other}


def test_lists_come_in_pages(site: AwsSite) -> None:
    for unused in range(5):
        site.add_table()
    site.front.page_size = 3
    assert len(site.run().routes) == 7
    assert (site.front.actions.count("DescribeRouteTables"), len(site.targets())) == (3, 7)


# Check mode without a connection


def test_without_a_connection_check_mode_checks_the_rest(site: AwsSite) -> None:
    options = {"check_mode": True, "connection_id": None, "vpc_id": site.vpc_id}
    done = site.run(**options)
    assert (done.failed, done.changed) == (False, True)
    assert done.accepter["connection"] is None
    assert (set(done.routes), done.warnings) == (set(site.tables), [])
    assert site.front.actions == [one for one in READS if one != "DescribeVpcPeeringConnections"]
    for wrong, named in (
        ({"aws_account_id": "999999999999"}, "aws_account_id 999999999999"),
        ({"route_table_cidr_block": "10.99.0.0/16"}, "route_table_cidr_block 10.99.0.0/16"),
        ({"atlas_cidr_block": "10.15.8.0/21"}, "overlaps 10.15.0.0/16"),
        ({"vpc_id": "vpc-0123456789abcdef0"}, "The VPC vpc-0123456789abcdef0 is unknown"),
        ({"route_table_ids": ["rtb-0123456789abcdef0"]}, "rtb-0123456789abcdef0"),
        ({"security_group_ids": ["sg-0123456789abcdef0"]}, "sg-0123456789abcdef0"),
    ):
        failed = site.run(**{**options, **wrong})
        assert failed.failed
        assert named in failed.msg
    gateway = site.add_gateway()
    site.route(site.tables[1], GatewayId=gateway)
    assert gateway in site.run(**options).msg


def test_a_vpc_alone_is_enough_for_check_mode_only(site: AwsSite) -> None:
    before = site.state()
    done = site.run(connection_id=None, vpc_id=site.vpc_id)
    assert "connection_id is required" in done.msg
    assert (done.changed, site.front.writes, site.state()) == (False, [], before)


def test_without_a_block_as_well_it_says_what_was_not_checked(site: AwsSite) -> None:
    done = site.run(check_mode=True, connection_id=None, vpc_id=site.vpc_id, atlas_cidr_block=None)
    (warning,) = done.warnings
    assert "overlaps and routes were not checked" in warning
    assert {one["destination_cidr_block"] for one in done.accepter["routes"]} == {None}
    failed = site.run(check_mode=True, connection_id=None, vpc_id=site.vpc_id, atlas_cidr_block=None, aws_account_id="9" * 12)
    assert failed.failed


def test_tags_that_are_not_shown_with_the_connection_are_read(site: AwsSite) -> None:
    """moto keeps them, and shows those of the requester alone."""
    site.front.shows_tags = False
    wanted = {"group_id": GROUP, "tags": {"team": "data"}}
    assert (site.run(**wanted).changed, site.front.actions.count("CreateTags")) == (True, 1)
    again = site.run(**wanted)
    assert (again.changed, again.accepter["connection"]["tags"]) == (False, {"team": "data", "Name": f"atlas-{GROUP}"})
    assert site.front.actions == [READS[0], READS[1], "DescribeTags", *READS[2:]]
    assert site.run(tags={"team": "web"}).changed
    # Without the right to read them, they are made again.
    site.front.rule("DescribeTags", denial("DescribeTags"), times=1)
    assert (site.run(tags={"team": "web"}).changed, site.front.writes) == (True, ["CreateTags"])
    # Where AWS shows them, or none is declared, they are not asked for.
    assert (site.run().changed, "DescribeTags" in site.front.actions) == (False, False)
    site.front.shows_tags = True
    assert (site.run(tags={"team": "web"}).changed, "DescribeTags" in site.front.actions) == (False, False)


@pytest.mark.parametrize("region", ["us-east-1", "US_EAST_1"])
def test_the_region_in_the_spelling_of_both_clouds(site: AwsSite, region: str) -> None:
    assert site.run(region=region).changed
