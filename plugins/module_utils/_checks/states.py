# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the state of a connection means that is not AVAILABLE, and that there is none, on all clouds. Pure."""

from __future__ import annotations

import datetime
import typing as t

from .._clouds.checked import AWS
from .._values.limits import PENDING_LIFE
from .._values.moments import created_at
from .cluster_facts import peers_of_network
from .facts import AtlasObject, Facts, Missing, Unread, known
from .gcp import mirror_advice
from .wording import listed, span_text

_WAIT = "Wait, and check again: Atlas goes on by itself."


def describe_missing(facts: Facts) -> tuple[str, str]:
    """Return that Atlas has no such connection, and what to do; others with the network mean that the entry is wrong."""
    entry, cloud, containers = facts.entry, facts.entry.cloud, facts.atlas.containers
    owner, wanted, others = getattr(entry, cloud.owner), entry.container_region, peers_of_network(facts)
    owners = sorted({str(peer[cloud.owner]) for peer in _namesakes(facts)})
    if owner is not None and owners and not any(cloud.is_same(owner, one) for one in owners):
        message = f"Atlas has a connection with {entry.title} of {cloud.owner_noun} {listed(owners)}, not of {cloud.owner_noun}"
        why = "a VPC belongs to one account" if cloud is AWS else "or request a connection with this one"
        return f"{message} {owner}.", f"Correct {cloud.owner} of the connection{':' if cloud is AWS else ','} {why}."
    if others and wanted is not None and cloud.to_atlas is not None and not isinstance(containers, (Missing, Unread)):
        ids = {peer["container_id"] for peer in others}
        regions = listed(sorted({str(one["region_name"]) for one in containers if one["id"] in ids}))
        there = f"to network containers in {regions}, and none to one in {cloud.to_atlas(wanted)}"
        return (
            f"Atlas has connections with {entry.title} {there}.",
            "Correct container_region, or request one with the container there.",
        )
    where = "" if cloud is AWS else f" of {cloud.owner_noun} {owner}"
    return f"Atlas has no connection with {entry.title}{where}.", "Request it: atlas_vpc_peer, or the role, with state: present."


def _namesakes(facts: Facts) -> list[AtlasObject]:
    """Return the connections with a network of the same name or id, whoever owns it."""
    cloud = facts.entry.cloud
    if cloud is AWS:
        return peers_of_network(facts)
    return [one for one in known(facts.atlas.peers) if cloud.is_same(one[cloud.network], facts.entry.network)]


def describe_state(peer: AtlasObject, facts: Facts) -> tuple[str, str]:
    """Return the state of a connection that is not AVAILABLE, and what to do."""
    status = peer["status_name"]
    requested = created_at(peer["id"])
    # A clock that is wrong tells nothing.
    age = facts.now - requested if requested is not None and requested <= facts.now else None
    if status in _SAID:
        return _SAID[status]
    if status == "WAITING_FOR_USER":
        return _waiting(age), mirror_advice(facts)
    if status == "PENDING_ACCEPTANCE":
        return _pending(peer, age)
    return status + (f"; requested {span_text(age)} ago." if age is not None else "."), _WAIT


_SAID: t.Mapping[str, tuple[str, str]] = {
    "TERMINATING": ("TERMINATING: it is being removed.", "Request a new one when it is gone (state: present)."),
    "DELETING": ("DELETING: it is being removed.", "Request a new one when it is gone (state: present)."),
    "DELETION_FAILED": (
        "DELETION_FAILED: Atlas could not remove it.",
        "Give Atlas's service principal its role on the VNet again, and remove the connection with state: absent.",
    ),
}


def _waiting(age: datetime.timedelta | None) -> str:
    since = f" for {span_text(age)}" if age is not None else ""
    return f"WAITING_FOR_USER{since}: Atlas's half is there, and yours is missing, or Atlas has not seen it yet."


def _pending(peer: AtlasObject, age: datetime.timedelta | None) -> tuple[str, str]:
    name = peer["connection_id"] or "it"
    fix = f"Accept {name} in AWS account {peer['aws_account_id']}: atlas_vpc_peer_accepter, or the role."
    if age is None:
        return "PENDING_ACCEPTANCE.", fix
    left = PENDING_LIFE - age
    rest = f"about {span_text(left)} left" if left.total_seconds() > 0 else "AWS drops it after 7 d"
    return f"PENDING_ACCEPTANCE for {span_text(age)}; {rest}.", fix
