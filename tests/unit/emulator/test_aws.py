"""Peering with a real AWS behind it: what each side does is seen by the other, also if AWS cannot be reached."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator import aws as emulated_aws
from ansible_collections.cloudpeer.atlas.tests.emulator import aws_session
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.aws import running_aws
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from botocore.exceptions import ClientError

from .conftest import Api

ATLAS_ACCOUNT = Settings().aws_account_id
REGIONS = pytest.mark.parametrize("region", ["us-east-1", "eu-west-3"])
BLOCK = "10.99.0.0/16"


def make(api, account, region="us-east-1", **fields):
    """Make a VPC in the user's account and a peer for it; return the peer in the state that follows at once."""
    vpc_id = fields.pop("vpcId", None) or account.make_vpc(BLOCK, region)
    fields = {"routeTableCidrBlock": BLOCK, **fields}
    peer = api.make_peer(awsAccountId=account.id, vpcId=vpc_id, accepterRegionName=region, **fields)
    assert peer["statusName"] == "INITIATING"
    return look(api, peer)


def look(api, peer):
    """Return what a peer has become."""
    return api.call("GET", f"/peers/{peer['id']}").json()


def state(api, peer):
    """Return a peer's state and error."""
    seen = look(api, peer)
    return seen["statusName"], seen["errorStateName"]


def container(api, container_id=None):
    """Return a container."""
    return api.call("GET", f"/containers/{container_id or api.emulator.project.first_container_id}").json()


@REGIONS
def test_request(aws, aws_api, account, region):
    """A real request, from the container's VPC in Atlas's account, which both accounts see."""
    peer = make(aws_api, account, region)
    assert (peer["statusName"], peer["connectionId"][:4]) == ("PENDING_ACCEPTANCE", "pcx-")
    for whose, where in ((account, region), (aws.account(ATLAS_ACCOUNT), "us-east-1")):
        seen = whose.connection(peer["connectionId"], where)
        assert seen["Status"]["Code"] == "pending-acceptance"
        requester, accepter = seen["RequesterVpcInfo"], seen["AccepterVpcInfo"]
        assert (requester["OwnerId"], requester["VpcId"]) == (ATLAS_ACCOUNT, container(aws_api)["vpcId"])
        assert (requester["Region"], requester["CidrBlock"]) == ("us-east-1", "192.168.248.0/21")
        assert (accepter["OwnerId"], accepter["VpcId"], accepter["Region"]) == (account.id, peer["vpcId"], region)
    assert state(aws_api, peer) == ("PENDING_ACCEPTANCE", None)


@REGIONS
def test_acceptance(aws, aws_api, account, region):
    """By the user's account in AWS; Atlas then routes the peer's block to it."""
    peer = make(aws_api, account, region)
    account.ec2(region).accept_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert state(aws_api, peer) == ("AVAILABLE", None)
    assert look(aws_api, peer)["connectionId"] == peer["connectionId"]
    assert aws.account(ATLAS_ACCOUNT).routes(container(aws_api)["vpcId"]) == {BLOCK: peer["connectionId"]}


def test_states_take_their_time(aws, account, clock):
    """A request goes out after one step; an accepted connection is finalized for one, from when Atlas has seen it."""
    project = Project(Settings(aws_endpoint_url=aws.url, step_seconds=10), clock)
    body = {"awsAccountId": account.id, "vpcId": account.make_vpc(BLOCK), "routeTableCidrBlock": BLOCK}
    with project.now():
        peer = project.create_peer(body, needs_container=False)

    def later(seconds):
        clock.sleep(seconds)
        return project.find_peer(peer.id)["statusName"]

    assert [later(0), later(9.9)] == ["INITIATING", "INITIATING"]
    assert account.connections() == {}
    assert [later(0.1), later(1000)] == ["PENDING_ACCEPTANCE", "PENDING_ACCEPTANCE"]
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=peer.connection_id)
    assert [later(50), later(9.9), later(0.1)] == ["FINALIZING", "FINALIZING", "AVAILABLE"]
    with project.now():
        project.peers.delete(peer)
    assert account.connections() == {peer.connection_id: "deleted"}
    assert later(9.9) == "TERMINATING"
    clock.sleep(0.1)
    assert project.list_peers() == []


def test_aws_is_asked_at_most_five_times_a_second(aws, account, clock, monkeypatch):
    """However many requests come to Atlas; what AWS has said then stands."""
    monkeypatch.setattr(emulated_aws, "LOOK_SECONDS", 0.2)
    asked = []
    states = emulated_aws._states
    monkeypatch.setattr(emulated_aws, "_states", lambda ec2: asked.append(clock()) or states(ec2))
    project = Project(Settings(aws_endpoint_url=aws.url, step_seconds=0), clock)
    body = {"awsAccountId": account.id, "vpcId": account.make_vpc(BLOCK), "routeTableCidrBlock": BLOCK}
    with project.now():
        peer = project.create_peer(body, needs_container=False)
    for unused in range(20):
        project.list_peers()
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=peer.connection_id)
    assert (project.find_peer(peer.id)["statusName"], len(asked)) == ("PENDING_ACCEPTANCE", 1)
    clock.sleep(0.2)
    assert [project.find_peer(peer.id)["statusName"] for unused in range(20)] == ["AVAILABLE"] * 20
    assert len(asked) == 2


def test_what_aws_has_said_before_a_removal_does_not_end_it(aws, account, clock, monkeypatch):
    """Others are still there, of which AWS is not asked again yet."""
    monkeypatch.setattr(emulated_aws, "LOOK_SECONDS", 0.2)
    project = Project(Settings(aws_endpoint_url=aws.url, step_seconds=0.1), clock)
    with project.now():
        vpcs = [account.make_vpc(f"10.{number}.0.0/16") for number in (1, 2)]
        ours = {"awsAccountId": account.id}
        peer, _other = (
            project.create_peer({**ours, "vpcId": vpc, "routeTableCidrBlock": f"10.{number}.0.0/16"}, needs_container=False)
            for number, vpc in enumerate(vpcs, 1)
        )
    clock.sleep(1)
    account.ec2().delete_vpc_peering_connection(VpcPeeringConnectionId=project.find_peer(peer.id)["connectionId"])
    clock.sleep(1)
    assert project.find_peer(peer.id)["statusName"] == "FAILED"
    with project.now():
        project.peers.delete(peer)
    assert project.find_peer(peer.id)["statusName"] == "TERMINATING"
    clock.sleep(0.1)
    assert len(project.list_peers()) == 1


@REGIONS
def test_rejection(aws_api, account, region):
    peer = make(aws_api, account, region)
    account.ec2(region).reject_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert state(aws_api, peer) == ("FAILED", "REJECTED")
    assert look(aws_api, peer)["connectionId"] == peer["connectionId"]


@pytest.mark.parametrize("accepted", [False, True])
@REGIONS
def test_deletion_in_aws(aws_api, account, region, accepted):
    """The peer fails, whatever state it was in."""
    peer = make(aws_api, account, region)
    if accepted:
        account.ec2(region).accept_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
        assert state(aws_api, peer) == ("AVAILABLE", None)
    account.ec2(region).delete_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert state(aws_api, peer) == ("FAILED", "REJECTED")


@pytest.mark.parametrize(("code", "name"), [("expired", "EXPIRED"), ("failed", "INVALID_ARGUMENT"), ("deleting", "REJECTED")])
def test_what_aws_does_by_itself(aws_api, account, set_status, code, name):
    """After seven days, or when it finds a fault."""
    peer = make(aws_api, account)
    set_status(peer["connectionId"], code)
    assert state(aws_api, peer) == ("FAILED", name)


@pytest.mark.parametrize("code", ["initiating-request", "provisioning"])
def test_passing_states_of_aws(aws_api, account, set_status, code):
    """They change nothing yet."""
    peer = make(aws_api, account)
    set_status(peer["connectionId"], code)
    assert state(aws_api, peer) == ("PENDING_ACCEPTANCE", None)


@pytest.fixture
def set_status():
    """Return a function that changes a connection's state inside of AWS."""
    from moto.ec2.models import ec2_backends

    def change(connection_id, code):
        ec2_backends[ATLAS_ACCOUNT]["us-east-1"].vpc_pcxs[connection_id]._status.code = code

    return change


@pytest.mark.parametrize("accepted", [False, True])
@REGIONS
def test_deletion_in_atlas(aws_api, account, region, accepted):
    """The connection goes in AWS too."""
    peer = make(aws_api, account, region)
    if accepted:
        account.ec2(region).accept_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
        assert state(aws_api, peer) == ("AVAILABLE", None)
    assert aws_api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert account.connections(region) == {peer["connectionId"]: "deleted"}
    assert aws_api.status_of(peer["id"]) is None


def test_deletion_of_a_failed_peer(aws_api, account):
    """A connection that was rejected stays that in AWS."""
    peer = make(aws_api, account)
    account.ec2().reject_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert state(aws_api, peer) == ("FAILED", "REJECTED")
    aws_api.call("DELETE", f"/peers/{peer['id']}")
    assert account.connections() == {peer["connectionId"]: "rejected"}
    assert aws_api.status_of(peer["id"]) is None


def test_again(aws_api, account):
    """After a rejection and a deletion the same pair gets a new connection, from another VPC, since nothing used the first."""
    first = make(aws_api, account)
    vpc_id = container(aws_api)["vpcId"]
    account.ec2().reject_vpc_peering_connection(VpcPeeringConnectionId=first["connectionId"])
    aws_api.call("DELETE", f"/peers/{first['id']}")
    second = make(aws_api, account, vpcId=first["vpcId"])
    assert account.connections() == {first["connectionId"]: "rejected", second["connectionId"]: "pending-acceptance"}
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=second["connectionId"])
    assert state(aws_api, second) == ("AVAILABLE", None)
    assert container(aws_api)["vpcId"] not in (vpc_id, None)


def test_a_former_route_does_not_stay(aws, aws_api, account):
    """A connection with the block of one that has ended works as the first one has."""
    first = make(aws_api, account)
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=first["connectionId"])
    assert state(aws_api, first) == ("AVAILABLE", None)
    aws_api.call("DELETE", f"/peers/{first['id']}")
    second = make(aws_api, account, vpcId=first["vpcId"])
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=second["connectionId"])
    assert state(aws_api, second) == ("AVAILABLE", None)
    assert aws.account(ATLAS_ACCOUNT).routes(container(aws_api)["vpcId"]) == {BLOCK: second["connectionId"]}
    requester = account.connection(second["connectionId"], "us-east-1")["RequesterVpcInfo"]
    assert requester["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True


def test_update_keeps_the_connection(aws, aws_api, account):
    """Only Atlas's route changes."""
    peer = make(aws_api, account)
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    assert state(aws_api, peer) == ("AVAILABLE", None)
    changed = aws_api.update_peer(peer, routeTableCidrBlock="10.99.128.0/17").json()
    assert (changed["statusName"], changed["connectionId"]) == ("AVAILABLE", peer["connectionId"])
    assert state(aws_api, peer) == ("AVAILABLE", None)
    assert account.connections() == {peer["connectionId"]: "active"}
    assert aws.account(ATLAS_ACCOUNT).routes(container(aws_api)["vpcId"]) == {"10.99.128.0/17": peer["connectionId"]}


def test_unknown_vpc(aws_api, account):
    """Neither an id that nobody has, nor one of another region or account, nor an account that cannot be."""
    vpc_id = account.make_vpc(BLOCK, "eu-west-3")
    wrong = (
        {"vpcId": "vpc-0123456789abcdef0", "awsAccountId": account.id, "accepterRegionName": "us-east-1"},
        {"vpcId": vpc_id, "awsAccountId": account.id, "accepterRegionName": "us-east-1"},
        {"vpcId": vpc_id, "awsAccountId": "999988887777", "accepterRegionName": "eu-west-3"},
        {"vpcId": vpc_id, "awsAccountId": "abc123abc123", "accepterRegionName": "eu-west-3"},
    )
    for fields in wrong:
        peer = aws_api.make_peer(**fields)
        assert state(aws_api, peer) == ("FAILED", "INVALID_ARGUMENT")
        assert look(aws_api, peer)["connectionId"] is None
        aws_api.call("DELETE", f"/peers/{peer['id']}")
    assert account.connections("eu-west-3") == {}


def test_overlapping_vpcs(aws_api, account):
    """Whatever the peer's block says: AWS looks at the VPCs'."""
    peer = make(aws_api, account, vpcId=account.make_vpc("192.168.0.0/16"))
    assert (peer["statusName"], peer["errorStateName"]) == ("FAILED", "INVALID_ARGUMENT")
    assert set(account.connections().values()) <= {"deleted"}


def test_vpc_comes_with_the_first_peer(aws, aws_api, account):
    """In the container's region; the next peer shares it."""
    atlas = aws.account(ATLAS_ACCOUNT)
    made = aws_api.call("POST", "/containers", json={"regionName": "EU_WEST_1", "atlasCidrBlock": "10.8.0.0/21"}).json()
    assert (made["provisioned"], made["vpcId"]) == (False, None)
    assert atlas.vpcs("eu-west-1") == {}
    peer = make(aws_api, account, "eu-west-1", containerId=made["id"])
    seen = container(aws_api, made["id"])
    assert seen["provisioned"] is True
    assert atlas.vpcs("eu-west-1") == {seen["vpcId"]: "10.8.0.0/21"}
    other = account.make_vpc("10.98.0.0/16", "eu-west-3")
    make(aws_api, account, "eu-west-3", containerId=made["id"], vpcId=other, routeTableCidrBlock="10.98.0.0/16")
    assert atlas.vpcs("eu-west-1") == {seen["vpcId"]: "10.8.0.0/21"}
    assert peer["accepterRegionName"] is None


def test_vpc_goes_with_its_last_peer(aws, aws_api, account):
    """And a new block needs a new one. Only then does Terraform's provider remove a container: resource_network_container.go."""
    peer = make(aws_api, account)
    first = container(aws_api)
    path = f"/containers/{first['id']}"
    assert aws_api.call("DELETE", path).status_code == 409
    aws_api.call("DELETE", f"/peers/{peer['id']}")
    unused = container(aws_api)
    assert (unused["provisioned"], unused["vpcId"]) == (False, None)
    changed = aws_api.call("PATCH", path, json={"regionName": "US_EAST_1", "atlasCidrBlock": "10.8.0.0/22"}).json()
    assert (changed["provisioned"], changed["vpcId"]) == (False, None)
    atlas = aws.account(ATLAS_ACCOUNT)
    assert atlas.vpcs() == {}
    peer = make(aws_api, account, vpcId=peer["vpcId"])
    assert atlas.vpcs() == {container(aws_api)["vpcId"]: "10.8.0.0/22"}
    aws_api.call("DELETE", f"/peers/{peer['id']}")
    aws_api.call("GET", "/peers")
    assert aws_api.call("DELETE", path).status_code == 204
    assert atlas.vpcs() == {}


def test_vpc_that_somebody_removed(aws, aws_api, account):
    """Atlas makes another one."""
    make(aws_api, account)
    gone = container(aws_api)["vpcId"]
    aws.account(ATLAS_ACCOUNT).ec2().delete_vpc(VpcId=gone)
    other = account.make_vpc("10.98.0.0/16")
    peer = make(aws_api, account, vpcId=other, routeTableCidrBlock="10.98.0.0/16")
    assert (peer["statusName"], state(aws_api, peer)) == ("INITIATING", ("PENDING_ACCEPTANCE", None))
    assert container(aws_api)["vpcId"] != gone


@REGIONS
@pytest.mark.parametrize(
    ("action", "status", "error", "in_aws"),
    [
        ("accept", "AVAILABLE", None, "active"),
        ("reject", "FAILED", "REJECTED", "rejected"),
        ("expire", "FAILED", "EXPIRED", "deleted"),
        ("fail", "FAILED", "INVALID_ARGUMENT", "deleted"),
    ],
)
def test_control(aws_api, account, region, action, status, error, in_aws):
    """What is asked of the control path happens in AWS, as far as AWS can do it."""
    peer = make(aws_api, account, region)
    assert aws_api.control("POST", f"/peers/{peer['id']}/{action}").status_code == 200
    assert account.connections(region) == {peer["connectionId"]: in_aws}
    assert state(aws_api, peer) == (status, error)
    assert aws_api.control("POST", f"/peers/{peer['id']}/accept").status_code == 409


def test_control_after_the_user(aws_api, account):
    """What has been rejected in AWS cannot be accepted."""
    peer = make(aws_api, account)
    account.ec2().reject_vpc_peering_connection(VpcPeeringConnectionId=peer["connectionId"])
    response = aws_api.control("POST", f"/peers/{peer['id']}/accept")
    assert response.status_code == 409
    assert "FAILED" in response.json()["detail"]


@REGIONS
def test_accepting_by_itself(aws, start, account, region):
    """With --accept auto the emulator is the user too."""
    api = start(aws_endpoint_url=aws.url, step_seconds=0, accept="auto")
    peer = make(api, account, region)
    assert peer["statusName"] == "AVAILABLE"
    assert account.connections(region) == {peer["connectionId"]: "active"}


def test_reset(aws, aws_api, account):
    """What the emulator made goes; what the user made stays."""
    peers = [make(aws_api, account)]
    other = aws_api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
    vpc_id = account.make_vpc("10.98.0.0/16")
    peers.append(make(aws_api, account, containerId=other, vpcId=vpc_id, routeTableCidrBlock="10.98.0.0/16"))
    account.ec2().accept_vpc_peering_connection(VpcPeeringConnectionId=peers[0]["connectionId"])
    assert state(aws_api, peers[0]) == ("AVAILABLE", None)
    assert aws_api.control("POST", "/reset").status_code == 204
    assert account.connections() == {peer["connectionId"]: "deleted" for peer in peers}
    atlas = aws.account(ATLAS_ACCOUNT)
    assert (atlas.vpcs(), atlas.vpcs("eu-west-1")) == ({}, {})
    assert account.vpcs().keys() == {peers[0]["vpcId"], vpc_id}
    assert aws_api.call("GET", "/peers").json()["results"] == []
    assert container(aws_api)["vpcId"] is None


def test_other_account_of_atlas(aws, start, account):
    """As asked for."""
    api = start(aws_endpoint_url=aws.url, aws_account_id="222233334444", step_seconds=0)
    peer = make(api, account)
    assert account.connection(peer["connectionId"])["RequesterVpcInfo"]["OwnerId"] == "222233334444"


@pytest.mark.parametrize("provider", ["AZURE", "GCP"])
def test_other_providers_are_made_up(aws_api, provider):
    """AWS has no part in them."""
    place = {"AZURE": {"region": "US_EAST_2", "atlasCidrBlock": "10.8.0.0/21"}, "GCP": {"atlasCidrBlock": "10.8.0.0/18"}}
    made = aws_api.call("POST", "/containers", json={"providerName": provider, **place[provider]}).json()
    uuid = "0b0b0b0b-0000-4000-8000-000000000000"
    fields = {
        "AZURE": {"azureDirectoryId": uuid, "azureSubscriptionId": uuid, "resourceGroupName": "g", "vnetName": "v"},
        "GCP": {"gcpProjectId": "my-project", "networkName": "default"},
    }
    body = {"providerName": provider, "containerId": made["id"], **fields[provider]}
    peer = aws_api.call("POST", "/peers", json=body).json()
    assert aws_api.status_of(peer["id"]) == {"AZURE": "AVAILABLE", "GCP": "WAITING_FOR_USER"}[provider]
    assert container(aws_api, made["id"])["provisioned"] is True


@pytest.fixture
def port():
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_away_from_the_beginning(start, port):
    """The peer stays where it is, everything else works, and all goes on when AWS is there."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    peer = api.make_peer(awsAccountId="111122223333", vpcId="vpc-0123456789abcdef0")
    assert api.status_of(peer["id"]) == "INITIATING"
    container = api.call("GET", f"/containers/{peer['containerId']}").json()
    assert (container["provisioned"], container["vpcId"]) == (False, None)
    assert api.update_peer(peer, routeTableCidrBlock=BLOCK).status_code == 200
    gone = api.make_peer()
    assert api.call("DELETE", f"/peers/{gone['id']}").status_code == 202
    assert api.status_of(gone["id"]) is None
    with running_aws(port) as aws:
        account = aws.account()
        other = api.make_peer(awsAccountId=account.id, vpcId=account.make_vpc("10.98.0.0/16"))
        assert (api.status_of(peer["id"]), api.status_of(other["id"])) == ("FAILED", "PENDING_ACCEPTANCE")


def test_away_in_between(start, port):
    """A connection is taken for what it was seen to be, and one that is to go is kept until AWS has let it go."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    with running_aws(port) as aws:
        account = aws.account()
        peer = api.make_peer(awsAccountId=account.id, vpcId=account.make_vpc(BLOCK), routeTableCidrBlock=BLOCK)
        assert api.status_of(peer["id"]) == "PENDING_ACCEPTANCE"
    assert api.status_of(peer["id"]) == "PENDING_ACCEPTANCE"
    for action in ("accept", "reject", "expire", "fail"):
        response = api.control("POST", f"/peers/{peer['id']}/{action}")
        assert (response.status_code, response.json()["error"]) == (503, 503)
    assert api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert api.status_of(peer["id"]) == "TERMINATING"
    assert api.call("DELETE", f"/containers/{peer['containerId']}").json()["errorCode"] == "CONTAINERS_IN_USE"
    with running_aws(port):
        assert api.status_of(peer["id"]) is None
    assert api.call("DELETE", f"/containers/{peer['containerId']}").status_code == 204


def test_reset_while_it_is_away(start, port):
    """The emulator begins anew; what it made is removed by the next reset."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    with running_aws(port) as aws:
        api.make_peer(awsAccountId="111122223333", vpcId=aws.account().make_vpc(BLOCK))
        api.call("GET", "/peers")
    assert api.control("POST", "/reset").status_code == 204
    assert api.call("GET", "/peers").json()["results"] == []
    assert api.control("POST", "/reset").status_code == 204


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_nonsense(start, answer):
    """What is no answer of AWS is none."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    client, _address = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        api = start(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", step_seconds=0)
        assert api.status_of(api.make_peer()["id"]) == "INITIATING"
        # On Linux an accept that waits is not woken by a close.
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_silence_holds_up_nobody_else():
    """While one request waits for AWS the emulator answers others; in memory, they would take turns."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(Settings(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}")) as emulator,
    ):
        api = Api(emulator, "v2")
        waiting = threading.Thread(target=api.make_peer)
        waiting.start()
        client, _address = server.accept()
        with client:
            assert api.control("GET", "/requests").status_code == 200
            assert waiting.is_alive()
        waiting.join()


def test_silence_is_not_asked_again(start, monkeypatch):
    """At least not for a while: else every request would wait."""
    monkeypatch.setattr(aws_session, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = start(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", step_seconds=0)
        peer = api.make_peer()
        server.accept()[0].close()
        server.setblocking(False)
        assert api.status_of(peer["id"]) == "INITIATING"
        with pytest.raises(BlockingIOError):
            server.accept()
        monkeypatch.setattr(aws_session, "time", SimpleNamespace(monotonic=lambda: float("inf")))
        assert api.status_of(peer["id"]) == "INITIATING"
        server.accept()[0].close()


def python(code):
    """Run code in the checkout, in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


def test_boto3_is_not_there():
    """One line says what to install."""
    end = python(
        "import sys; sys.modules['boto3'] = None; from tests.emulator.__main__ import main;"
        "sys.exit(main(['--port', '0', '--aws-endpoint-url', 'http://127.0.0.1:9']))"
    )
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (1, "", 1)
    assert "pip install boto3" in end.stderr


def test_boto3_is_not_needed():
    """Without the option it is not even imported."""
    end = python(
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None;"
        "from tests.emulator.server import running\n"
        "with running() as emulator: print(emulator.project.list_peers())"
    )
    assert (end.returncode, end.stdout, end.stderr) == (0, "[]\n", "")


def test_environment_is_not_asked(start, port, monkeypatch, tmp_path):
    """The user's profile, credentials, endpoint and proxies are for the user's programs."""
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = http://127.0.0.1:9\nregion = nowhere\n")
    with running_aws(port) as aws:
        # This AWS lives in the same process, and reads the same environment when it refuses something for the first time.
        with pytest.raises(ClientError):
            aws.account().ec2().describe_vpcs(VpcIds=["vpc-00000000000000001"])
        for name, value in {
            "AWS_PROFILE": "missing",
            "AWS_CONFIG_FILE": str(config),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "canary",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }.items():
            monkeypatch.setenv(name, value)
        api = start(aws_endpoint_url=aws.url, step_seconds=0)
        # In a v1.0 client's words, and over a session that takes no proxy either.
        peer = api.make_peer(awsAccountId="111122223333")
        assert json.loads(api.call("GET", f"/peers/{peer['id']}").text)["errorStateName"] == "INVALID_ARGUMENT"
