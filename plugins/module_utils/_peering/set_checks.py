# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only a whole list can tell: blocks that overlap, entries that mean the same, limits. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._clouds.cloud import KINDS, Peer, Provider, cloud_of, fields_of, for_pending, is_leaving, is_pending, provider_of
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.prune import check_ceiling
from .._http.errors import AtlasError
from .._values.limits import MOST_PEERS, MOST_PENDING
from .containers import ContainerChoice
from .entries import Entry
from .order import find_cycle
from .preflight import check_overlaps, check_twins
from .set_state import PeerSetState

Refusals = dict[str, AtlasError]
# What tells connections apart within a network container, in words.
_IDENTITIES = {
    "AWS": "the AWS account and the VPC",
    "AZURE": "the subscription and the VNet",
    "GCP": "the project and the network",
}


@dataclass
class Draft:
    """What the entries come to before the list as a whole is looked at.

    Attributes:
        entries: The entries.
        plans: The plans of those that can be done, by key.
        final: The connection that each of these will have, by key.
        refusals: Why an entry cannot be done, by key.
        failures: What has failed already, by key.
        going: The connections to remove, since the list does not declare them.
    """

    entries: t.Sequence[Entry]
    plans: dict[str, Plan] = field(default_factory=dict)
    final: dict[str, Peer] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=dict)
    failures: Refusals = field(default_factory=dict)
    going: list[Peer] = field(default_factory=list)


def find_refusals(
    draft: Draft,
    changes: t.Sequence[Change],
    steps: t.Sequence[Step],
    state: PeerSetState,
    choices: t.Mapping[str, ContainerChoice],
    params: Parameters,
) -> Refusals:
    """Return all that keeps a list from being done, by the keys of entries, and by other keys for the list as a whole."""
    whole = {"limit": _above_limit(draft, changes, state), "ceiling": _above_ceiling(changes, params)}
    return {
        **{key: error for key, error in whole.items() if error is not None},
        **_duplicates(draft),
        **_cycles(steps),
        **_overlaps(draft, state, choices),
        **draft.refusals,
    }


def warn_of_pending(changes: t.Sequence[Change], state: PeerSetState) -> tuple[str, ...]:
    """Return a warning if more connections will be pending than Atlas takes: it is no refusal, since acceptance makes room."""
    going = {change.before["id"] for change in changes if change.action in ("delete", "recreate") and change.before}
    present = [peer for peer in state.listed if is_pending(peer) and peer["id"] not in going]
    created = [t.cast("Peer", change.after) for change in changes if change.action in ("create", "recreate")]
    pending = [*present, *created]
    if not created or len(pending) <= MOST_PENDING:
        return ()
    some = for_pending(pending, "Have them accepted in AWS", "Have them completed in")
    first = "accept" if some.endswith("accepted in AWS") else "complete"
    return (
        f"{len(pending)} VPC peering connections would be pending, and Atlas allows {MOST_PENDING}. {some} while the task waits "
        f"(wait: true), or {first} the first ones and run the task again.",
    )


def _overlaps(draft: Draft, state: PeerSetState, choices: t.Mapping[str, ContainerChoice]) -> Refusals:
    """Check the blocks of what is created or changed, and of its container; of two such entries, the later one is at fault."""
    changed = [entry for entry in draft.entries if entry.key in draft.plans and draft.plans[entry.key].changes]
    own = {peer["id"] for entry in changed if (peer := state.entries[entry.key].peer) is not None}
    leaving = own | {peer["id"] for peer in draft.going}
    neighbours = [peer for peer in state.listed if peer["id"] not in leaving]
    refusals: Refusals = {}
    for entry in changed:
        final = draft.final[entry.key]
        try:
            others = _with(entry.provider, neighbours)
            check_overlaps(entry.provider, fields_of(final), None, others)
            check_twins(choices[entry.key], fields_of(final), others)
        except AtlasError as error:
            refusals[entry.key] = entry.named(error)
        # Without an id, it is known by its entry.
        neighbours.append({**final, "id": final["id"] or entry.key})
    return refusals


def _with(provider: Provider, peers: t.Iterable[Peer]) -> list[Peer]:
    return [peer for peer in peers if provider_of(peer) is provider]


def _cycles(steps: t.Iterable[Step]) -> Refusals:
    cycle = find_cycle(steps)
    keys = [step.keys[0] for step in cycle]
    refusals: Refusals = {}
    for step in cycle:
        others = " and ".join(key for key in keys if key != step.keys[0])
        refusals[step.keys[0]] = AtlasError(
            f"{step.keys[0]}.route_table_cidr_block {step.request.fields['route_table_cidr_block']} is not free before {others} "
            "has changed, which waits for this entry in turn.",
            hint="Give one of them a block that is free, and run the task again with the blocks that you want.",
        )
    return refusals


def _duplicates(draft: Draft) -> Refusals:
    """Find the entries that mean the same connection as one before, or may mean it."""
    refusals: Refusals = {}
    for entry in draft.entries:
        for before in draft.entries[: entry.index]:
            hint = _same_container(entry, before, draft) if entry.identity == before.identity else ""
            if hint:
                text = f"it has {_IDENTITIES[entry.provider.name]} of {before.key}."
                refusals[entry.key] = entry.named(AtlasError(text, hint=hint))
                break
    return refusals


def _same_container(entry: Entry, before: Entry, draft: Draft) -> str:
    """Return what to do about two entries of a network that have, or may have, the same container; empty if they do not."""
    if KINDS[entry.provider.name].is_one_a_project:
        return f"Declare it once: a project has one network container on {entry.provider.name}."
    if entry.container is None or before.container is None:
        return "Declare it once, or set container_id or container_region_name in both."
    ids = {draft.final[one.key]["container_id"] if one.key in draft.final else one.key for one in (entry, before)}
    is_same = entry.container == before.container or len(ids) == 1
    return "Both have the same network container: declare it once." if is_same else ""


def _above_limit(draft: Draft, changes: t.Iterable[Change], state: PeerSetState) -> AtlasError | None:
    """Check that a project holds all connections; only creations make them more."""
    created = sum(change.action == "create" for change in changes)
    going = {peer["id"] for peer in draft.going}
    staying = sum(peer["id"] not in going and not is_leaving(peer) for peer in state.listed)
    if not created or staying + created <= MOST_PEERS:
        return None
    return AtlasError(
        f"The project would have {staying + created} VPC peering connections ({staying} that stay, and {created} new ones), and "
        f"Atlas allows {MOST_PEERS}.",
        hint="Take connections that are no longer needed out of the list, or remove them from the project.",
    )


def _above_ceiling(changes: t.Iterable[Change], params: Parameters) -> AtlasError | None:
    removals = [
        f"VPC peering connection {change.before['id']} ({cloud_of(change.before).describe(change.before)})"
        for change in changes
        if change.action in ("delete", "recreate") and change.before is not None
    ]
    return check_ceiling(params, removals)
