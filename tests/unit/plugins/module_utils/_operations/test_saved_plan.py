"""A plan that check mode saves is what a run then does, and nothing else."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.saved_plan import _differing
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, VPC, Atlas, Done, Site
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ATLAS_BLOCK, PathSite
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.sets import block, entry, vpc

FILE = "peering.plan.json"
SCHEMA = json.loads((ROOT / "docs" / "plan.schema.json").read_text(encoding="utf-8"))
SETS, ACCESS = load("atlas_vpc_peers"), load("atlas_access_list")
OTHER = "10.99.0.0/16"
Plan = dict[str, Any]


def save(site: Site, task: Any = None, **options: Any) -> Plan:
    """Return what check mode writes."""
    done = site.run(task, check_mode=True, plan_file={"path": FILE}, **options)
    assert not done.failed, done.msg
    plan: Plan = json.loads(json.dumps(done.result["plan_file"]["plan"]))
    jsonschema.validate(plan, SCHEMA)
    assert done.result["plan_file"]["changes"] == len(plan["changes"])
    return plan


def carry_out(site: Site, plan: Plan | None, task: Any = None, **options: Any) -> Done:
    """Run a task with a plan."""
    return site.run(task, plan_file={"path": FILE, "plan": plan}, **options)


def of(plan: Plan, **fields: Any) -> Plan:
    """Return the only change with these fields."""
    (found,) = [one for one in plan["changes"] if all(one[name] == value for name, value in fields.items())]
    return dict(found)


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


@pytest.fixture
def begun(site: PathSite) -> dict[str, Any]:
    """Two networks, one of them connected, and a third one that is pruned."""
    vpcs = site.make_vpcs(3)
    assert not site.run(connections=vpcs[1:]).failed
    return {"connections": vpcs[:2], "prune": True}


def test_a_plan_of_all_clouds_is_what_the_run_does(make_path: Callable[..., PathSite]) -> None:
    site = make_path(with_clouds=True)
    entries = [*site.make_vpcs(2, accounts=2, auth="keys"), *site.make_vnets(1), *site.make_networks(1)]
    options = {"connections": entries, "container_region": "us-east-1", "dns": "enable", "tags": {"team": "a"}}
    plan = save(site, **options)
    assert site.writes == []
    kinds = {(one["side"], one["kind"]) for one in plan["changes"]}
    assert kinds >= {("Atlas", "container"), ("AWS", "route"), ("AZURE", "role"), ("GCP", "mirror"), ("AWS", "attribute")}
    # The name of a peering in GCP is that of Atlas's network, which is made with its first connection.
    assert "name" in of(plan, kind="mirror")["unknown"]
    assert "connection_id" in of(plan, kind="connection", action="create", name=entries[0]["vpc_id"])["unknown"]
    done = carry_out(site, plan, **options)
    assert not done.failed, done.msg
    assert done.result["plan_file"] == {"path": FILE, "changes": len(plan["changes"]), "in_place": 0}
    # The same plan again finds all of it in place.
    done = carry_out(site, plan, **options)
    assert (done.failed, done.changed) == (False, False)
    assert done.result["plan_file"]["in_place"] == len(plan["changes"])
    secrets = [value for name, value in entries[0].items() if name in ("aws_secret_key", "aws_session_token", "aws_access_key")]
    assert len(secrets) == 3
    assert not [one for one in (*secrets, *site.private) if one in json.dumps(plan)]
    absent = save(site, connections=entries, state="absent")
    assert absent["state"] == "absent"
    assert not carry_out(site, absent, connections=entries, state="absent").failed
    assert (absent["changes"] != [], save(site, connections=entries, state="absent")["changes"]) == (True, [])


def test_credentials_are_no_part_of_a_digest(site: PathSite) -> None:
    entries = site.make_vpcs(1, auth="keys")
    plan = save(site, connections=entries)
    (own,) = entries
    others = [{**{name: own[name] for name in own if name not in ("aws_access_key", "aws_secret_key", "aws_session_token")}}]
    others[0]["aws_profile"] = f"account-{own['aws_account_id']}"
    signs_in = {"gcp_auth_kind": "serviceaccount", "azure_tenant": "example.com", "aws_accounts": {}}
    again = save(site, connections=others, retries=1, parallel=3, wait_timeout=900, **signs_in)
    assert again["declared"] == plan["declared"]
    assert again["declared"] != save(site, connections=others, dns="warn")["declared"]


# What a run must not do.


def new_connection(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    site.run(connections=site.make_vpcs(1))
    return "remove connection"


def dropped(**fields: Any) -> Callable[..., str]:
    def drop(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
        plan["changes"].remove(of(plan, **fields))
        return {"delete": "remove", "create": "create"}[fields["action"]] + f" {fields['kind']}"

    return drop


def other_comment(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    plan["changes"].append(plan["changes"].pop(plan["changes"].index(of(plan, action="create", kind="access list entry"))))
    plan["changes"][-1]["after"]["comment"] = "another"
    return 'is otherwise in peering.plan.json (comment: "another" there'


def other_table(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    site.add_tables(begun["connections"][0], 1)
    return "create route"


def other_action(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    one = of(plan, action="create", kind="connection")
    plan["changes"][plan["changes"].index(one)]["action"] = "change"
    return "create connection"


def other_side(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    one = of(plan, action="create", kind="connection")
    plan["changes"][plan["changes"].index(one)]["side"] = "AWS"
    return "create connection"


def other_target(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    of(plan, action="delete", kind="route")["before"]["target"] = "tgw-1"
    return 'is otherwise in peering.plan.json (target before: "tgw-1" there'


def other_id(site: PathSite, begun: dict[str, Any], plan: Plan) -> str:
    one = of(plan, action="delete", kind="connection")
    plan["changes"][plan["changes"].index(one)]["ids"] = ["0" * 24]
    return "remove connection"


CASES = [
    new_connection,
    dropped(action="delete", kind="connection"),
    dropped(action="delete", kind="route"),
    dropped(action="create", kind="connection"),
    dropped(action="create", kind="access list entry"),
    other_comment,
    other_table,
    other_action,
    other_side,
    other_id,
    other_target,
]


@pytest.mark.parametrize("change", CASES, ids=[f"{number}-{one.__name__}" for number, one in enumerate(CASES)])
def test_what_the_file_has_not_refuses_everything(site: PathSite, begun: dict[str, Any], change: Callable[..., str]) -> None:
    options = {**begun, "max_deletions": 3}
    plan = save(site, **options)
    words = change(site, begun, plan)
    before = site.state()
    done = carry_out(site, plan, **options)
    assert done.failed
    assert (site.writes, site.state()) == ([], before)
    assert done.missing("Nothing was changed", words, FILE, "--check") == []
    assert (done.changed, done.result["summary"]) == (False, None)
    assert "plan" not in done.result["plan_file"]


def test_a_route_that_leads_elsewhere_now_is_not_replaced(site: PathSite) -> None:
    (one,) = site.make_vpcs(1)
    ec2 = site.accounts[one["aws_account_id"]].ec2()
    vpc_only = [{"Name": "vpc-id", "Values": [one["vpc_id"]]}]
    table = ec2.describe_route_tables(Filters=vpc_only)["RouteTables"][0]["RouteTableId"]
    gateways = [ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"] for _number in range(2)]
    route = {"RouteTableId": table, "DestinationCidrBlock": ATLAS_BLOCK}
    ec2.create_route(**route, TransitGatewayId=gateways[0])
    options = {"connections": [{**one, "route_table_ids": [table]}], "replace_routes": True}
    plan = save(site, **options)
    ec2.replace_route(**route, TransitGatewayId=gateways[1])
    done = carry_out(site, plan, **options)
    assert done.missing("Nothing was changed", f'target before: "{gateways[0]}" there, "{gateways[1]}" now') == []
    assert site.writes == []
    ec2.replace_route(**route, TransitGatewayId=gateways[0])
    assert not carry_out(site, plan, **options).failed


def test_only_tags_that_were_reviewed_are_changed(site: PathSite) -> None:
    entries = site.make_vpcs(1)
    ec2 = site.accounts[entries[0]["aws_account_id"]].ec2()
    done = site.run(connections=entries, tags={"owner": "db", "old": "1", "state": "reviewed", "state_details": "a"})
    connection = done.result["peering"]["connections"][0]["connection_id"]
    options = {"connections": entries, "tags": {"env": "", "state_details": "b"}, "purge_tags": True}
    plan = save(site, **options)
    assert of(plan, action="tag")["before"] == {"state_details": "a"}
    assert of(plan, action="tag")["unknown"] == []
    # Two keys are also names of fields that change by themselves.
    late = {"late": "added", "state": "changed", "env": "test", "state_details": "c"}
    ec2.create_tags(Resources=[connection], Tags=[{"Key": key, "Value": value} for key, value in late.items()])
    done = carry_out(site, plan, **options)
    assert done.missing('late before: null there, "added" now', 'state before: "reviewed" there, "changed" now') == []
    assert done.missing('env before: null there, "test" now', 'state_details before: "a" there, "c" now') == []
    assert site.writes == []
    # Those that somebody has removed meanwhile are in place.
    ec2.delete_tags(Resources=[connection], Tags=[{"Key": key} for key in (*late, "old")])
    assert not carry_out(site, plan, **options).failed


@pytest.mark.parametrize(
    ("then", "now", "is_as_reviewed"),
    [
        # A run that is resumed finds less of a role with two assignments.
        ({"assignment_ids": ["1", "2"]}, {"assignment_ids": ["2"]}, True),
        ({"assignment_ids": ["1", "2"]}, {"assignment_ids": ["2", "1"]}, True),
        ({"assignment_ids": ["1"]}, {"assignment_ids": ["1", "2"]}, False),
        # Atlas makes the network of a container when something needs it.
        ({"vpc_id": None}, {"vpc_id": "vpc-1"}, True),
        ({"atlas_network_name": None}, {"atlas_network_name": "nt-1"}, True),
        ({"comment": None}, {"comment": "of others"}, False),
    ],
)
def test_what_goes_may_have_less_or_progress(then: dict[str, Any], now: dict[str, Any], is_as_reviewed: bool) -> None:
    saved, found = ({**RECORD, "action": "delete", "before": before} for before in (then, now))
    assert (_differing(saved, found) == []) is is_as_reviewed


def test_each_change_that_is_not_there_is_named(site: PathSite, begun: dict[str, Any]) -> None:
    first = begun["connections"][0]
    tag = {"Key": "Name", "Value": "app-11"}
    site.accounts[first["aws_account_id"]].ec2().create_tags(Resources=[first["vpc_id"]], Tags=[tag])
    plan = save(site, **begun)
    names = [(one["kind"], one["name"]) for one in plan["changes"]]
    done = carry_out(site, {**plan, "changes": []}, **begun)
    assert [one for one in names if f"{one[0]} {one[1]}" not in done.msg] == []
    assert f"connection {first['vpc_id']} (app-11) is not in {FILE}" in done.msg, done.msg
    assert site.writes == []


def test_the_ceiling_holds_as_well(site: PathSite, begun: dict[str, Any]) -> None:
    plan = save(site, **begun, max_deletions=1)
    site.run(connections=site.make_vpcs(1))
    done = carry_out(site, plan, **begun, max_deletions=1)
    assert done.missing("max_deletions allows 1", "is not in") == []
    assert site.writes == []


# What a file is no plan for.
TEXTS = ("action", "side", "kind", "name", "network")
RECORD = {**dict.fromkeys(TEXTS, ""), "ids": [], "unknown": [], "before": None, "after": None}


def fields(**values: Any) -> Callable[[Plan], Plan]:
    return lambda plan: {**plan, **values}


def without(name: str) -> Callable[[Plan], Plan]:
    return lambda plan: {key: value for key, value in plan.items() if key != name}


def aged(days: float) -> Callable[[Plan], Plan]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))
    return fields(time=moment)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (fields(project={"id": "0" * 24, "name": None}), {}, "a plan for project 000000000000000000000000, and this is project"),
        (fields(state="absent"), {}, "a plan for state absent, and this is state present"),
        (fields(module="atlas_vpc_peers"), {}, "a plan for a task of atlas_vpc_peers"),
        (fields(format=2, collection="9.0.0"), {}, "has format 2"),
        (fields(format="1"), {}, "is not a plan of this collection"),
        (fields(time="yesterday"), {}, "is not a plan of this collection"),
        (fields(time=20261201), {}, "is not a plan of this collection"),
        (fields(changes=[{**RECORD, "unknown": [5]}]), {}, "is not a plan of this collection"),
        (fields(changes=[{**RECORD, "ids": [None]}]), {}, "is not a plan of this collection"),
        (fields(changes=[{"action": "delete"}]), {}, "is not a plan of this collection"),
        (without("declared"), {}, "is not a plan of this collection"),
        (lambda plan: [plan], {}, "is not a plan of this collection"),
        (lambda plan: None, {}, "there is no plan in"),
        (aged(8), {}, "plan_max_age allows 7"),
        (aged(2), {"plan_max_age": 1}, "plan_max_age allows 1"),
        (aged(-1), {}, "hours in the future, by the clock of this host"),
        (fields(), {"plan_max_age": -1}, "plan_max_age must be 0 or more"),
        (fields(), {"replace_routes": True}, "an option of the task has changed"),
    ],
)
def test_a_file_for_another_task_is_refused(
    site: PathSite, change: Callable[[Plan], Any], options: dict[str, Any], words: str
) -> None:
    entries = site.make_vpcs(1)
    plan = change(save(site, connections=entries))
    done = carry_out(site, plan, connections=entries, **options)
    assert done.missing(words) == []
    assert (done.failed, site.writes) == (True, [])


def test_any_age_will_do(site: PathSite) -> None:
    entries = site.make_vpcs(1)
    plan = aged(400)(save(site, connections=entries))
    assert not carry_out(site, plan, connections=entries, plan_max_age=0).failed


def test_a_clock_may_be_ahead_a_little(site: PathSite) -> None:
    entries = site.make_vpcs(1)
    assert not carry_out(site, aged(-0.03)(save(site, connections=entries)), connections=entries).failed


def test_entries_that_came_went_and_changed_are_named(site: PathSite) -> None:
    vpcs = site.make_vpcs(4)
    plan = save(site, connections=vpcs[:3])
    done = carry_out(site, plan, connections=[vpcs[3], {**vpcs[1], "comment": "new"}, vpcs[0]])
    new, changed, gone = vpcs[3]["vpc_id"], vpcs[1]["vpc_id"], vpcs[2]["vpc_id"]
    assert done.missing(f"{new} is new", f"{changed} is changed", f"{gone} is gone") == []
    assert vpcs[0]["vpc_id"] not in done.msg
    # The order alone means nothing.
    assert not carry_out(site, save(site, connections=vpcs[:2]), connections=vpcs[1::-1]).failed


# Blocks that only the run would know.


def test_a_container_needs_a_block(site: PathSite) -> None:
    entries = site.make_vpcs(2)
    for check_mode in (True, False):
        done = site.run(
            check_mode=check_mode, plan_file={"path": FILE, "plan": None}, connections=entries, container_region="eu-west-1"
        )
        assert done.missing("container_cidr_block", "10.0.0.0/21, 10.0.8.0/21, 10.0.16.0/21") == []
        assert site.writes == []
    options = {"connections": entries, "container_region": "eu-west-1", "container_cidr_block": "10.0.8.0/21"}
    plan = save(site, **options)
    done = carry_out(site, plan, **options)
    assert not done.failed, done.msg


# The other modules.


def test_a_set(make_atlas: Callable[..., Atlas]) -> None:
    site = make_atlas()
    gone = site.add_peer(vpcId=vpc(9), routeTableCidrBlock=block(9))
    options = {"peers": [entry(0), entry(1)], "prune": True, "max_deletions": 2}
    plan = save(site, SETS, **options)
    assert of(plan, action="delete")["ids"] == [gone]
    late = site.add_peer(vpcId=vpc(8), routeTableCidrBlock=block(8))
    done = carry_out(site, plan, SETS, **options)
    assert done.missing("Nothing was changed", f"remove connection {ACCOUNT}/{vpc(8)} is not in {FILE}") == []
    assert site.writes() == []
    with site.emulator.project.now() as project:
        project.peers.delete(project.peers.get(late))
    site.clock.sleep(60)
    done = carry_out(site, plan, SETS, **options)
    assert not done.failed, done.msg
    assert {one["vpcId"] for one in site.peers() if one["statusName"] != "TERMINATING"} == {vpc(0), vpc(1)}
    assert done.result["plan_file"] == {"path": FILE, "changes": 3, "in_place": 0}


def test_what_was_to_be_replaced_may_be_gone(make_atlas: Callable[..., Atlas]) -> None:
    site = make_atlas()
    site.fail(site.add_peer())
    options = {"peers": [{"vpc_id": VPC, "aws_account_id": ACCOUNT, "route_table_cidr_block": CIDR}], "recreate": "dead"}
    plan = save(site, SETS, **options)
    (change,) = plan["changes"]
    assert change["action"] == "recreate"
    with site.emulator.project.now() as project:
        project.peers.delete(project.peers.get(change["ids"][0]))
    site.clock.sleep(60)
    done = carry_out(site, plan, SETS, **options)
    assert (done.failed, done.changed) == (False, True)


def test_an_access_list(make_atlas: Callable[..., Atlas]) -> None:
    site = make_atlas()
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": CIDR}])
    options = {"entries": [{"cidr_block": OTHER, "comment": "apps"}], "prune": True}
    plan = save(site, ACCESS, **options)
    wrong = copy.deepcopy(plan)
    of(wrong, action="create")["after"]["comment"] = "others"
    done = carry_out(site, wrong, ACCESS, **options)
    assert done.missing(f"create access list entry {OTHER} is otherwise in {FILE}") == []
    assert site.access_list == {CIDR: None}
    done = carry_out(site, plan, ACCESS, **options)
    assert (done.failed, site.access_list) == (False, {OTHER: "apps"})
    done = carry_out(site, plan, ACCESS, **options)
    assert (done.changed, done.result["plan_file"]["in_place"]) == (False, 2)


def test_an_entry_with_another_comment_now_is_left(make_atlas: Callable[..., Atlas]) -> None:
    site = make_atlas()
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": CIDR, "comment": "test"}, {"cidrBlock": OTHER, "comment": "old"}])
    options = {"entries": [{"cidr_block": OTHER, "comment": "apps"}], "prune": True}
    plan = save(site, ACCESS, **options)
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": CIDR, "comment": "production"}, {"cidrBlock": OTHER, "comment": "others"}])
    done = carry_out(site, plan, ACCESS, **options)
    texts = ('comment before: "test" there, "production" now', 'comment before: "old" there, "others" now')
    assert done.missing(*texts) == []
    assert (done.failed, site.access_list) == (True, {CIDR: "production", OTHER: "others"})
