"""Security groups on the access list, with a real AWS that knows them."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.aws import running_aws
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.test_aws import make

UNKNOWN = "sg-0123456789abcdef0"


def make_group(account, vpc_id, region="us-east-1"):
    """Make a security group in a VPC and return its id."""
    made = account.ec2(region).create_security_group(GroupName="app", Description="app", VpcId=vpc_id)
    return made["GroupId"]


def add(api, *groups):
    """Add security groups; return status and code of the error, or what is on the list then."""
    response = api.call("POST", "/accessList", json=[{"awsSecurityGroup": group} for group in groups])
    body = response.json()
    if response.status_code == 201:
        return [one["awsSecurityGroup"] for one in body["results"]]
    return response.status_code, body["errorCode"]


REFUSED = (400, "INVALID_ATTRIBUTE")


def test_group_of_a_peered_vpc(aws_api, account):
    """With and without its account, whether the connection is accepted yet or not."""
    peer = make(aws_api, account)
    group = make_group(account, peer["vpcId"])
    assert add(aws_api, group) == [group]
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    named = f"{account.id}/{group}"
    assert add(aws_api, named) == [group, named]
    assert add(aws_api, group, named) == [group, named]


def test_group_that_there_is_not(aws_api, account):
    """The message names it; nothing is added, the right ones neither."""
    group = make_group(account, make(aws_api, account)["vpcId"])
    response = aws_api.call("POST", "/accessList", json=[{"awsSecurityGroup": group}, {"awsSecurityGroup": UNKNOWN}])
    body = response.json()
    assert (response.status_code, body["errorCode"], body["parameters"]) == (*REFUSED, ["awsSecurityGroup"])
    assert UNKNOWN in body["detail"]
    assert body["badRequestDetail"]["fields"][0]["field"] == "awsSecurityGroup"
    assert aws_api.call("GET", "/accessList").json()["results"] == []


def test_group_of_a_vpc_that_is_not_peered(aws_api, account):
    """Also one of the same account and region."""
    make(aws_api, account)
    group = make_group(account, account.make_vpc("10.50.0.0/16"))
    assert add(aws_api, group) == REFUSED
    assert add(aws_api, f"{account.id}/{group}") == REFUSED


def test_group_of_another_region(aws_api, account):
    """It is not there, where the peered VPC is."""
    make(aws_api, account)
    group = make_group(account, account.make_vpc("10.50.0.0/16", "eu-west-3"), "eu-west-3")
    assert add(aws_api, group) == REFUSED


def test_group_behind_a_connection_between_regions(aws_api, account):
    """It cannot be used over such a connection, in AWS neither; once there is a container in its region, it can."""
    peer = make(aws_api, account, "eu-west-3")
    group = make_group(account, peer["vpcId"], "eu-west-3")
    assert add(aws_api, group) == REFUSED
    container = {"regionName": "EU_WEST_3", "atlasCidrBlock": "10.8.0.0/21"}
    near = aws_api.call("POST", "/containers", json=container).json()["id"]
    make(aws_api, account, "eu-west-3", containerId=near, vpcId=peer["vpcId"])
    assert add(aws_api, group) == [group]


def test_group_of_another_account(aws, aws_api, account):
    """What stands in front of the id counts; without it, all accounts that are peered are asked."""
    owner, stranger = aws.account("222233334444"), aws.account("333344445555")
    groups = []
    for number, other in enumerate((account, owner, stranger)):
        vpc_id = other.make_vpc(f"10.{60 + number}.0.0/16")
        groups.append(make_group(other, vpc_id))
        if other is not stranger:
            make(aws_api, other, vpcId=vpc_id, routeTableCidrBlock=f"10.{60 + number}.0.0/16")
    mine, theirs, foreign = groups
    expected = [f"{account.id}/{mine}", f"{owner.id}/{theirs}", theirs]
    assert add(aws_api, f"{account.id}/{mine}", f"{owner.id}/{theirs}", theirs) == expected
    for wrong in (f"{owner.id}/{mine}", f"{account.id}/{theirs}", foreign, f"{stranger.id}/{foreign}"):
        assert add(aws_api, wrong) == REFUSED


@pytest.mark.parametrize("how", ["delete", "reject"])
def test_group_behind_a_connection_that_has_ended(aws_api, account, how):
    """There has to be another one, and its VPC does not help."""
    peer = make(aws_api, account)
    group = make_group(account, peer["vpcId"])
    make(aws_api, account, vpcId=account.make_vpc("10.51.0.0/16"), routeTableCidrBlock="10.51.0.0/16")
    assert add(aws_api, group) == [group]
    if how == "delete":
        aws_api.call("DELETE", f"/peers/{peer['id']}")
    else:
        account.ec2().reject_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert add(aws_api, group) == REFUSED


def test_addresses_ask_nobody(aws_api, account):
    """Nor do groups before there is a connection."""
    code = "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION"
    assert add(aws_api, UNKNOWN) == (400, code)
    assert aws_api.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5"}]).status_code == 201


def test_a_peer_whose_account_cannot_be(aws, start, account):
    """It hides no group of another one, while it is not known yet that it leads nowhere."""
    api = start(aws_endpoint_url=aws.url, step_seconds=60)
    api.make_peer(awsAccountId="abc123abc123", vpcId="vpc-123456")
    vpc_id = account.make_vpc("10.51.0.0/16")
    api.make_peer(awsAccountId=account.id, vpcId=vpc_id, routeTableCidrBlock="10.51.0.0/16")
    group = make_group(account, vpc_id)
    assert add(api, group) == [group]
    assert add(api, UNKNOWN) == REFUSED


def test_aws_is_away(start):
    """Then nobody can tell: what is answered is a fault of the service, and neither success nor a refusal."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    with running_aws(port) as aws:
        account = aws.account()
        peer = make(api, account)
        group = make_group(account, peer["vpcId"])
        assert add(api, group) == [group]
    for name in (group, UNKNOWN, f"{account.id}/{group}"):
        assert add(api, name) == (500, "UNEXPECTED_ERROR")
    # An account that is not peered is refused, whether AWS answers or not.
    assert add(api, f"999988887777/{group}") == REFUSED
    assert add(api, group, f"999988887777/{group}") == REFUSED
    assert api.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5"}]).status_code == 201
    listed = api.call("GET", "/accessList").json()["results"]
    assert [one.get("awsSecurityGroup") or one["ipAddress"] for one in listed] == [group, "192.0.2.5"]


def test_without_aws(api):
    """Nobody knows: it is believed."""
    api.make_peer()
    assert add(api, UNKNOWN, f"123456789012/{UNKNOWN}") == [UNKNOWN, f"123456789012/{UNKNOWN}"]
