"""What cannot be read is unknown and names the permission; no reply of an odd shape is taken for a good one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import NAMESPACE, denial, refusal
from ansible_collections.cloudpeer.atlas.tests.support.check_site import ATLAS_BLOCK, CheckSite
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Reply, Sent, forward, reply, serving

#: What each action of AWS decides, by its name in policies, for a cluster without private connection strings.
DECIDING = {
    "ec2:DescribeDhcpOptions": "P502",
    "ec2:DescribeNetworkAcls": "P701",
    "ec2:DescribeRouteTables": "P601",
    "ec2:DescribeSubnets": "P301",
    "ec2:DescribeVpcAttribute": "P501",
    "ec2:DescribeVpcPeeringConnections": "P401",
    "ec2:DescribeVpcs": "P404",
    "route53:GetHostedZone": "P503",
    "route53:ListHostedZonesByVPC": "P503",
    "route53:ListResourceRecordSets": "P503",
    "route53resolver:ListResolverRuleAssociations": "P503",
    "route53resolver:ListResolverRules": "P503",
}
WARNING = {"servicequotas:GetServiceQuota": "P107"}
# They are read where a private zone answers for names of a cluster.
OF_A_ZONE = ("route53:GetHostedZone", "route53:ListResourceRecordSets")
ACTIONS = [*DECIDING, *WARNING]
XML = (("Content-Type", "text/xml"),)
JSON = (("Content-Type", "application/x-amz-json-1.1"),)


def is_json(action: str) -> bool:
    return action.startswith(("route53resolver", "servicequotas"))


# What an unread fact means is decided without AWS, and tested there for each: here, each third says that the refusals arrive.
@pytest.mark.parametrize(
    "permission", [one if not index % 3 else pytest.param(one, marks=pytest.mark.full) for index, one in enumerate(ACTIONS)]
)
def test_a_missing_permission_is_named_and_the_other_checks_run(site: CheckSite, permission: str) -> None:
    action = permission.partition(":")[2]
    site.front.rule(action, denial(action))
    if permission in OF_A_ZONE:
        site.add_zone("mongodb.net")
    done = site.run()
    assert (done.failed, set(done.found.values())) == (False, {"unknown"})
    code = {**DECIDING, **WARNING}[permission]
    finding = next(one for one in done.connection["checks"] if one["code"] == code and one["severity"] == "unknown")
    assert finding["fix"] == f"Allow {permission} to these credentials."
    assert finding["evidence"]["permission"] == permission
    assert done.check["verdict"] == ("unknown" if permission in DECIDING else "reachable_by_design")
    assert site.run(fail_on="warn").msg


def test_what_only_the_owner_of_a_shared_vpc_sees_is_unknown(site: CheckSite) -> None:
    """Participants see tables and no connections, so a route to one is not left over.

    Source: "Responsibilities and permissions for owners and participants" in Amazon's VPC guide.
    """
    site.front.owners[site.vpc.vpc_id] = "555555555555"
    other = {"destinationCidrBlock": "10.99.0.0/16", "vpcPeeringConnectionId": "pcx-0bbbbbbbbbbbbbbbb"}
    site.front.routes[site.vpc.table["RouteTableId"]] = [other]
    done = site.run()
    assert done.found == dict.fromkeys(("P107", "P404", "P606"), "unknown")
    (finding,) = [one for one in done.check["findings"] if one["severity"] == "unknown"]
    assert (finding["fix"], finding["owner"]) == ("Use credentials of account 555555555555.", "the playbook")


def name_instance(site: CheckSite) -> dict[str, Any]:
    return {"instance_ids": [site.add_all_that_is_read()]}


def name_instance_by_group(site: CheckSite) -> dict[str, Any]:
    instance = site.add_all_that_is_read()
    site.allow({"awsSecurityGroup": site.add_group("other")})
    return {"instance_ids": [instance]}


def name_group(site: CheckSite) -> dict[str, Any]:
    return {"security_group_ids": [site.add_group("other")]}


def name_nothing(site: CheckSite) -> dict[str, Any]:
    site.add_all_that_is_read()
    return {}


def allow_group_alone(site: CheckSite) -> dict[str, Any]:
    site.add_all_that_is_read()
    site.allow({"awsSecurityGroup": site.add_group("other")})
    return {}


def route_by_list(site: CheckSite) -> dict[str, Any]:
    entries = [{"Cidr": ATLAS_BLOCK}]
    made = site.ec2.create_managed_prefix_list(PrefixListName="atlas", MaxEntries=5, AddressFamily="IPv4", Entries=entries)
    table, list_id = site.vpc.table["RouteTableId"], made["PrefixList"]["PrefixListId"]
    site.ec2.delete_route(RouteTableId=table, DestinationCidrBlock=ATLAS_BLOCK)
    to_atlas = {"DestinationPrefixListId": list_id, "VpcPeeringConnectionId": site.connection_id}
    site.ec2.create_route(RouteTableId=table, **to_atlas)
    return {}


@pytest.mark.parametrize(
    ("permission", "seed", "codes", "verdict"),
    [
        # The blocks of the access list cover all subnets, so it does not matter which the instance is in.
        ("ec2:DescribeNetworkInterfaces", name_instance, {"P703"}, "unknown"),
        ("ec2:DescribeNetworkInterfaces", name_instance_by_group, {"P301", "P302", "P303", "P703"}, "unknown"),
        ("ec2:DescribeNetworkInterfaces", name_group, set(), "reachable_by_design"),
        ("ec2:DescribeNetworkInterfaces", name_nothing, set(), "reachable_by_design"),
        ("ec2:DescribeSecurityGroups", name_instance, {"P703"}, "unknown"),
        ("ec2:DescribeSecurityGroups", name_group, {"P702"}, "unknown"),
        ("ec2:DescribeSecurityGroups", name_nothing, {"P703"}, "reachable_by_design"),
        ("ec2:DescribeSecurityGroups", allow_group_alone, {"P301", "P302", "P703"}, "unknown"),
        ("ec2:GetManagedPrefixListEntries", name_nothing, set(), "reachable_by_design"),
        ("ec2:GetManagedPrefixListEntries", route_by_list, {"P603"}, "unknown"),
    ],
)
def test_a_permission_for_what_only_some_options_need_is_named(
    site: CheckSite, permission: str, seed: Callable[[CheckSite], dict[str, Any]], codes: set[str], verdict: str
) -> None:
    options = seed(site)
    action = permission.partition(":")[2]
    site.front.rule(action, denial(action))
    done = site.run(**options)
    assert action in site.front.actions
    unknown = [one for one in done.connection["checks"] if one["severity"] == "unknown"]
    assert {one["code"] for one in unknown} == codes
    assert {one["evidence"]["permission"] for one in unknown} == ({permission} if codes else set())
    assert (done.check["verdict"], done.failed) == (verdict, False)
    if permission == "ec2:DescribeNetworkInterfaces":
        assert any(permission in one for one in done.check["not_looked_at"])


def test_a_gateway_endpoint_needs_no_permission(site: CheckSite) -> None:
    """As every VPC with S3's endpoint has one."""
    route = {"destinationPrefixListId": "pl-0123456789abcdef0", "gatewayId": "vpce-0123456789abcdef0"}
    site.front.routes[site.vpc.table["RouteTableId"]] = [route]
    site.front.rule("GetManagedPrefixListEntries", denial("GetManagedPrefixListEntries"))
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({}, "reachable_by_design")
    assert "GetManagedPrefixListEntries" not in site.front.actions


def test_the_tables_have_all_permissions(site: CheckSite) -> None:
    rows = test_a_permission_for_what_only_some_options_need_is_named.pytestmark[0].args[1]
    done = site.run(**name_instance(site))
    sent = {one for one in done.calls if ":" in one} - {"sts:GetCallerIdentity"}
    assert sent == {*ACTIONS, *(row[0] for row in rows)}


def test_without_an_account_it_is_not_known_whose_the_vpc_is(site: CheckSite) -> None:
    site.front.rule("GetCallerIdentity", denial("GetCallerIdentity"))
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P404": "unknown"}, "unknown")


@pytest.mark.parametrize("action", ["DescribeSubnets", "ListHostedZonesByVPC", "ListResolverRules", "GetServiceQuota"])
def test_a_read_that_is_refused_for_its_rate_is_waited_for(site: CheckSite, action: str) -> None:
    """Route 53 says Throttling with 400, its Resolver ThrottlingException, and Service Quotas TooManyRequestsException."""
    codes = {
        "GetServiceQuota": "TooManyRequestsException",
        "ListHostedZonesByVPC": "Throttling",
        "ListResolverRules": "ThrottlingException",
    }
    reply = denial(action)
    body = re.sub(
        b"AccessDenied(?:Exception)?|UnauthorizedOperation", codes.get(action, "RequestLimitExceeded").encode(), reply.body
    )
    reply.body = body
    reply.status = 503 if action.startswith("Describe") else 400
    site.front.rule(action, reply, times=6)
    assert site.run().found == {}
    assert site.front.actions.count(action) >= 7
    assert max(site.clock.pauses) <= 20


def test_a_check_waits_two_minutes_for_a_read(site: CheckSite) -> None:
    site.front.rule("DescribeSubnets", refusal("RequestLimitExceeded", status=503))
    done = site.run()
    assert (done.found["P301"], round(sum(site.clock.pauses))) == ("unknown", 120)
    title = done.finding("P301")
    shown = f"{title}"
    for part in ("AWS has refused ec2:DescribeSubnets", "times in 120 seconds", "of the account in this region, shared with all"):
        assert part in shown
    # A check has no such option.
    assert "wait_timeout" not in shown


def odd_replies(action: str) -> list[Reply]:
    """Return what something else than AWS could answer, or AWS on a bad day."""
    if is_json(action):
        bodies = [b"<html>Sign in</html>", b"[]", b"{}", b"null", b'"text"', b'{"ResolverRules": 5, "Quota": 5}', b""]
        names = {"ResolverRules": [{}], "ResolverRuleAssociations": [5], "Quota": {"Value": "many"}}
        return [Reply(200, body, JSON) for body in [*bodies, json.dumps(names).encode()]]
    name = action.partition(":")[2]
    space = NAMESPACE if action.startswith("ec2") else "https://route53.amazonaws.com/doc/2013-04-01/"
    lists = ("vpcSet", "subnetSet", "routeTableSet", "networkAclSet", "vpcPeeringConnectionSet")
    contents = ["", "<item/>", *(f"<{one}><item><x/></item></{one}>" for one in lists), "<enableDnsSupport>5</enableDnsSupport>"]
    xml = [f'<{name}Response xmlns="{space}">{content}</{name}Response>'.encode() for content in contents]
    return [Reply(200, body, XML) for body in [b"<html>Sign in</html>", b"", b"{}", b"\xff\xfe", *xml]]


@pytest.mark.parametrize("permission", ACTIONS)
@pytest.mark.full
def test_an_odd_reply_is_unknown_and_no_traceback(site: CheckSite, permission: str) -> None:
    action = permission.partition(":")[2]
    first, *others = [*odd_replies(permission), DROP]
    for odd in (first, *others):
        site.front.rules.clear()
        site.front.rule(action, odd)
        if permission in OF_A_ZONE and odd is first:
            site.add_zone("mongodb.net")
        done = site.run()
        code = {**DECIDING, **WARNING}[permission]
        assert done.found.get(code) == "unknown", odd
        assert done.check["verdict"] == ("unknown" if permission in DECIDING else "reachable_by_design"), odd


def test_without_any_permission_the_task_fails(site: CheckSite) -> None:
    for permission in (*ACTIONS, "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"):
        action = permission.partition(":")[2]
        site.front.rule(action, denial(action))
    done = site.run(fail_on="never")
    assert "ec2:Describe" in done.msg
    assert "peering_check" not in done.result


def test_a_wrong_key_of_atlas_is_a_failure(site: CheckSite) -> None:
    done = site.run(private_key="00000000-0000-4000-8000-000000000000", fail_on="never")
    assert (done.result["http_status"], site.front.actions) == (401, [])


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/peers", {"P101", "P102", "P201"}),
        ("/containers", {"P104", "P601"}),
        ("/accessList", {"P301"}),
        ("/clusters", {"P201", "P203"}),
    ],
)
def test_a_list_of_atlas_that_cannot_be_read_is_unknown(site: CheckSite, path: str, codes: set[str]) -> None:
    rule = {"path_glob": f"*{path}?*", "authenticated": True, "fault": {"kind": "html", "status": 500}}
    requests.post(f"{site.emulator.base_url}/emulator/faults", json=rule, timeout=10).raise_for_status()
    try:
        done = site.run(connections=[{"vpc_id": site.vpc.vpc_id, "region": "us-east-1"}])
    finally:
        requests.delete(f"{site.emulator.base_url}/emulator/faults", timeout=10).raise_for_status()
    assert not done.failed
    unknown = {code for code, severity in done.found.items() if severity == "unknown"}
    assert codes & unknown
    assert "fail" not in done.found.values()
    assert done.check["verdict"] == "unknown"


def test_a_doubled_element_is_no_traceback(site: CheckSite) -> None:
    doubled = b"<ResponseMetadata><RequestId>1</RequestId><RequestId>2</RequestId></ResponseMetadata>"
    body = (
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        + doubled
        + b"</GetCallerIdentityResponse>"
    )
    site.front.rule("GetCallerIdentity", Reply(200, body, XML))
    assert site.run().found == {"P404": "unknown"}


@pytest.mark.parametrize("options", [("connections",), ()])
def test_unread_containers_hide_the_region(site: CheckSite, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    given: dict[str, Any] = {name: [{"vpc_id": site.vpc.vpc_id}] for name in options}
    fault = {"kind": "status", "status": 403}
    rule = {"path_glob": "*/containers?*", "authenticated": True, "fault": fault}
    requests.post(f"{site.emulator.base_url}/emulator/faults", json=rule, timeout=10).raise_for_status()
    try:
        done = site.run(**given)
    finally:
        requests.delete(f"{site.emulator.base_url}/emulator/faults", timeout=10).raise_for_status()
    assert (done.failed, done.check["verdict"]) == (False, "unknown")
    assert done.finding("P404")["severity"] == "unknown"
    assert done.finding("P404")["evidence"] == {"permission": "Project Read Only"}
    assert site.front.actions == []


@pytest.mark.parametrize(("path", "field"), [("containers", "regionName"), ("peers", "accepterRegionName")])
def test_an_odd_region_of_atlas_is_not_taken_for_an_option(site: CheckSite, path: str, field: str) -> None:
    def answer(sent: Sent) -> Reply:
        got = forward(site.emulator.base_url, sent)
        if sent.path.endswith(path) and got.status == HTTPStatus.OK:
            content = json.loads(got.body)
            content["results"] = [{**one, field: "moon"} for one in content["results"]]
            return reply(content)
        return got

    with serving() as between:
        between.answer = answer
        done = site.run(base_url=between.base_url, connections=[{"vpc_id": site.vpc.vpc_id, "region": "us-east-1"}])
    assert (done.failed, done.check["verdict"]) == (False, "unknown")
    name, code = ("accepter_region_name", "P101") if path == "peers" else ("region_name", "P104")
    assert done.finding(code)["message"].endswith(f"{name}.")
    assert done.finding(code)["fix"] == "Check base_url."


def test_pages_are_read_to_the_end(site: CheckSite) -> None:
    for number in range(2, 6):
        site.vpc.add_subnet(f"10.15.{number}.0/24")
    site.front.page_size = 2
    done = site.run()
    assert (done.found, len(done.connection["subnets"])) == ({}, 5)


def test_the_role_that_is_assumed_is_kept_secret(site: CheckSite) -> None:
    role = f"arn:aws:iam::{site.account.id}:role/network"
    done = site.run(aws_assume_role_arn=role)
    assert done.check["verdict"] == "reachable_by_design"
    assert "AssumeRole" in site.front.actions
    # Those of the options are hidden by the shells.
    assert len(done.secrets - {*site.account.keys.values(), site.emulator.settings.private_key}) == 2
    site.front.rule("AssumeRole", denial("AssumeRole"))
    assert "sts:AssumeRole" in site.run(aws_assume_role_arn=role, fail_on="never").msg
