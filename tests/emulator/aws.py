"""Atlas's own AWS account: makes the VPCs behind containers, asks for peering connections and follows them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .aws_session import AwsSession
from .clouds import ACCEPTED, Cloud, CloudRefusalError, CloudUnreachableError
from .regions import aws_region

if TYPE_CHECKING:
    from .containers import Container
    from .peer import Peer

#: What the states of a connection in AWS (VPC peering guide, "VPC peering connection lifecycle") mean for Atlas's peer.
#: "failed" is AWS's word for a VPC id, account or block that cannot be peered with. For a deletion by the other side none
#: of Atlas's three errors is made; of them only REJECTED says that the owner over there wants no connection.
_NEWS = {
    "active": ACCEPTED,
    "rejected": "REJECTED",
    "expired": "EXPIRED",
    "failed": "INVALID_ARGUMENT",
    "deleting": "REJECTED",
    "deleted": "REJECTED",
}


#: For how long what AWS has said of the connections stands: Atlas does not ask for each request that it answers.
LOOK_SECONDS = 0.2


class AwsCloud(Cloud):
    """An AWS that is reached by HTTP.

    Args:
        endpoint_url: Where.
        account_id: The account that is Atlas's.
        clock: A monotonic clock in seconds.
    """

    slow = True

    def __init__(self, endpoint_url: str, account_id: str, clock: Callable[[], float]) -> None:
        """Prepare; nothing is asked of AWS yet."""
        self._account_id = account_id
        self._clock = clock
        self._news: Mapping[str, str] = {}
        self._looked: float | None = None
        #: The route tables of each VPC that was made.
        self._tables: dict[str, list[str]] = {}
        self._session = AwsSession(endpoint_url)
        #: What was made and is there still, with its region; and the block that is routed over each connection.
        self._vpcs: dict[str, str] = {}
        self._connections: dict[str, str] = {}
        self._routed: dict[str, str] = {}

    def provision(self, container: Container) -> None:
        """Make the container's VPC, unless it is there."""
        if container.network_id:
            return
        region = aws_region(container.region)
        tags = [{"Key": "Name", "Value": f"atlas-{container.id}"}]
        with _all_later(), self._ours(region) as ec2:
            made = ec2.create_vpc(CidrBlock=str(container.block), TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
        container.network_id = made["Vpc"]["VpcId"]
        self._vpcs[made["Vpc"]["VpcId"]] = region

    def release(self, container: Container) -> None:
        """Remove the container's VPC; one that cannot be removed now is left for the reset."""
        vpc_id, container.network_id = container.network_id, None
        if vpc_id:
            with contextlib.suppress(CloudUnreachableError):
                self._delete_vpc(vpc_id)

    def connect(self, peer: Peer) -> str:
        """Request the peering connection."""
        self.provision(peer.container)
        region = aws_region(peer.container.region)
        vpc_id = peer.container.network_id or ""
        try:
            with self._ours(region) as ec2:
                made = ec2.create_vpc_peering_connection(
                    VpcId=vpc_id,
                    PeerVpcId=peer.fields["vpcId"],
                    PeerOwnerId=peer.fields["awsAccountId"],
                    PeerRegion=peer.fields["accepterRegionName"],
                    TagSpecifications=[
                        {"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "Name", "Value": f"atlas-{peer.id}"}]}
                    ],
                )["VpcPeeringConnection"]
        except CloudRefusalError as error:
            if vpc_id not in str(error):
                raise
            # It is Atlas's own VPC that is gone: make another.
            self._session.forget()
            self._vpcs.pop(vpc_id, None)
            peer.container.network_id = None
            raise CloudUnreachableError(str(error)) from error
        connection_id: str = made["VpcPeeringConnectionId"]
        self._connections[connection_id] = region
        if _overlap(made):
            # AWS itself lets such a connection fail; moto does not look.
            self._delete_connection(connection_id)
            raise CloudRefusalError("the blocks of the two VPCs overlap")
        return connection_id

    def disconnect(self, peer: Peer) -> None:
        """Delete the peering connection, unless it has ended already."""
        if peer.connection_id:
            self._delete_connection(peer.connection_id)

    def look(self, peers: Sequence[Peer]) -> Mapping[str, str]:
        """Look at the connections in AWS, and bring Atlas's routes up to date, unless that has just been done."""
        if self._looked is None or self._clock() - self._looked >= LOOK_SECONDS:
            self._news = self._look(peers)
            self._looked = self._clock()
        return self._news

    def _look(self, peers: Sequence[Peer]) -> Mapping[str, str]:
        by_region: dict[str, list[Peer]] = defaultdict(list)
        for peer in peers:
            by_region[aws_region(peer.container.region)].append(peer)
        news = {}
        for region, group in by_region.items():
            with _all_later(), self._ours(region) as ec2:
                states = _states(ec2)
            for peer in group:
                # AWS shows connections that have ended for a while and then forgets them.
                state = states.get(peer.connection_id or "", "deleted")
                if state in _NEWS:
                    news[peer.id] = _NEWS[state]
                if state == "active":
                    self._route(peer, region)
                elif state in _NEWS:
                    self._connections.pop(peer.connection_id or "", None)
        return news

    def foreign_group(self, groups: Sequence[str], peers: Sequence[Peer]) -> str | None:
        """Look for the groups in the VPCs behind the connections.

        Neither Atlas nor AWS lets a group be used over a connection to another region.
        """
        vpcs: dict[tuple[str, str], set[str]] = defaultdict(set)
        for peer in peers:
            account_id, region = peer.fields["awsAccountId"], peer.fields["accepterRegionName"]
            if region == aws_region(peer.container.region):
                vpcs[account_id, region].add(peer.fields["vpcId"])
        known: set[str] = set()
        away: dict[str, CloudUnreachableError] = {}
        for account_id, region in vpcs:
            ids = {group.rpartition("/")[2] for group in groups if _may_be_of(group, account_id)}
            try:
                # A refusal means that there is no such account.
                with contextlib.suppress(CloudRefusalError), self._session.ec2(account_id, region) as ec2:
                    found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": sorted(ids)}]) if ids else {}
                    for one in found.get("SecurityGroups", []):
                        if one.get("VpcId") in vpcs[account_id, region]:
                            known |= {one["GroupId"], f"{account_id}/{one['GroupId']}"}
            except CloudUnreachableError as error:
                away[account_id] = error
        missing = [group for group in groups if group not in known]
        for group in missing:
            if not any(_may_be_of(group, account_id) for account_id in away):
                return group
        if missing:
            raise next(iter(away.values()))
        return None

    def accept(self, peer: Peer) -> bool:
        """Accept as the account that the peer names."""
        return self._answer(peer, "accept_vpc_peering_connection")

    def end(self, peer: Peer, error: str) -> bool:
        """Reject as the account that the peer names. Nothing makes AWS let a connection expire or fail: it is deleted."""
        if error == "REJECTED":
            return self._answer(peer, "reject_vpc_peering_connection")
        self.disconnect(peer)
        return True

    def reset(self) -> None:
        """Remove the connections and the VPCs; those that cannot be removed now are left for the next reset."""
        with contextlib.suppress(CloudUnreachableError):
            for connection_id in list(self._connections):
                self._delete_connection(connection_id)
            for vpc_id in list(self._vpcs):
                self._delete_vpc(vpc_id)
        self._routed.clear()
        self._looked = None
        # The other end may begin anew as well and know nobody then.
        self._session.forget()

    def _ours(self, region: str) -> AbstractContextManager[Any]:
        return self._session.ec2(self._account_id, region)

    def _answer(self, peer: Peer, operation: str) -> bool:
        # The only region in which AWS takes an answer.
        region = peer.fields["accepterRegionName"]
        try:
            with self._session.ec2(peer.fields["awsAccountId"], region) as ec2:
                getattr(ec2, operation)(VpcPeeringConnectionId=peer.connection_id)
        except CloudRefusalError:
            return False
        return True

    def _delete_connection(self, connection_id: str) -> None:
        if connection_id not in self._connections:
            return
        # A refusal means that it has ended by itself.
        with contextlib.suppress(CloudRefusalError), self._ours(self._connections[connection_id]) as ec2:
            ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection_id)
        del self._connections[connection_id]

    def _delete_vpc(self, vpc_id: str) -> None:
        if vpc_id not in self._vpcs:
            return
        with contextlib.suppress(CloudRefusalError), self._ours(self._vpcs[vpc_id]) as ec2:
            ec2.delete_vpc(VpcId=vpc_id)
        del self._vpcs[vpc_id]

    def _route(self, peer: Peer, region: str) -> None:
        """Let Atlas's VPC route the peer's block, and no other, over the connection, and resolve names for the other side."""
        connection_id, block = peer.connection_id or "", peer.fields["routeTableCidrBlock"]
        if self._routed.get(connection_id) == block:
            return
        former, vpc_id = self._routed.get(connection_id), peer.container.network_id or ""
        # Routes to a connection that has ended stay in AWS.
        ended = [one for one, routed in self._routed.items() if routed == block and one not in self._connections]
        for gone in filter(None, (former, block if ended else None)):
            with contextlib.suppress(CloudRefusalError), self._ours(region) as ec2:
                for table in self._tables.get(vpc_id, []):
                    ec2.delete_route(RouteTableId=table, DestinationCidrBlock=gone)
        for one in ended:
            del self._routed[one]
        # A route that AWS will not have does not keep the connection from working in AWS, nor Atlas from showing it.
        with contextlib.suppress(CloudRefusalError), self._ours(region) as ec2:
            if vpc_id not in self._tables:
                found = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["RouteTables"]
                self._tables[vpc_id] = [one["RouteTableId"] for one in found]
            for table in self._tables[vpc_id]:
                ec2.create_route(RouteTableId=table, DestinationCidrBlock=block, VpcPeeringConnectionId=connection_id)
            ec2.modify_vpc_peering_connection_options(
                VpcPeeringConnectionId=connection_id,
                RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True},
            )
        self._routed[connection_id] = block


@contextlib.contextmanager
def _all_later() -> Iterator[None]:
    """Take a refusal of what AWS never refuses for good as something to try again."""
    try:
        yield
    except CloudRefusalError as error:
        raise CloudUnreachableError(str(error)) from error


def _may_be_of(group: str, account_id: str) -> bool:
    """Tell whether a security group can belong to an account, by what stands in front of its id."""
    return "/" not in group or group.startswith(f"{account_id}/")


def _states(ec2: Any) -> dict[str, str]:
    pages = ec2.get_paginator("describe_vpc_peering_connections").paginate()
    return {one["VpcPeeringConnectionId"]: one["Status"]["Code"] for page in pages for one in page["VpcPeeringConnections"]}


def _overlap(connection: Mapping[str, Any]) -> bool:
    blocks = [connection[side].get("CidrBlock") for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
    if not all(blocks):
        return False
    ours, theirs = (ipaddress.IPv4Network(block) for block in blocks)
    return ours.overlaps(theirs)
