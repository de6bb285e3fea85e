"""Which connections, subnets, clients and clusters are checked, with which credentials, and how many requests that takes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.aws import owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import denial
from ansible_collections.cloudpeer.atlas.tests.support.check_site import ATLAS_BLOCK, CheckedVpc, CheckSite, Done

OTHER_ACCOUNT = "444455556666"
THIRD_ACCOUNT = "777788889999"
RULE = "arn:aws:iam::{account}:role/network"


def entry_of(vpc: CheckedVpc, **options: Any) -> dict[str, Any]:
    """Return the entry of a VPC as the role's variable has it, with the keys that are often empty there."""
    return {"vpc_id": vpc.vpc_id, "aws_account_id": vpc.account.id, "aws_profile": "", "connection_id": "", **options}


def verdicts(done: Done) -> dict[str, str]:
    return {one["vpc_id"]: one["verdict"] for one in done.check["connections"]}


def add_vpc(site: CheckSite, account_id: str, block: str, region: str = "us-east-1") -> CheckedVpc:
    """Connect another VPC."""
    vpc = CheckedVpc(site.emulator, owner(site.front.upstream, account_id), region, block)
    vpc.connect_all(site.front.upstream)
    return vpc


def test_entries_are_checked_with_their_own_credentials(site: CheckSite) -> None:
    other = add_vpc(site, OTHER_ACCOUNT, "10.16.0.0/16")
    entries = [entry_of(site.vpc), entry_of(other, **site.credentials(other.account))]
    done = site.run(connections=entries)
    assert verdicts(done) == {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "reachable_by_design"}
    assert done.check["summary"] == "2 connections: 2 reachable by design."
    assert Counter(site.front.actions)["DescribeSubnets"] == 2
    # Without them, AWS does not show the other VPC.
    done = site.run(connections=[entry_of(site.vpc), entry_of(other)])
    assert verdicts(done) == {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "unknown"}
    text = f"These credentials are of account {site.account.id}, {other.vpc_id} is of account {OTHER_ACCOUNT}."
    assert {one["message"] for one in done.check["connections"][1]["checks"] if one["code"] in ("P401", "P404")} == {text}
    assert Counter(site.front.actions)["DescribeSubnets"] == 1


def roles(site: CheckSite) -> list[str]:
    """Return the roles that the last task has asked for."""
    return sorted(one["RoleArn"] for one in site.front.requests if one.get("Action") == "AssumeRole")


def test_credentials_follow_from_the_account_of_each_connection(
    site: CheckSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is that of the entry, or that of the connection in Atlas."""
    other = add_vpc(site, OTHER_ACCOUNT, "10.16.0.0/16")
    fine = {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "reachable_by_design"}
    both = sorted(RULE.replace("{account}", one) for one in (site.account.id, OTHER_ACCOUNT))
    for entries in (None, [entry_of(site.vpc), {"vpc_id": other.vpc_id}]):
        assert verdicts(site.run(connections=entries, aws_assume_role_arn=RULE)) == fine
        assert roles(site) == both
    lines = ["[other]", *(f"{name} = {value}" for name, value in other.account.keys.items())]
    (tmp_path / "credentials").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    accounts: dict[Any, Any] = {int(OTHER_ACCOUNT): {"profile": "other"}}
    assert verdicts(site.run(aws_assume_role_arn=RULE, aws_accounts=accounts)) == fine
    assert roles(site) == [RULE.replace("{account}", site.account.id)]
    # What an entry says comes first. Atlas has no such connection with the account of the last one: it is asked there even so.
    own = {"aws_assume_role_arn": "arn:aws:iam::{account}:role/own"}
    entries = [entry_of(site.vpc), entry_of(other, **own), entry_of(other, aws_account_id=THIRD_ACCOUNT)]
    done = site.run(connections=entries, aws_assume_role_arn=RULE, aws_accounts=accounts, fail_on="never")
    wanted = [RULE.replace("{account}", one) for one in (site.account.id, THIRD_ACCOUNT)]
    assert roles(site) == sorted([*wanted, f"arn:aws:iam::{OTHER_ACCOUNT}:role/own"])
    found = {one["code"]: one["message"] for one in done.check["connections"][2]["checks"] if one["severity"] == "fail"}
    assert f"of account {OTHER_ACCOUNT}, not of account {THIRD_ACCOUNT}" in found["P101"]


def test_an_account_in_which_no_role_can_be_assumed_is_unknown(site: CheckSite) -> None:
    add_vpc(site, OTHER_ACCOUNT, "10.16.0.0/16")
    site.front.rule("AssumeRole", denial("AssumeRole"), times=1)
    done = site.run(aws_assume_role_arn=RULE)
    assert (done.failed, sorted(verdicts(done).values())) == (False, ["reachable_by_design", "unknown"])
    (lost,) = [one for one in done.check["connections"] if one["verdict"] == "unknown"]
    unknown = [one for one in lost["checks"] if one["severity"] == "unknown"]
    ((message, fix),) = {(one["message"], one["fix"]) for one in unknown}
    assert f"Failed to assume the role {RULE.replace('{account}', lost['aws_account_id'])}" in message
    assert (fix, unknown[0]["evidence"]) == ("Allow sts:AssumeRole to these credentials.", {"permission": "sts:AssumeRole"})
    assert [one["message"] for one in done.check["findings"] if one["severity"] == "unknown"] == [message]


def test_a_connection_whose_account_is_not_known_is_unknown(site: CheckSite) -> None:
    """Neither the entry nor Atlas says whose VPC it is, and credentials of another account would not show it."""
    stranger = CheckedVpc(site.emulator, owner(site.front.upstream, OTHER_ACCOUNT), block="10.17.0.0/16")
    entries = [entry_of(site.vpc), {"vpc_id": stranger.vpc_id, "region": "us-east-1"}]
    for option, value in (("aws_assume_role_arn", RULE), ("aws_accounts", {OTHER_ACCOUNT: {"profile": "other"}})):
        done = site.run(connections=entries, fail_on="never", **{option: value})
        assert verdicts(done)[site.vpc.vpc_id] == "reachable_by_design"
        found = {one["code"]: (one["severity"], one["message"], one["fix"]) for one in done.check["connections"][1]["checks"]}
        said, advice = f"aws_account_id is needed to choose credentials by {option}.", "Set it to the account that owns the VPC."
        assert [found[code] for code in ("P404", "P107")] == [("unknown", said, advice)] * 2
        assert found["P101"][0] == "fail"
        only = site.run(connections=entries[1:], **{option: value})
        assert (only.msg, site.front.actions) == (f"{said} {advice}", [])
    # Without Atlas, the entry alone could say it.
    done = site.run(connections=entries, aws_assume_role_arn=RULE, atlas=False)
    assert "): aws_account_id is needed to choose credentials by aws_assume_role_arn." in done.msg


def test_without_entries_all_connections_are_checked(site: CheckSite) -> None:
    other = add_vpc(site, site.account.id, "10.16.0.0/16")
    assert verdicts(site.run()) == {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "reachable_by_design"}
    assert verdicts(site.run(container_region="us-east-1")).keys() == {site.vpc.vpc_id, other.vpc_id}
    nothing = site.run(container_region="eu-west-1")
    assert nothing.check == {
        "verdict": "unknown",
        "summary": "There is no connection to check.",
        "not_looked_at": [],
        "findings": [],
        "connections": [],
    }
    assert not nothing.failed


def test_an_entry_without_a_region_means_all_of_its_vpc(site: CheckSite) -> None:
    container_id = site.add_container("EU_WEST_1", "192.168.240.0/21")
    second = site.vpc.accept(container_id)
    site.vpc.route("192.168.240.0/21", VpcPeeringConnectionId=second)
    site.put_cluster("far", "AWS", "EU_WEST_1")
    found = site.run(connections=[entry_of(site.vpc)]).check["connections"]
    assert {one["connection_id"] for one in found} == {site.connection_id, second}
    done = site.run(connections=[entry_of(site.vpc, container_region="EU_WEST_1")])
    assert (done.connection["connection_id"], done.connection["cluster_names"]) == (second, ["far"])
    assert done.connection["region"] == "us-east-1"


def test_a_region_without_a_connection_says_where_there_is_one(site: CheckSite) -> None:
    done = site.run(connections=[{"vpc_id": site.vpc.vpc_id, "container_region": "eu-west-1"}])
    assert done.found == {"P104": "fail"}
    assert done.finding("P104")["message"] == "The network container is in US_EAST_1, not in EU_WEST_1."
    container_id = site.add_container("EU_WEST_1", "192.168.240.0/21")
    site.vpc.accept(container_id)
    done = site.run(connections=[entry_of(site.vpc, container_region="us-west-2")], aws=False)
    assert done.found == {"P101": "fail"}
    assert done.finding("P101")["message"] == (
        f"Atlas has connections with {site.vpc.vpc_id} to network containers in EU_WEST_1 and US_EAST_1, and none to one in"
        " US_WEST_2."
    )


def test_an_entry_with_a_container_means_the_connection_to_it(site: CheckSite) -> None:
    container_id = site.add_container("EU_WEST_1", "192.168.240.0/21")
    second = site.vpc.accept(container_id)
    site.put_cluster("far", "AWS", "EU_WEST_1")
    done = site.run(connections=[entry_of(site.vpc, container_id=container_id)], container_region="us-east-1", aws=False)
    assert (done.connection["connection_id"], done.connection["container_id"]) == (second, container_id)
    none = "0" * 24
    done = site.run(connections=[entry_of(site.vpc, container_id=none)], aws=False)
    assert done.found == {"P101": "fail"}
    message, fix = (done.finding("P101")[name] for name in ("message", "fix"))
    assert message.startswith(f"Atlas has connections with {site.vpc.vpc_id} to network container ")
    assert (container_id in message, message.endswith(f"and none to {none}.")) == (True, True)
    assert fix == "Correct container_id, or request one with that container."


def test_a_wrong_account_is_told_with_the_right_one(site: CheckSite) -> None:
    done = site.run(connections=[{"vpc_id": site.vpc.vpc_id, "aws_account_id": "999999999999"}])
    assert done.found == {"P101": "fail"}
    finding = done.finding("P101")
    message = f"Atlas has a connection with {site.vpc.vpc_id} of account {site.account.id}, not of account 999999999999."
    assert finding["message"] == message
    assert finding["fix"].startswith("Correct aws_account_id of the connection")


def test_a_vpc_without_a_connection_has_to_be_connected_first(site: CheckSite) -> None:
    stranger = CheckedVpc(site.emulator, site.account, block="10.17.0.0/16")
    done = site.run(connections=[entry_of(stranger)])
    failed = {one["code"] for one in done.connection["checks"] if one["severity"] == "fail"}
    assert ({"P101", "P301"}, done.connection["atlas_cidr_block"]) == (failed, ATLAS_BLOCK)


def test_fifty_vpcs_in_three_accounts_take_one_request_a_kind(site: CheckSite) -> None:
    accounts = [owner(site.front.upstream, name) for name in (site.account.id, OTHER_ACCOUNT, THIRD_ACCOUNT)]
    entries = []
    for number in range(50):
        account = accounts[number % 3]
        made = account.ec2().create_vpc(CidrBlock=f"10.{100 + number}.0.0/16")["Vpc"]["VpcId"]
        entries.append({"vpc_id": made, "aws_account_id": account.id, **site.credentials(account)})
    done = site.run(connections=entries, fail_on="never")
    assert len(done.check["connections"]) == 50
    calls = Counter(site.front.actions)
    singly = {"DescribeVpcAttribute": 100, "ListHostedZonesByVPC": 50, "GetServiceQuota": 6}
    assert {name: calls.pop(name) for name in singly} == singly
    assert (set(calls.values()), len(calls)) == ({3}, 10)
    assert len([one for one in done.calls if not one.startswith(("ec2:", "sts:", "route53", "servicequotas:"))]) == 4


def test_ids_count_for_the_vpc_that_has_them(site: CheckSite) -> None:
    other = add_vpc(site, site.account.id, "10.16.0.0/16")
    lonely = other.add_subnet("10.16.2.0/24")
    table = site.ec2.create_route_table(VpcId=other.vpc_id)["RouteTable"]["RouteTableId"]
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=lonely)
    assert verdicts(site.run())[other.vpc_id] == "not_reachable"
    done = site.run(subnet_ids=[other.subnet_id])
    assert set(verdicts(done).values()) == {"reachable_by_design"}
    shown = {one["vpc_id"]: [subnet["subnet_id"] for subnet in one["subnets"]] for one in done.check["connections"]}
    assert shown == {site.vpc.vpc_id: [site.vpc.subnet_id], other.vpc_id: [other.subnet_id]}


def test_groups_and_instances_of_the_clients_are_checked(site: CheckSite) -> None:
    group = site.add_group("app")
    assert site.run(security_group_ids=[f"{site.account.id}/{group}"]).found == {}
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    site.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    assert site.run(security_group_ids=[group]).found == {"P702": "fail"}
    instance = site.add_instance(site.vpc.subnet_id, group)
    assert site.run(instance_ids=[instance]).found == {"P703": "fail"}
    # It is the only client.
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P703": "fail"}, "not_reachable")
    assert len(done.finding("P703")["evidence"]["interfaces"]) == 1


def test_each_named_instance_has_to_get_in(site: CheckSite) -> None:
    groups = [site.add_group(name) for name in ("app", "batch")]
    instances = [site.add_instance(site.vpc.subnet_id, group) for group in groups]
    site.allow({"awsSecurityGroup": groups[0]})
    done = site.run(instance_ids=instances)
    assert (done.found, done.finding("P301")["subject"]) == ({"P301": "fail"}, instances[1])
    (address,) = done.finding("P301")["evidence"]["addresses"]
    site.allow({"awsSecurityGroup": groups[0]}, {"ipAddress": address})
    assert site.run(instance_ids=instances).check["verdict"] == "reachable_by_design"


def test_subnets_without_clients_fail_nothing(site: CheckSite) -> None:
    site.add_instance(site.vpc.subnet_id, site.add_group("app"))
    table = site.ec2.create_route_table(VpcId=site.vpc.vpc_id)["RouteTable"]["RouteTableId"]
    of_service, empty = site.vpc.add_subnet("10.15.2.0/24"), site.vpc.add_subnet("10.15.3.0/24")
    for subnet in (of_service, empty):
        site.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    site.add_interface(of_service, requesterId="amazon-elb", interfaceType="interface", status="in-use")
    # For moto, as for AWS, an interface is available until it is attached to something.
    site.add_interface(empty)
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P601": "warn"}, "reachable_by_design")
    assert {one["subnet_id"] for one in done.connection["subnets"]} == {site.vpc.subnet_id, empty}
    for subnet in (of_service, empty):
        assert site.run(subnet_ids=[subnet]).found == {"P601": "fail"}


def test_an_interface_is_a_service_s_by_its_description(site: CheckSite) -> None:
    site.add_instance(site.vpc.subnet_id, site.add_group("app"))
    table = site.ec2.create_route_table(VpcId=site.vpc.vpc_id)["RouteTable"]["RouteTableId"]
    subnet = site.vpc.add_subnet("10.15.2.0/24")
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    site.add_interface(subnet, description="Amazon EKS shop", status="in-use")
    assert site.run().found == {}
    made = site.ec2.create_network_interface(SubnetId=subnet, Description="ES node 3")["NetworkInterface"]["NetworkInterfaceId"]
    instance = site.add_instance(site.vpc.subnet_id, site.add_group("web"))
    site.ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)
    assert {one["subnet_id"] for one in site.run().connection["subnets"]} == {site.vpc.subnet_id, subnet}


def test_an_instance_sends_with_its_first_interface(site: CheckSite) -> None:
    instance = site.add_instance(site.vpc.subnet_id, site.add_group("app"))
    table = site.ec2.create_route_table(VpcId=site.vpc.vpc_id)["RouteTable"]["RouteTableId"]
    subnet = site.vpc.add_subnet("10.15.2.0/24")
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    wanted = {"SubnetId": subnet, "PrivateIpAddress": "10.15.2.9", "Description": "the second one"}
    made = site.ec2.create_network_interface(**wanted)["NetworkInterface"]["NetworkInterfaceId"]
    site.ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)
    assert site.run().found == {}
    site.ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Description={"Value": f"aws-K8S-{instance}"})
    assert site.run().found == {"P601": "unknown"}
    site.allow({"ipAddress": "10.15.2.9"})
    assert site.run(instance_ids=[instance], subnet_ids=[site.vpc.subnet_id]).found["P301"] == "unknown"


def test_clients_elsewhere_and_probes_are_judged(site: CheckSite) -> None:
    other = add_vpc(site, site.account.id, "10.16.0.0/16")
    done = site.run(client_cidr_blocks=["10.16.1.0/24"])
    assert verdicts(done) == {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "reachable_by_design"}
    assert site.run(client_cidr_blocks=["172.16.0.0/24"], connections=[entry_of(site.vpc)]).found == {"P801": "fail"}
    member = "shop-shard-00-00.example.com:27017"
    found = {"member": member, "addresses": ["198.51.100.1"], "in_block": False, "tcp": "timeout", "tls": None, "error": None}
    done = site.run(probes=[{"host": "app-1", "members": [found]}], connections=[entry_of(site.vpc)])
    assert done.found.keys() & {"P901", "P902"}


def test_other_projects_are_compared(site: CheckSite) -> None:
    done = site.run(compare_group_ids=["0123456789abcdef01234567", site.emulator.settings.group_id])
    assert done.found == {"P106": "unknown"}
    finding = next(one for one in done.connection["checks"] if one["severity"] == "unknown")
    assert finding["fix"].startswith("Check compare_group_ids: ")
    assert "group_id " not in finding["message"]
    assert done.check["verdict"] == "reachable_by_design"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subnet_ids": ["subnet-0123456789abcdef0"]}, "subnet_ids: subnet-0123456789abcdef0 is in none of vpc-"),
        ({"security_group_ids": ["sg-0123456789abcdef0"]}, "security_group_ids: sg-0123456789abcdef0 is in none of vpc-"),
        ({"instance_ids": ["i-0123456789abcdef0"]}, "instance_ids: i-0123456789abcdef0 is in none of vpc-"),
        ({"clusters": ["shop", "shup"]}, "has no shup. It has shop."),
    ],
)
def test_what_is_nowhere_is_a_failure(site: CheckSite, options: dict[str, Any], message: str) -> None:
    done = site.run(fail_on="never", **options)
    assert message in done.msg
    assert "peering_check" not in done.result


def test_a_route_table_of_an_entry_has_to_be_one_of_its_vpc(site: CheckSite) -> None:
    own, other = site.vpc.table["RouteTableId"], "rtb-0123456789abcdef0"
    done = site.run(connections=[entry_of(site.vpc), entry_of(site.vpc, route_table_ids=[own, other])], fail_on="never")
    assert done.msg.startswith(f"connections[1].route_table_ids: {other} is no route table of {site.vpc.vpc_id}.")
    assert "peering_check" not in done.result
    # AWS does not show the tables of a VPC that it does not know.
    stranger = {"vpc_id": "vpc-0123456789abcdef0", "route_table_ids": [other]}
    assert "P404" in site.run(connections=[stranger], fail_on="never").found
    assert site.run(connections=[entry_of(site.vpc, route_table_ids=[own])]).found == {}


def test_entries_of_one_vpc_are_judged_each_by_its_own_subnets(site: CheckSite) -> None:
    subnet = site.vpc.add_subnet("10.15.2.0/24")
    table = site.ec2.create_route_table(VpcId=site.vpc.vpc_id)["RouteTable"]["RouteTableId"]
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    site.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ATLAS_BLOCK, VpcPeeringConnectionId=site.connection_id)
    with site.emulator.project.now() as project:
        for entry in list(project.access_list):
            project.access_list.delete(entry)
        project.add_access([{"cidrBlock": "10.15.1.0/24"}, {"cidrBlock": "10.15.2.0/24"}])
    entries = [entry_of(site.vpc, route_table_ids=[one]) for one in (site.vpc.table["RouteTableId"], table)]
    checked = site.run(connections=entries).check["connections"]
    assert [one["verdict"] for one in checked] == ["reachable_by_design", "reachable_by_design"]


def test_one_half_alone_is_unknown_at_best(site: CheckSite) -> None:
    done = site.run(aws=False)
    assert (done.found, done.check["verdict"]) == ({}, "unknown")
    assert done.check["summary"].endswith("could not be judged. One side was not checked.")
    assert site.front.actions == []
    entry = entry_of(site.vpc, connection_id=site.connection_id, region="us-east-1")
    done = site.run(atlas=False, connections=[entry], atlas_cidr_block=ATLAS_BLOCK, group_id=None, private_key=None)
    assert (done.found, done.check["verdict"]) == ({}, "unknown")
    assert done.connection["atlas_cidr_block"] == ATLAS_BLOCK
    assert site.emulator.requests.entries() == []
    site.ec2.delete_route(RouteTableId=site.vpc.table["RouteTableId"], DestinationCidrBlock=ATLAS_BLOCK)
    assert "P601" in site.run(atlas=False, connections=[entry], atlas_cidr_block=ATLAS_BLOCK).msg


def test_an_account_that_cannot_be_read_leaves_the_others_alone(site: CheckSite) -> None:
    other = add_vpc(site, OTHER_ACCOUNT, "10.16.0.0/16")
    done = site.run(connections=[entry_of(site.vpc), {**entry_of(other), "aws_profile": "no-such-profile"}])
    assert verdicts(done) == {site.vpc.vpc_id: "reachable_by_design", other.vpc_id: "unknown"}
    unknown = next(one for one in done.check["connections"][1]["checks"] if one["severity"] == "unknown")
    assert "Correct aws_profile (or the environment variable AWS_PROFILE)" in unknown["fix"]
