# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P8, P9: the blocks of the clients, and the results of atlas_probe on hosts in the network."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._clouds.clouds import ALL_CLOUDS
from ..._values.blocks import address_in, is_within
from ..facts import ConnectionFacts, Missing, if_known, local_addresses_of, named
from .client_ranges import network_blocks_of
from .common import atlas_block_of, container_block, listed, to_network
from .judged_clusters import peered_containers
from .rule import Finding, Findings, check, skip

_Member = t.Mapping[str, t.Any]
# Where to look, by the outcome of a TCP connection.
_PLACES = {
    "timeout": "Look at the routes, the filters (network ACLs and groups, or firewall rules) and the access list.",
    "refused": "The network lets it through: look at the cluster, and at its ports.",
    "unreachable": "Look at the routes of the host and of its subnet.",
}
# Without a working connection, each probe fails: these checks report the cause.
_CONNECTION = ("P101", "P102", "P402", "A401", "G401")


@check("P801", clouds=ALL_CLOUDS)
def find_clients_outside(facts: ConnectionFacts) -> Findings:
    """The declared clients are in the network: peering is not transitive."""
    clients = [*(facts.selection.client_cidr_blocks or ()), *facts.entry.params["cidr_blocks"], *_block_elsewhere(facts)]
    if not clients:
        raise skip("No client_cidr_blocks are given.")
    blocks, is_vpc = network_blocks_of(facts), facts.entry.provider.judges_subnets
    where = "the VPC" if is_vpc else named(facts.entry.network_title)
    for text in dict.fromkeys(clients):
        if not is_within(to_network(text, "client_cidr_blocks"), blocks):
            message = f"{named(text)} is not in {where} ({listed(blocks)}), and a peering carries nothing through."
            what = f"Connect the network of these clients by itself, or let a proxy in {where} talk to Atlas for them,"
            fix = f"{what} unless they leave with an address of the network: then name that."
            evidence = {"client_cidr_block": text, "vpc_cidr_blocks": [str(one) for one in blocks]}
            if not is_vpc:
                evidence = {"client_cidr_block": text, "address_prefixes": evidence["vpc_cidr_blocks"]}
            # It concerns clients elsewhere, so no judged subnet.
            yield Finding("fail", text, message, fix, evidence, subnet_ids=())


def _block_elsewhere(facts: ConnectionFacts) -> list[str]:
    """Return `cidr_block` of an entry on AZURE or GCP if no range of the network is in it: no subnet would be judged then."""
    block, blocks = facts.entry.params["cidr_block"], if_known(lambda: network_blocks_of(facts))
    if facts.entry.provider.block is not None or block is None or not blocks:
        return []
    return [] if any(to_network(block, "cidr_block").overlaps(one) for one in blocks) else [block]


@check("P901", waits_for=_CONNECTION, clouds=ALL_CLOUDS)
def find_names_outside(facts: ConnectionFacts) -> Findings:
    """On the hosts that have probed, the names of members resolve inside the block of their container."""
    for probe in facts.selection.stray_probes or ():
        host, addresses = str(probe["host"]), local_addresses_of(probe)
        has = "has" if len(addresses) == 1 else "have"
        begin = f"The probe on {named(host)} was made from {listed(addresses)}, which no network here {has},"
        message = f"{begin} and is judged nowhere."
        fix = "Run atlas_probe where clients have an address of the network: not in a container or pod behind NAT."
        yield Finding("warn", host, message, fix, {"local_addresses": addresses})
    for host, members in _probes(facts):
        unresolved = [one for one in members if not one.get("addresses")]
        if unresolved:
            message = f"{named(host)} cannot resolve {listed(_names(unresolved))}."
            yield Finding("fail", host, message, "Look at the DNS servers of the host and of its network.", _evidence(unresolved))
        outside = [one for one in members if one.get("addresses") and not _is_inside(one, facts)]
        if outside:
            addresses = sorted({address for one in outside for address in one["addresses"]})
            verb = "resolves" if len(outside) == 1 else "resolve"
            begin = f"On {named(host)}, {listed(_names(outside))} {verb} to {listed(addresses)},"
            message = f"{begin} outside of the network container."
            fix = "Use the private connection string (…-pri…)."
            if facts.entry.provider.judges_subnets:
                fix = "Enable enableDnsSupport and enableDnsHostnames of the VPC, or use the private connection string (…-pri…)."
            yield Finding("fail", host, message, fix, _evidence(outside))


@check("P902", waits_for=_CONNECTION, clouds=ALL_CLOUDS)
def find_members_out_of_reach(facts: ConnectionFacts) -> Findings:
    """The hosts that have probed reach each member by TCP and TLS; P901 reports names that resolve elsewhere."""
    for host, members in _probes(facts):
        inside = [one for one in members if one.get("addresses") and _is_inside(one, facts)]
        for outcome in dict.fromkeys(str(one.get("tcp")) for one in inside):
            same = [one for one in inside if str(one.get("tcp")) == outcome]
            if outcome != "open":
                message = f"{named(host)} cannot connect to {listed(_names(same))}: {outcome}."
                yield Finding("fail", host, message, _PLACES.get(outcome, "See the error of the probe."), _evidence(same))
                continue
            failed = [one for one in same if one.get("tls") is False]
            if failed:
                begin = f"{named(host)} reaches {listed(_names(failed))}, but TLS fails:"
                message = f"{begin} {failed[0].get('error') or 'no reason given'}."
                fix = "Look at the access list, which ends connections of strangers; and for a firewall or proxy in between."
                yield Finding("fail", host, message, fix, _evidence(failed))


def _probes(facts: ConnectionFacts) -> list[tuple[str, list[_Member]]]:
    """Return each host that has probed, with its results for members."""
    if not facts.selection.probes:
        raise skip("No probes of hosts in this network are given.")
    return [(str(probe.get("host")), list(probe.get("members") or ())) for probe in facts.selection.probes]


def _is_inside(member: _Member, facts: ConnectionFacts) -> bool:
    """Whether all addresses of a member are in containers that are connected with the network; a cluster may span several."""
    blocks = [atlas_block_of(facts)]
    if not isinstance(facts.atlas.containers, Missing):
        blocks += [container_block(one) for one in peered_containers(facts)]
    return all(any(_is_in(address, block) for block in blocks) for address in member["addresses"])


def _is_in(address: object, block: ipaddress.IPv4Network) -> bool:
    found = address_in(str(address))
    return found is not None and found in block


def _names(members: t.Iterable[_Member]) -> list[str]:
    return [str(one.get("member")) for one in members]


def _evidence(members: t.Sequence[_Member]) -> dict[str, object]:
    return {"members": [dict(one) for one in members]}
