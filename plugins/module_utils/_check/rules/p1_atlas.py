# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P1: the connection in Atlas, its network container, and the limits on connections."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t
from functools import partial

from ..._aws.objects import ACTIVE, ENDED, PROVISIONING, PeeringConnection
from ..._clouds.aws import AWS
from ..._clouds.clouds import ALL_CLOUDS, CLOUDS
from ..._http.errors import shown
from ..._resources.peers import MOST_PEERS, MOST_PENDING
from ..._values.blocks import is_within, private_blocks_text
from ..._values.moments import created_at
from ..facts import AtlasObject, ConnectionFacts, Fact, Missing, Unread, UnreadError, if_known, known, known_or, named, unnamed
from .common import (
    NEARLY,
    WAITING,
    FixLines,
    aws,
    block_of_vpc,
    connection_id_of,
    container_block,
    listed,
    need_container,
    peer_of,
    span_text,
    to_network,
    vpc_blocks_of,
)
from .judged_clusters import has_ended, peers_of_network
from .rule import Ending, Finding, Findings, FixOwner, check, skip

_WAIT = "Wait, and check again: Atlas goes on by itself."
# The states that Atlas counts as pending, and those that it does not count at all.
_PENDING = {state for cloud in CLOUDS.values() for state in cloud.progress[:-1]}
_LEAVING = {cloud.terminating for cloud in CLOUDS.values()}
# The states in AWS of a request that is accepted.
_ACCEPTED = (ACTIVE, PROVISIONING)


@check("P101", clouds=ALL_CLOUDS)
def find_not_available(facts: ConnectionFacts) -> Findings:
    """The connection exists and is AVAILABLE; P102 reports one that has failed."""
    peer = known(facts.atlas.peer)
    if peer is None:
        yield _missing(facts)
        return
    status = peer["status_name"]
    if status == facts.entry.provider.failed:
        raise skip("It has failed.", "P102")
    # Labels do not identify a connection, and cannot be changed.
    entry = facts.entry
    for name in reversed(entry.provider.labels):
        current, wanted = peer.get(name), entry.network[name]
        if wanted is not None and not entry.provider.is_same(current, wanted):
            message = f"The connection with {named(entry.network_title)} has {name} {unnamed(current)}, not {unnamed(wanted)}."
            fix = f"Correct {name}, or replace the connection."
            yield Finding("fail", peer["id"], message, fix, {name: current}, owner="playbook")
            return
    if status == entry.provider.available:
        return
    if status == entry.provider.pending and entry.provider.has_names:
        # Loaded where a connection is with GCP.
        from .g4_mirror import is_mirror_missing

        if is_mirror_missing(facts):
            raise skip("Atlas waits for the peering in GCP.", "G401")
    if status == entry.provider.pending and status_in_aws(facts) in ENDED:
        # It is too late to accept it, though Atlas has not seen that yet.
        raise skip("The request has ended in AWS.", "P402")
    message, fix = _describe_state(peer, facts)
    evidence = {name: peer[name] for name in ("status_name", entry.provider.accepted_id or "") if name in peer}
    is_theirs = status == entry.provider.pending and status_in_aws(facts) not in _ACCEPTED
    ending, lines = (_ending_of(peer, facts), _lines_for(facts)) if is_theirs else (None, ())
    owner: FixOwner = "network" if is_theirs else "atlas"
    yield Finding("fail", peer["id"], message, fix, evidence, ending=ending, commands=lines, owner=owner)


@check("P102", clouds=ALL_CLOUDS)
def find_failed(facts: ConnectionFacts) -> Findings:
    """The connection has not failed."""
    peer = peer_of(facts)
    if peer["status_name"] != facts.entry.provider.failed:
        return
    reason = peer["error_state_name"]
    # On other clouds, the reason is a text of the cloud.
    meaning = shown(facts.entry.provider.failure_reasons.get(reason or "", "")) if facts.entry.provider.has_error_codes else None
    message = f"FAILED ({reason or 'no reason given'})" + (f": {meaning}." if meaning else ".")
    fix = "Then replace the connection: set recreate to dead."
    if reason in facts.entry.provider.futile_reasons:
        fix = "Then remove the connection with state: absent, and request it with the right values: the same would fail again."
    yield Finding("fail", peer["id"], message, fix, {"error_state_name": reason})


@check("P103")
def find_no_way_back(facts: ConnectionFacts) -> Findings:
    """The block of the connection, to which Atlas routes replies, is within the blocks of the VPC."""
    peer = peer_of(facts)
    blocks = vpc_blocks_of(facts)
    text = peer["route_table_cidr_block"]
    block = to_network(text, f"connection {unnamed(peer['id'])}")
    has = listed(blocks)
    evidence = {"route_table_cidr_block": text, "vpc_cidr_blocks": [str(one) for one in blocks]}
    if not any(block.overlaps(one) for one in blocks):
        message = f"Atlas sends replies for {named(text)}; the VPC has {has}."
        right = block_of_vpc(facts)
        what = f"to {named(right)}" if right is not None else f"to a block of the VPC, within {private_blocks_text()}"
        fix = f"Set route_table_cidr_block (cidr_block in the role) {what}."
        yield Finding("fail", peer["id"], message, fix, evidence, owner="playbook")
    elif not is_within(block, blocks):
        message = f"Atlas sends replies for {named(text)}, which is more than the VPC has: {has}."
        yield Finding("info", peer["id"], message, "", evidence)


@check("P104", clouds=ALL_CLOUDS)
def find_wrong_container(facts: ConnectionFacts) -> Findings:
    """The container of the connection is on its cloud, and in the region that the entry wants."""
    container, cloud = known(facts.atlas.container), facts.entry.provider
    if container is None:
        peer = peer_of(facts)
        if not peer["container_id"]:
            raise UnreadError(Unread(f"Atlas does not report the network container of connection {unnamed(peer['id'])}."))
        message = f"Atlas has no network container {unnamed(peer['container_id'])} on {cloud.name}."
        fix = "Each connection has one: check base_url and group_id."
        yield Finding("fail", peer["id"], message, fix, owner="playbook")
        return
    provider, region = container["provider_name"], container.get("region_name")
    if provider == "" or (not region and not cloud.has_one_container):
        text = f"Atlas does not report the provider and region of network container {unnamed(container['id'])}."
        raise UnreadError(Unread(text))
    if provider not in (None, cloud.name):
        message = f"The network container is on {provider}, and a {cloud.noun} needs one on {cloud.name}."
        fix = f"Choose a network container on {cloud.name}."
        yield Finding("fail", container["id"], message, fix, {"provider_name": provider}, owner="playbook")
    wanted = facts.entry.params["container_region"]
    if wanted is not None and not cloud.has_one_container and not cloud.is_in_region(region, wanted):
        message = f"The network container is in {region}, not in {cloud.regions.to_atlas(wanted)}."
        fix = "Correct container_region, or request a connection with the network container there."
        evidence = {"region_name": region, "container_region": wanted}
        yield Finding("fail", container["id"], message, fix, evidence, owner="playbook")


@check("P105")
def find_shared_addresses(facts: ConnectionFacts) -> Findings:
    """The blocks of the container and of the VPC do not overlap."""
    container = need_container(facts)
    block = container_block(container)
    shared = [one for one in vpc_blocks_of(facts) if one.overlaps(block)]
    if shared:
        begin = f"The network container has {named(block)}, and the VPC {listed(shared)}:"
        message = f"{begin} traffic to these addresses stays in the VPC."
        fix = "Connect a network container with another block: only one without clusters and connections can be changed."
        evidence = {"atlas_cidr_block": str(block), "vpc_cidr_blocks": [str(one) for one in shared]}
        yield Finding("fail", container["id"], message, fix, evidence)


@check("P106")
def find_shared_routes(facts: ConnectionFacts) -> Findings:
    """No other connection of the VPC leads to overlapping addresses: a route has one target."""
    own = need_container(facts)
    block = container_block(own)
    blocks = {one["id"]: one["atlas_cidr_block"] for one in known(facts.atlas.containers)}
    here = [{**peer, "atlas_cidr_block": blocks.get(peer["container_id"])} for peer in peers_of_network(facts)]
    yield from _find_shared(block, "This project", [peer for peer in here if peer["container_id"] != own["id"]])
    own_ids = {peer["id"] for peer in known(facts.atlas.peers)}
    projects = facts.atlas.other_projects
    if isinstance(projects, Unread):
        projects = {"compare_group_ids": projects}
    for group_id, fact in ({} if isinstance(projects, Missing) else projects).items():
        if isinstance(fact, Unread):
            fix = "Check compare_group_ids: give the credentials a role in that project, or leave it out."
            yield Finding("unknown", group_id, fact.message, fix, {"group_id": group_id}, decides=False, owner="playbook")
        elif not isinstance(fact, Missing):
            others = [peer for peer in fact if peer["id"] not in own_ids and not has_ended(peer)]
            yield from _find_shared(block, f"Project {named(group_id)}", others)


@check("P107", "warn", clouds=ALL_CLOUDS)
def find_near_limits(facts: ConnectionFacts) -> Findings:
    """There is room for more connections: in the project, over all clouds that were read, and in the network."""
    peers = [*known(facts.atlas.peers), *known(facts.atlas.other_peers)]
    staying = [peer for peer in peers if peer["status_name"] not in _LEAVING]
    pending = [peer for peer in staying if peer["status_name"] in _PENDING]
    yield from _find_near(len(staying), MOST_PEERS, "project", "connections", "Remove those that are no longer used.")
    yield from _find_near(len(pending), MOST_PENDING, "project", "pending connections", "Accept or remove them.")
    if facts.entry.provider.most_peerings is not None:
        yield from _find_near_in_network(facts)
        return
    count, quota = known(facts.aws.connections_count), known(facts.aws.connections_quota)
    fix = "Ask AWS for more (quota L-7E9ECCDB, up to 125), or remove those that are no longer used."
    yield from _find_near(count, quota, facts.entry.provider.noun, "connections", fix, facts.entry.network_id)


def _find_near_in_network(facts: ConnectionFacts) -> Findings:
    """Yield a warning if a network on AZURE or GCP has nearly as many peerings, with any network, as the cloud allows."""
    entry, networks = facts.entry, facts.network.gcp_networks
    peerings: Fact[t.Sequence[object]] = facts.network.vnet_peerings
    if not isinstance(networks, Missing):
        peerings = networks if isinstance(networks, Unread) else networks.get(entry.network_id, ())
    if not isinstance(peerings, Missing) and entry.provider.most_peerings is not None:
        fix = f"Remove those that are no longer used, or ask {entry.provider.name} whether it allows more."
        yield from _find_near(
            len(known(peerings)), entry.provider.most_peerings, unnamed(entry.network_title), "peerings", fix, entry.network_title
        )


def _missing(facts: ConnectionFacts) -> Finding:
    """Return the finding of a missing connection. If the network has another one, the entry is wrong."""
    playbook = partial(Finding, "fail", facts.entry.network_id, owner="playbook")
    entry, cloud, containers = facts.entry, facts.entry.provider, known_or(facts.atlas.containers, None)
    owner, wanted, others = entry.params[cloud.owner], entry.params["container_region"], peers_of_network(facts)
    owners = sorted({str(peer[cloud.owner]) for peer in _namesakes(facts)})
    if owner is not None and owners and not any(cloud.is_same(owner, one) for one in owners):
        begin = f"Atlas has a connection with {named(entry.network_title)} of {cloud.owner_noun} {unnamed(listed(owners))},"
        message = f"{begin} not of {cloud.owner_noun}"
        why = "a VPC belongs to one account" if cloud.has_unique_ids else "or request a connection with this one"
        fix = f"Correct {cloud.owner} of the connection{':' if cloud.has_unique_ids else ','} {why}."
        return playbook(f"{message} {unnamed(owner)}.", fix)
    if others and wanted is not None and not cloud.has_one_container and containers is not None:
        ids = {peer["container_id"] for peer in others}
        regions = listed(sorted({str(one["region_name"]) for one in containers if one["id"] in ids}))
        there = f"to network containers in {regions}, and none to one in {cloud.regions.to_atlas(wanted)}"
        fix = "Correct container_region, or request one with the container there."
        return playbook(f"Atlas has connections with {named(entry.network_title)} {there}.", fix)
    container_id = entry.params["container_id"]
    if others and container_id is not None:
        there = listed(sorted({str(peer["container_id"]) for peer in others}))
        begin = f"Atlas has connections with {named(entry.network_title)} to network container {unnamed(there)},"
        message = f"{begin} and none to {named(container_id)}."
        return playbook(message, "Correct container_id, or request one with that container.")
    where = "" if cloud.has_unique_ids else f" of {cloud.owner_noun} {unnamed(owner)}"
    message = f"Atlas has no connection with {named(entry.network_title)}{where}."
    return Finding("fail", entry.network_id, message, "Request it: atlas_vpc_peer, or atlas_peering.", owner="atlas")


def _namesakes(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the connections with a network of the same name or id, of any owner."""
    cloud = facts.entry.provider
    if cloud.has_unique_ids:
        return peers_of_network(facts)
    return [one for one in known(facts.atlas.peers) if cloud.is_same(one[cloud.network], facts.entry.network_id)]


def _describe_state(peer: AtlasObject, facts: ConnectionFacts) -> tuple[str, str]:
    """Return the message and the fix for a connection that is not AVAILABLE."""
    status, cloud = peer["status_name"], facts.entry.provider
    requested = created_at(peer["id"])
    # A time in the future means that a clock is wrong.
    age = facts.now - requested if requested is not None and requested <= facts.now else None
    if status == cloud.terminating:
        return f"{status}: it is being removed.", "Request a new one when it is gone (state: present)."
    if status == cloud.removal_failed:
        return f"{status}: Atlas could not remove it.", cloud.removal_fix
    if status == cloud.pending and cloud.pending_life is not None:
        message, fix = _pending(peer, age, cloud.pending_life)
        in_aws = status_in_aws(facts)
        return (message, f"It is accepted: AWS has it as {in_aws}. {_WAIT}") if in_aws in _ACCEPTED else (message, fix)
    if status == cloud.pending:
        from .g4_mirror import mirror_advice

        since = f" for {span_text(age)}" if age is not None else ""
        message = f"{status}{since}: Atlas's side is there, and yours is missing, or Atlas has not seen it yet."
        return message, mirror_advice(facts)
    return status + (f"; requested {span_text(age)} ago." if age is not None else "."), _WAIT


def _lines_for(facts: ConnectionFacts) -> FixLines:
    """Return the lines that accept a request in AWS, or make the customer's side in GCP."""
    if facts.entry.provider.pending_life is not None:
        return accept_line(facts)
    from .g4_mirror import mirror_lines

    return mirror_lines(facts)


def accept_line(facts: ConnectionFacts) -> FixLines:
    """Return the line that accepts the request in AWS."""
    return aws("ec2 accept-vpc-peering-connection", facts, vpc_peering_connection_id=if_known(lambda: connection_id_of(facts)))


def _ending_of(peer: AtlasObject, facts: ConnectionFacts) -> Ending | None:
    """Return when a request ends that is not accepted yet; None if it has ended, or its cloud has no limit."""
    requested, life = created_at(peer["id"]), facts.entry.provider.pending_life
    if life is None or requested is None:
        return None
    end = requested + life
    return Ending(WAITING, end) if requested <= facts.now < end else None


def status_in_aws(facts: ConnectionFacts) -> str | None:
    """Return the status of the connection in AWS; None if it is not known, or on another cloud."""
    connection = facts.aws.connection
    return connection.status if isinstance(connection, PeeringConnection) else None


def _pending(peer: AtlasObject, age: datetime.timedelta | None, life: datetime.timedelta) -> tuple[str, str]:
    name = peer["connection_id"] or "it"
    fix = f"Accept {named(name)} in AWS account {unnamed(peer['aws_account_id'])}: atlas_vpc_peer_accepter, or atlas_peering."
    if age is None:
        return f"{AWS.pending}.", fix
    left = life - age
    rest = f"about {span_text(left)} left" if left.total_seconds() > 0 else "AWS drops it after 7 d"
    return f"{AWS.pending} for {span_text(age)}; {rest}.", fix


def _find_shared(block: ipaddress.IPv4Network, project: str, peers: t.Iterable[AtlasObject]) -> Findings:
    """Yield a failure for each connection whose container overlaps a block."""
    for peer in peers:
        other = to_network(peer["atlas_cidr_block"], f"network container {named(peer['container_id'])}")
        if other.overlaps(block):
            both = f"both are {named(block)}" if other == block else f"{named(other)} overlaps {named(block)}"
            message = f"{project} has connection {named(peer['id'])} with this VPC, and {both}; one route can serve one of them."
            fix = "Remove one of the two connections, or connect network containers with blocks of their own."
            yield Finding("fail", peer["id"], message, fix, {"atlas_cidr_block": str(block), "other_cidr_block": str(other)})


def _find_near(count: int, limit: int, noun: str, what: str, fix: str, subject: str = "") -> Findings:
    """Yield a warning if a limit is nearly reached."""
    if count >= NEARLY * limit:
        message = f"The {noun} has {count} {what}, and {limit} is the limit."
        owner: FixOwner = "atlas" if noun == "project" else "network"
        yield Finding("warn", subject or noun, message, fix, {"count": count, "limit": limit}, owner=owner)
