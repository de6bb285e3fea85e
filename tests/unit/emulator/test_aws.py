# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Peering with a real AWS behind it: what each side does is seen by the other."""

from __future__ import annotations

import pytest


def both(aws_api, account, region="us-east-1", **fields):
    """Make a VPC in the user's account and a peer to it; return the peer as it waits for acceptance."""
    vpc_id = account.make_vpc("10.99.0.0/16", region)
    peer = aws_api.make_peer(
        awsAccountId=account.id, vpcId=vpc_id, accepterRegionName=region, routeTableCidrBlock="10.99.0.0/16", **fields
    )
    return aws_api.call("GET", f"/peers/{peer['id']}").json()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3"])
def test_acceptance(aws_api, account, region):
    peer = both(aws_api, account, region)
    assert peer["statusName"] == "PENDING_ACCEPTANCE"
    pcx = peer["connectionId"]
    assert account.connections(region) == {pcx: "pending-acceptance"}
    account.ec2(region).accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    assert aws_api.status_of(peer["id"]) == "AVAILABLE"
