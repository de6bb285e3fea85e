# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P4: the connection in AWS, and its accepter VPC."""

from __future__ import annotations

import datetime

from ..._aws.objects import ACTIVE, ENDED, INITIATING, PENDING, PROVISIONING, PeeringConnection, Vpc
from ..._clouds.aws import AWS, same_region, to_cloud_region
from ..._http.errors import as_reply
from ..._values.moments import to_moment
from ..facts import (
    ConnectionFacts,
    Missing,
    Unread,
    UnreadError,
    field_of,
    if_known,
    known,
    known_or,
    named,
    of_another_account,
    unnamed,
)
from .common import WAITING, atlas_block_of, aws, connection_id_of, listed, span_text
from .judged_clusters import have_all_private_strings, peers_of_network, unless_private
from .p1_atlas import accept_line
from .rule import Ending, Finding, Findings, Severity, check, not_read, skip

_ON_ITS_WAY = (INITIATING, PROVISIONING)
# For Atlas, such a connection is alive.
_REQUEST_AGAIN = "Remove it in Atlas with state: absent, then request it with state: present; recreate: dead does not replace it."


@check("P401", waits_for=("P102",))
def find_unknown_connection(facts: ConnectionFacts) -> Findings:
    """AWS knows the connection, with these credentials and in this region."""
    connection_id = connection_id_of(facts)
    if known(facts.aws.connection) is None:
        message = f"AWS does not know {named(connection_id)}{_place(facts)}."
        elsewhere = _in_another_region(facts, connection_id)
        if elsewhere is not None:
            yield elsewhere
            return
        fix = f"Use the region of the VPC. If it is right, the connection has ended, and AWS has forgotten it. {_REQUEST_AGAIN}"
        evidence = {"region": facts.entry.region}
        yield _of_another_account(facts) or Finding("fail", connection_id, message, fix, evidence, owner="playbook")


@check("P402", waits_for=("P102", "P401"))
def find_inactive_connection(facts: ConnectionFacts) -> Findings:
    """The connection is active."""
    connection = _connection_of(facts)
    if connection.status == ACTIVE:
        return
    if connection.status not in (PENDING, *_ON_ITS_WAY, *ENDED):
        raise UnreadError(Unread(f"AWS reports an unknown status of {named(connection.id)}: {connection.status!r}."))
    message = f"{named(connection.id)} is {connection.status}{_details_of(connection, facts)}."
    evidence = {
        "status": connection.status,
        "status_message": connection.status_message,
        "expiration_time": connection.expiration_time,
    }
    # P101 reports the same state from Atlas, so this is skipped; but AWS knows exactly how much time is left.
    is_said = connection.status == PENDING and field_of(facts.atlas.peer, "status_name") == AWS.pending
    yield Finding(
        "skipped" if is_said else "fail",
        connection.id,
        message,
        _advice_on(connection.status),
        evidence,
        waits_for="P101" if is_said else None,
        ending=Ending(WAITING, end) if (end := _end_of(connection)) is not None and end > facts.now else None,
        commands=accept_line(facts) if connection.status == PENDING else (),
        owner="atlas" if connection.status in ENDED else "network",
    )


@check("P403", waits_for=("P102", "P401"))
def find_wrong_ends(facts: ConnectionFacts) -> Findings:
    """The accepter is the VPC of the entry, and the requester has the block of the network container."""
    connection, entry = _connection_of(facts), facts.entry
    side, owner = connection.accepter, entry.params["aws_account_id"]
    if not side.vpc_id or not side.account_id:
        raise UnreadError(Unread(f"AWS does not report where {named(connection.id)} ends."))
    if side.vpc_id != entry.network_id or (owner is not None and side.account_id != owner):
        yield Finding(
            "fail",
            connection.id,
            f"{named(connection.id)} ends in {named(side.vpc_id)} of account {unnamed(side.account_id)}, not in "
            f"{named(entry.network_id)}{f' of account {unnamed(owner)}' if owner else ''}.",
            "Correct vpc_id and aws_account_id of the connection.",
            {"vpc_id": side.vpc_id, "aws_account_id": side.account_id},
            owner="playbook",
        )
    block, blocks = atlas_block_of(facts), connection.requester.cidr_blocks
    if not blocks and connection.status != ACTIVE:
        raise skip("AWS reports blocks only for active connections.", "P402")
    if not blocks:
        raise UnreadError(Unread(f"AWS does not report the block of the other side of {named(connection.id)}."))
    if str(block) not in blocks:
        yield Finding(
            "fail",
            connection.id,
            f"{named(connection.id)} comes from {listed(blocks)}; the network container has {named(block)}.",
            "Request the connection again, for the network container whose clusters the VPC is to reach.",
            {"requester_cidr_blocks": list(blocks), "atlas_cidr_block": str(block)},
            owner="atlas",
        )


@check("P404", waits_for=("P401",))
def find_shared_vpc(facts: ConnectionFacts) -> Findings:
    """The VPC exists, and belongs to the account of the credentials."""
    vpc = known(facts.aws.vpc)
    if vpc is not None and not vpc.account_id:
        raise UnreadError(Unread(f"AWS does not report the owner of {named(vpc.id)}."))
    other = _of_another_account(facts)
    if other is not None:
        yield other
    elif vpc is None:
        message = f"AWS does not know {named(facts.entry.network_id)}{_place(facts)}."
        fix = "Use the credentials and the region of the VPC."
        missing = Finding("fail", facts.entry.network_id, message, fix, {"region": facts.entry.region}, owner="playbook")
        yield _in_another_region(facts, facts.entry.network_id) or missing


@check("P405", waits_for=("P101", "P102", "P401", "P402"))
def find_dns_options(facts: ConnectionFacts) -> Findings:
    """Each side resolves the names of the other one to private addresses."""
    connection = _connection_of(facts)
    requester, accepter = connection.requester.allows_remote_dns, connection.accepter.allows_remote_dns
    evidence = {"requester": requester, "accepter": accepter}
    if requester is None:
        unread = Unread(f"AWS does not report the DNS options of {named(connection.id)}.")
        yield unless_private(not_read(unread, connection.id), facts)
    elif not requester:
        begin = f"Atlas's side of {named(connection.id)} does not resolve the names of clusters"
        message = f"{begin} to private addresses for the VPC."
        fix = "Only Atlas changes its side: ask its support, or use the private connection string."
        severity: Severity = "warn" if have_all_private_strings(facts) else "fail"
        if isinstance(facts.atlas.clusters, Missing):
            severity = "unknown"
        yield Finding(severity, connection.id, message, fix, evidence, owner="atlas")
    if requester and accepter is False:
        begin = f"Your side of {named(connection.id)} does not resolve the names of hosts in the VPC for Atlas."
        message = f"{begin} Clients do not need that."
        yield Finding("ok", connection.id, message, evidence=evidence)


@check("P406", "warn")
def find_encryption_controls(facts: ConnectionFacts) -> Findings:
    """AWS does not enforce that all traffic of the VPC is encrypted, or leaves peering connections out of that.

    Source: "Enforce VPC encryption in transit" in the Amazon VPC user guide.
    """
    vpc = known(facts.aws.vpc)
    if vpc is None:
        raise skip(f"AWS does not know {named(facts.entry.network_id)}.", "P404")
    if vpc.refuses_peerings:
        begin = f"The encryption controls of {named(vpc.id)} are enforced, and do not exclude peering connections:"
        message = f"{begin} AWS may stop traffic."
        fix, own = (
            "Exclude VPC peering from the encryption controls of the VPC.",
            {"vpc_encryption_control_id": vpc.encryption_id},
        )
        line = aws("ec2 modify-vpc-encryption-control", facts, **own, mode="enforce", vpc_peering_exclusion="enable")
        yield Finding("warn", vpc.id, message, fix, commands=line)


def _connection_of(facts: ConnectionFacts) -> PeeringConnection:
    """Return the connection. Without it or its id, the check is skipped: another one reports the cause."""
    connection_id = connection_id_of(facts)
    connection = known(facts.aws.connection)
    if connection is None:
        raise skip(f"AWS does not know {named(connection_id)}.", "P401")
    return connection


def _place(facts: ConnectionFacts) -> str:
    """Return the region and the account that were read, for a message."""
    account = facts.aws.account_id
    owner = f" of {named(account)}" if isinstance(account, str) else ""
    return f" in {facts.entry.region or 'this region'}, with the credentials{owner}"


def _in_another_region(facts: ConnectionFacts, subject: str) -> Finding | None:
    """Return the finding that the settings look in another region than that of the VPC in Atlas; None if that is not known."""
    wanted, region = _region_in_atlas(facts), facts.entry.region
    if not wanted or not region or same_region(region, wanted):
        return None
    right = to_cloud_region(wanted)
    message = f"The settings look in {region}; Atlas has the VPC in {right}."
    evidence = {"region": region, "accepter_region_name": wanted}
    return Finding("unknown", subject, message, f"Set region to {right}.", evidence, owner="playbook")


def _region_in_atlas(facts: ConnectionFacts) -> str | None:
    """Return the region that Atlas has the VPC in; None if it has no connection, or that is not known.

    All connections of a VPC have its region. Where Atlas reports none, the only one is in the region of its network container.
    """
    if known_or(facts.atlas.peer, None) is None:
        return None
    there = if_known(lambda: peers_of_network(facts)) or ()
    regions = [one["accepter_region_name"] for one in there if one["accepter_region_name"]]
    if regions or len(there) > 1:
        return next(iter(regions), None)
    found: str | None = field_of(facts.atlas.container, "region_name")
    return found


def _of_another_account(facts: ConnectionFacts) -> Finding | None:
    """Return the finding that these credentials do not see all of the VPC; None if they are of its account, as far as known.

    Those with whom a VPC is shared see its subnets and tables, but none of its connections.
    """
    own, vpc, vpc_id = facts.aws.account_id, facts.aws.vpc, facts.entry.network_id
    if isinstance(own, Unread):
        return not_read(own, vpc_id)
    shown = vpc.account_id if isinstance(vpc, Vpc) else None
    owner = shown or field_of(facts.atlas.peer, "aws_account_id") or facts.entry.params["aws_account_id"]
    if owner in (None, known(own)):
        return None
    unread = of_another_account(str(own), str(owner), vpc_id)
    evidence = {"owner_id": owner, "account_id": own}
    return Finding("unknown", vpc_id, unread.message, unread.advice, evidence, owner="playbook")


def _details_of(connection: PeeringConnection, facts: ConnectionFacts) -> str:
    """Return how much time is left to accept a connection, or what AWS says about its end."""
    if connection.status != PENDING:
        return f" ({as_reply(connection.status_message)})" if connection.status_message else ""
    end = _end_of(connection)
    if end is None:
        return ""
    return f"; {span_text(end - facts.now)} left" if end > facts.now else "; the time to accept it is over"


def _end_of(connection: PeeringConnection) -> datetime.datetime | None:
    """Return when the time to accept a connection ends; None if it is not pending, or AWS does not report it."""
    try:
        return to_moment(connection.expiration_time or "") if connection.status == PENDING else None
    except ValueError:
        return None


def _advice_on(status: str) -> str:
    if status == PENDING:
        return "Accept it, with the module atlas_vpc_peer_accepter or in the console of AWS."
    if status in _ON_ITS_WAY:
        return "AWS is still at work: check again in a minute."
    return f"A connection that has ended does not come back. {_REQUEST_AGAIN}"
