# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Whether the connection and its container are right in Atlas. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import is_within
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.moments import created_at
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.peers import (
    AWS_FAILURE_REASONS,
    PENDING_LIFE,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import same_region, to_atlas_region

from .check import Finding, Findings, check, skip
from .cluster_facts import has_ended, peers_of_vpc
from .facts import AtlasObject, Facts, Missing, Unread, UnreadError, known
from .judge import need_container, peer_of, to_network, vpc_blocks_of
from .wording import listed, span_text

_WAIT = "Wait, and check again: Atlas goes on by itself."


@check("P101")
def find_not_available(facts: Facts) -> Findings:
    """The connection exists and is AVAILABLE; why it has failed is told by P102."""
    peer = known(facts.atlas.peer)
    if peer is None:
        message, fix = _not_there(facts)
        yield Finding("fail", facts.entry.vpc_id, message, fix)
        return
    status = peer["status_name"]
    if status == "FAILED":
        raise skip("It has failed.", "P102")
    if status == "AVAILABLE":
        return
    message, fix = _not_available(peer, facts)
    yield Finding("fail", peer["id"], message, fix, {"status_name": status, "connection_id": peer["connection_id"]})


def _not_there(facts: Facts) -> tuple[str, str]:
    """Return that Atlas has no such connection, and what to do; others with the VPC mean that the entry is wrong."""
    vpc_id, owner, wanted = facts.entry.vpc_id, facts.entry.aws_account_id, facts.entry.container_region
    others, containers = peers_of_vpc(facts), facts.atlas.containers
    accounts = sorted({str(peer["aws_account_id"]) for peer in others})
    if owner is not None and accounts and owner not in accounts:
        message = f"Atlas has a connection with {vpc_id} of account {listed(accounts)}, not of account {owner}."
        return message, "Correct aws_account_id of the connection: a VPC belongs to one account."
    if others and wanted is not None and not isinstance(containers, (Missing, Unread)):
        ids = {peer["container_id"] for peer in others}
        regions = listed(sorted({str(one["region_name"]) for one in containers if one["id"] in ids}))
        there = f"to network containers in {regions}, and none to one in {to_atlas_region(wanted)}"
        return (
            f"Atlas has connections with {vpc_id} {there}.",
            "Correct container_region, or request one with the container there.",
        )
    return f"Atlas has no connection with {vpc_id}.", "Request it: atlas_vpc_peer, or the role, with state: present."


def _not_available(peer: AtlasObject, facts: Facts) -> tuple[str, str]:
    """Return the state of a connection that is not AVAILABLE, and what to do."""
    status = peer["status_name"]
    requested = created_at(peer["id"])
    # A clock that is wrong tells nothing.
    age = facts.now - requested if requested is not None and requested <= facts.now else None
    if status == "TERMINATING":
        return "TERMINATING: it is being removed.", "Request a new one when it is gone (state: present)."
    if status != "PENDING_ACCEPTANCE":
        return status + (f"; requested {span_text(age)} ago." if age is not None else "."), _WAIT
    name = peer["connection_id"] or "it"
    fix = f"Accept {name} in AWS account {peer['aws_account_id']}: atlas_vpc_peer_accepter, or the role."
    if age is None:
        return "PENDING_ACCEPTANCE.", fix
    left = PENDING_LIFE - age
    rest = f"about {span_text(left)} left" if left.total_seconds() > 0 else "AWS drops it after 7 d"
    return f"PENDING_ACCEPTANCE for {span_text(age)}; {rest}.", fix


@check("P102")
def find_failed(facts: Facts) -> Findings:
    """The connection has not failed."""
    peer = peer_of(facts)
    if peer["status_name"] != "FAILED":
        return
    reason = peer["error_state_name"]
    meaning = AWS_FAILURE_REASONS.get(reason or "")
    message = f"FAILED ({reason or 'no reason given'})" + (f": {meaning}." if meaning else ".")
    fix = "Then replace the connection: set recreate to dead."
    yield Finding("fail", peer["id"], message, fix, {"error_state_name": reason})


@check("P103")
def find_no_way_back(facts: Facts) -> Findings:
    """Atlas sends replies to the VPC: the block of the connection is one of the VPC's, or a part of one."""
    peer = peer_of(facts)
    blocks = vpc_blocks_of(facts)
    text = peer["route_table_cidr_block"]
    block = to_network(text, f"connection {peer['id']}")
    has = listed(blocks)
    evidence = {"route_table_cidr_block": text, "vpc_cidr_blocks": [str(one) for one in blocks]}
    if not any(block.overlaps(one) for one in blocks):
        message = f"Atlas sends replies for {text}; the VPC has {has}."
        fix = "Set route_table_cidr_block (cidr_block in the role) to a block of the VPC."
        yield Finding("fail", peer["id"], message, fix, evidence)
    elif not is_within(block, blocks):
        message = f"Atlas sends replies for {text}, which is more than the VPC has: {has}."
        yield Finding("info", peer["id"], message, "", evidence)


@check("P104")
def find_wrong_container(facts: Facts) -> Findings:
    """The container of the connection is on AWS, and in the region that the entry wants."""
    container = known(facts.atlas.container)
    if container is None:
        peer = peer_of(facts)
        if not peer["container_id"]:
            raise UnreadError(Unread(f"Atlas does not tell the network container of connection {peer['id']}."))
        message = f"Atlas has no network container {peer['container_id']} on AWS."
        yield Finding("fail", peer["id"], message, "Each connection has one: check base_url and group_id.")
        return
    provider, region = container["provider_name"], container["region_name"]
    if provider == "" or not region:
        raise UnreadError(Unread(f"Atlas does not tell the provider and region of network container {container['id']}."))
    if provider not in (None, "AWS"):
        message = f"The network container is on {provider}, and a VPC needs one on AWS."
        yield Finding("fail", container["id"], message, "Choose a network container on AWS.", {"provider_name": provider})
    wanted = facts.entry.container_region
    if wanted is not None and not same_region(region, wanted):
        message = f"The network container is in {region}, not in {to_atlas_region(wanted)}."
        fix = "Correct container_region, or request a connection with the network container there."
        yield Finding("fail", container["id"], message, fix, {"region_name": region, "container_region": wanted})


@check("P105")
def find_shared_addresses(facts: Facts) -> Findings:
    """The container has addresses of its own, which the VPC has not."""
    container = need_container(facts)
    block = to_network(container["atlas_cidr_block"], f"network container {container['id']}")
    shared = [one for one in vpc_blocks_of(facts) if one.overlaps(block)]
    if shared:
        message = f"The network container has {block}, and the VPC {listed(shared)}: traffic to these addresses stays in the VPC."
        fix = "Connect a network container with another block: only one without clusters and connections can be changed."
        evidence = {"atlas_cidr_block": str(block), "vpc_cidr_blocks": [str(one) for one in shared]}
        yield Finding("fail", container["id"], message, fix, evidence)


@check("P106")
def find_shared_routes(facts: Facts) -> Findings:
    """No other connection of the VPC leads to the same addresses: a route of the VPC has one target."""
    own = need_container(facts)
    block = to_network(own["atlas_cidr_block"], f"network container {own['id']}")
    blocks = {one["id"]: one["atlas_cidr_block"] for one in known(facts.atlas.containers)}
    here = [{**peer, "atlas_cidr_block": blocks.get(peer["container_id"])} for peer in peers_of_vpc(facts)]
    yield from _find_shared(block, "This project", [peer for peer in here if peer["container_id"] != own["id"]])
    own_ids = {peer["id"] for peer in known(facts.atlas.peers)}
    projects = facts.atlas.other_projects
    if isinstance(projects, Unread):
        projects = {"group_ids": projects}
    for group_id, fact in ({} if isinstance(projects, Missing) else projects).items():
        if isinstance(fact, Unread):
            fix = "Check group_ids: give the credentials a role in that project, or leave it out."
            yield Finding("unknown", group_id, fact.message, fix, {"group_id": group_id}, decides=False)
        elif not isinstance(fact, Missing):
            others = [peer for peer in fact if peer["id"] not in own_ids and not has_ended(peer)]
            yield from _find_shared(block, f"Project {group_id}", others)


def _find_shared(block: ipaddress.IPv4Network, project: str, peers: t.Iterable[AtlasObject]) -> Findings:
    """Yield the connections that lead to addresses of a block, too."""
    for peer in peers:
        other = to_network(peer["atlas_cidr_block"], f"network container {peer['container_id']}")
        if other.overlaps(block):
            both = f"both are {block}" if other == block else f"{other} overlaps {block}"
            message = f"{project} has connection {peer['id']} with this VPC, and {both}; one route can serve one of them."
            fix = "Remove one of the two connections, or connect network containers with blocks of their own."
            yield Finding("fail", peer["id"], message, fix, {"atlas_cidr_block": str(block), "other_cidr_block": str(other)})
