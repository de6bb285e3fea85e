# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What connections need in the access list, what removed connections leave there, and what keeps the rest."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._clouds.aws import AWS, same_region, to_cloud_region
from .._clouds.cloud import REGION, Fields, Peer, fields_of
from .._clouds.clouds import block_of, cloud_of, name_of
from .._engine.plan import grouped
from .._entries.parser import PeerEntry, default_comment
from .._http.errors import TaskError, as_option
from .._resources.access_list import AccessEntry, is_name, key_of, spelled
from .._values.blocks import do_overlap, is_part
from .access_list import AccessListState, other_comment
from .path_state import PathState

if t.TYPE_CHECKING:
    from .entry_peers import PeerRemovals

ALL_ADDRESSES = "0.0.0.0/0"
_ACROSS_REGIONS = "AWS knows no security groups across regions. Leave it out: the block is added in its place."
# Why entries stay that nothing explains.
_UNLISTED = (
    "by the comment, {they} of this network ({name}), and in no entry of this list. Remove {them} in Atlas if no other list "
    "needs {them}."
)
_UNMARKED = (
    "{they} within the block of {name}, which is pruned, but the comment does not mark {them}. Remove {them} in Atlas if "
    "nothing else needs {them}."
)


@dataclass
class AccessRule:
    """An entry of the access list that connections need or leave, or that their networks no longer need.

    Attributes:
        entry: The entry, with the comment of the first one.
        owners: The keys of the entries of the list, or the ids of pruned connections, in order.
        comments: The comments that mark it as theirs.
        networks: Their networks, as `network_of` returns them.
    """

    entry: AccessEntry
    owners: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    networks: list[tuple[str, ...]] = field(default_factory=list)


class RuleUser(t.NamedTuple):
    """A connection that stays, or that the task requests for an entry of the list.

    Attributes:
        title: Its name for the user.
        network: Its network.
        blocks: The blocks of its clients; None if they are not known. For a connection of the list that declares what it needs,
            only the blocks that it will not get: the others stay anyway.
        unread: Why the blocks could not be read; empty if they were not asked for.
    """

    title: str
    network: Fields
    blocks: t.Sequence[str] | None
    unread: str = ""

    def needs(self, name: str) -> bool | None:
        """Whether clients of the connection need an entry because of their blocks; None if that is not known."""
        if self.blocks is None:
            # Clients have IPv4 addresses.
            return None if do_overlap(name, ALL_ADDRESSES) else False
        return any(do_overlap(block, name) for block in self.blocks)


class AccessNeeds:
    """What the connections of a list need in the access list, and what they leave there.

    Attributes:
        entries: The entries of the list.
        by_key: The same, by key.
        groups: The entries of each network, which may have a connection in each region.
        is_absent: Whether the task disconnects.
        removals: The connections that the task removes.
    """

    def __init__(self, entries: t.Sequence[PeerEntry], is_absent: bool, removals: PeerRemovals) -> None:
        self.entries, self.is_absent, self.removals = entries, is_absent, removals
        self.by_key = {entry.key: entry for entry in entries}
        self.groups = grouped([(network_of(entry.network), entry) for entry in entries])
        # The entries when the task began, and an index of their names by comment.
        self._first: t.Mapping[str, AccessEntry] = {}
        self._by_comment: dict[str | None, list[str]] = {}

    def wanted(self, state: PathState) -> dict[str, AccessRule]:
        """Return what the connections that have not failed need, by name, in their order."""
        needs: dict[str, AccessRule] = {}
        for entry in () if self.is_absent else self.entries:
            if entry.key not in state.failures:
                self._add(needs, entry, self._subjects(entry, state))
        return needs

    def leftovers(self, state: PathState) -> dict[str, AccessRule]:
        """Return what the connections that the task removes leave, by name, in their order; some of it may stay."""
        needs: dict[str, AccessRule] = {}
        for entry in self.entries if self.is_absent else ():
            self._add(needs, entry, self._subjects(entry, state))
        for group in self.groups.values() if self.is_absent else ():
            marked = self.marked(group, state)
            for entry in group:
                self._add(needs, entry, marked.values())
        for peer in self.removals.pruned:
            fields = fields_of(peer)
            comment, network = default_comment(fields, cloud_of(fields)), network_of(fields)
            for name, listed in access_list_of(state).first.items():
                if listed["comment"] == comment:
                    need = needs.setdefault(name, AccessRule(listed))
                    need.owners.append(peer["id"])
                    need.comments.append(comment)
                    need.networks.append(network)
        return needs

    def candidates(self, state: PathState) -> dict[str, AccessRule]:
        """Return what may be removed, by name: what connections leave, and what networks of the list no longer need."""
        return {**self.leftovers(state), **self.replaced(state)}

    def replaced(self, state: PathState) -> dict[str, AccessRule]:
        """Return what the networks of the list no longer need, by name: with their mark, and wider than what they declare."""
        found: dict[str, AccessRule] = {}
        groups = () if self.is_absent else self.groups.values()
        marked = [(group, name, current) for group in groups for name, current in self.marked(group, state).items()]
        needed = self.asked_for(state) if marked else {}
        # A failed connection may still use what it had.
        failed = {mark for owner in state.failures if owner in self.by_key for mark in self.by_key[owner].marks}
        for group, name, current in marked:
            if name not in needed and current["comment"] not in failed and self._is_wider(name, group, state):
                for entry in group:
                    self._add(found, entry, [current])
        return found

    def asked_for(self, state: PathState) -> dict[str, None]:
        """Return the names of all that the list asks for, in its order, whether a connection has failed or not."""
        entries = () if self.is_absent else self.entries
        return dict.fromkeys(name for entry in entries for name in self.names(entry, state))

    def names(self, entry: PeerEntry, state: PathState) -> list[str]:
        """Return the names of what a connection needs."""
        return [str(key_of(subject)) for subject in self._subjects(entry, state)]

    def marked(self, group: t.Sequence[PeerEntry], state: PathState) -> dict[str, AccessEntry]:
        """Return the entries with a mark of a network that were there when the task began, by name."""
        first = access_list_of(state).first
        if self._first is not first:
            self._first, self._by_comment = first, grouped([(entry["comment"], name) for name, entry in first.items()])
        marks = dict.fromkeys([mark for entry in group for mark in entry.marks])
        return {name: first[name] for mark in marks for name in self._by_comment.get(mark, ()) if is_name(name)}

    def missing(self, entry: PeerEntry, state: PathState) -> t.Sequence[str] | None:
        """Return the blocks that a failed entry declares and will not get; empty if it has not failed, None if it has none."""
        names = self.names(entry, state)
        if not names:
            return None
        return [name for name in names if name not in access_list_of(state).listed] if entry.key in state.failures else ()

    def groups_elsewhere(self, added: t.Iterable[AccessRule], state: PathState) -> t.Iterator[tuple[str, TaskError]]:
        """Yield the entries whose new security group is in another region than Atlas's network, each with the error.

        Source: "Update your security groups to reference peer security groups" in Amazon's VPC peering guide.
        """
        for rule in (one for one in added if one.entry["aws_security_group"]):
            entries = [self.by_key[owner] for owner in rule.owners]
            places = [(entry.region or "", state.container_of.get(entry.key, {}).get(REGION) or "") for entry in entries]
            if all(region and there and not same_region(region, there) for region, there in places):
                for entry, (region, there) in zip(entries, places):
                    text = f"{as_option('aws_security_group')} is in {region}, the network container in {to_cloud_region(there)}."
                    yield entry.key, entry.named(TaskError(text, hint=_ACROSS_REGIONS))

    def _is_wider(self, name: str, group: t.Sequence[PeerEntry], state: PathState) -> bool:
        """Whether an entry covers all that a network declares: its blocks, or a group of a VPC with addresses there."""
        declared = [[*self._subjects(entry, state)] for entry in group]
        subjects = [subject for own in declared for subject in own]
        if all(declared) and all(is_part(subject["cidr_block"], name) for subject in subjects):
            return True
        has_group = any(subject["aws_security_group"] is not None for subject in subjects)
        return has_group and any(do_overlap(block, name) for entry in group for block in self._network_blocks(entry, state))

    def _network_blocks(self, entry: PeerEntry, state: PathState) -> t.Iterator[str]:
        """Yield the blocks of a VPC, as far as they are known: those in AWS, in the entry, and in Atlas."""
        peer = state.peer_of(entry.key)
        in_atlas = None if peer is None else block_of(fields_of(peer))
        yield from (*state.vpc_blocks_of(entry.key), *entry.blocks, *(() if in_atlas is None else (in_atlas,)))

    def _add(self, needs: dict[str, AccessRule], entry: PeerEntry, subjects: t.Iterable[AccessEntry]) -> None:
        network = network_of(entry.network)
        for subject in subjects:
            need = needs.setdefault(str(key_of(subject)), AccessRule(subject))
            need.owners.append(entry.key)
            need.comments.extend(entry.marks)
            need.networks.append(network)

    def _subjects(self, entry: PeerEntry, state: PathState) -> t.Iterator[AccessEntry]:
        """Yield what a connection needs in the access list; nothing if the blocks of its clients are not known."""
        group = entry.params["aws_security_group"]
        unset: AccessEntry = {
            "cidr_block": None,
            "ip_address": None,
            "aws_security_group": None,
            "comment": entry.comment,
            "delete_after_date": None,
        }
        if group is not None:
            yield {**unset, "aws_security_group": spelled(group, access_list_of(state).listed)}
            return
        for block in entry.blocks or self._known_blocks(entry, state):
            yield {**unset, "cidr_block": block}

    def _known_blocks(self, entry: PeerEntry, state: PathState) -> t.Sequence[str]:
        """Return the client blocks of an entry that does not set them: from the cloud or, for a removal, from Atlas."""
        access = state.azure.get(entry.key)
        if access is not None:
            return () if access.vnet is None else access.vnet.prefixes
        if self.is_absent:
            own = state.peers.entries.get(entry.key)
            seen = [
                *(() if own is None else (own.peer, *own.dying)),
                *(peer for owner, peer in self.removals.peers.values() if owner == entry.key),
            ]
            blocks = [block_of(fields_of(peer)) for peer in seen if peer is not None]
            return [block for block in blocks if block is not None][:1]
        known = state.vpc_blocks_of(entry.key)
        return known if len(known) == 1 else ()

    def replacements(self, names: t.Container[str], state: PathState) -> dict[str, None]:
        """Return what the list declares in place of the wide entries in `names`, by name."""
        found = (need.owners for name, need in self.replaced(state).items() if name in names)
        owners = dict.fromkeys(owner for own in found for owner in own)
        return dict.fromkeys(name for owner in owners for name in self.names(self.by_key[owner], state))

    def unlisted_marks(self, state: PathState, known: t.Container[str]) -> t.Iterator[tuple[str, str]]:
        """Yield a sentence for each network of the list with marked entries that nothing else explains, and its first entry."""
        for group in () if self.is_absent else self.groups.values():
            names = [name for name in self.marked(group, state) if name in access_list_of(state).listed and name not in known]
            # What has failed may still use them.
            if names and not any(entry.key in state.failures for entry in group):
                yield group[0].key, _to_note(names, _UNLISTED, group[0].name)


class AccessUsers:
    """The connections that stay, and the entries of the access list that they still use.

    Args:
        needs: What the connections of the list need, and leave.

    Attributes:
        others: The connections with clouds that no other chooser reads.
        blocks: The blocks of clients by place, or why they could not be read.
    """

    def __init__(self, needs: AccessNeeds) -> None:
        self._needs = needs
        self.others: tuple[Peer, ...] = ()
        self.blocks: dict[tuple[str, ...], t.Mapping[str, t.Sequence[str]] | str] = {}

    def users(self, state: PathState) -> list[RuleUser]:
        """Return the connections that stay, and those that the task requests for entries of the list."""
        owners = {own.peer["id"]: key for key, own in state.peers.entries.items() if own.peer is not None}
        owners |= {id_: owner for id_, (owner, _peer) in self._needs.removals.peers.items()}
        found = {entry.key: self._needs.missing(entry, state) for entry in self._needs.entries}
        # An entry is a better name than the id of its connection.
        wanted = () if self._needs.is_absent else self._needs.entries
        users = [self._to_user(entry.title, entry.network, found[entry.key]) for entry in wanted]
        for peer in (*state.peers.listed, *self.others):
            cloud, fields, owner = cloud_of(peer), fields_of(peer), owners.get(peer["id"])
            is_leaving = peer["id"] in self._needs.removals.peers and owner not in state.failures
            if not is_leaving and peer["status_name"] not in (cloud.failed, cloud.terminating):
                title = str(fields.get(cloud.accepted_id or "") or peer["id"])
                users.append(self._to_user(title, fields, found.get(owner or "")))
        return users

    def _to_user(self, title: str, network: Fields, declared: t.Sequence[str] | None) -> RuleUser:
        """Return a connection that stays, with what `AccessNeeds.missing` returns for its entry; None without an entry."""
        cloud = cloud_of(network)
        if declared is not None:
            return RuleUser(title, network, declared)
        if cloud.block is not None:
            block = block_of(network)
            return RuleUser(title, network, () if block is None else (block,))
        found = self.blocks.get(place_of(network))
        if found is None or isinstance(found, str):
            return RuleUser(title, network, None, found or "")
        return RuleUser(title, network, found.get(str(network[cloud.network]).lower(), ()))

    def to_remove(self, state: PathState, *, with_unread: bool = False) -> dict[str, AccessRule]:
        """Return what the connections leave that is ours and that nothing needs.

        Args:
            state: The state.
            with_unread: Whether to count what may prove to be unneeded once its users are read.
        """
        kept, _foreign = self.reasons_to_keep(state, with_unread=with_unread)
        return {
            name: need
            for name, need, current in self._candidates(state)
            if name not in kept and current["comment"] in need.comments
        }

    def _candidates(self, state: PathState) -> list[tuple[str, AccessRule, AccessEntry]]:
        """Return what may be removed, unless all its connections have failed: the name, what leaves it, and the entry."""
        candidates, listed = self._needs.candidates(state), access_list_of(state).listed
        needed = self._needs.asked_for(state) if candidates else {}
        left = ((name, need) for name, need in candidates.items() if name in listed and name not in needed)
        return [(name, need, listed[name]) for name, need in left if not state.failures.keys() >= {*need.owners}]

    def reasons_to_keep(self, state: PathState, *, with_unread: bool = False) -> tuple[dict[str, str], set[str]]:
        """Return why entries that connections leave stay, by name, and those with a foreign comment; see `to_remove`."""
        candidates, kept, foreign = self._candidates(state), dict[str, str](), set[str]()
        if not candidates:
            return kept, foreign
        replaced, users = self._needs.replaced(state), self.users(state)
        by_network = {network_of(user.network): user for user in reversed(users)}
        on_aws = next((user for user in users if self._needs.is_absent and cloud_of(user.network) is AWS), None)
        # What those of this list need is known.
        others = [user.network for network, user in by_network.items() if network not in self._needs.groups]
        by_comment = grouped([(_default_comment_of(network), network) for network in others])
        users = [user for user in users if user.blocks is None or user.blocks]
        for name, need, current in candidates:
            answers = [(user, user.needs(name)) for user in users]
            # What replaces an entry is in the list: its network declares it.
            networks = () if name in replaced else need.networks
            of_same_network = (by_network[network] for network in networks if network in by_network)
            user = next(iter((*of_same_network, *(user for user, is_needed in answers if is_needed))), None)
            unclear = next((user for user, is_needed in answers if is_needed is None and (user.unread or not with_unread)), None)
            same = by_comment.get(str(current["comment"]).casefold(), ())
            alike = next((one for one in same if network_of(one) not in need.networks), None)
            failed = next((owner for owner in need.owners if owner in state.failures), None)
            if user is not None:
                kept[name] = f"{name} stays in the access list, because {user.title} still uses it."
            elif failed is not None:
                title = self._needs.by_key[failed].title if failed in self._needs.by_key else failed
                kept[name] = f"{name} stays in the access list, because {title} has failed and still uses it."
            elif current["comment"] not in need.comments:
                if self._needs.is_absent:
                    kept[name] = other_comment(name, current, need.comments[0])
                    foreign.add(name)
            elif on_aws is not None and current["aws_security_group"] and self._is_shared(name, current, state):
                kept[name] = f"{name} stays in the access list, because {on_aws.title} may use it."
            elif alike is not None:
                kept[name] = (
                    f"{name} stays in the access list, because {name_of(alike)} may use it: its entries have the same comment by "
                    "default. Remove it in Atlas if no client there needs it."
                )
            elif unclear is not None:
                kept[name] = _may_need(name, unclear)
        return kept, foreign

    def unmarked(self, state: PathState, known: t.Container[str]) -> t.Iterator[tuple[str, str]]:
        """Yield a sentence for each pruned connection with unmarked entries in its block that nothing needs, and its id."""
        pruned = self._needs.removals.pruned
        users = self.users(state) if pruned else []
        for peer, fields in zip(pruned, map(fields_of, pruned)):
            inside = [name for name in access_list_of(state).listed if is_part(name, block_of(fields)) and name not in known]
            names = [name for name in inside if not any(user.needs(name) for user in users)]
            if names:
                yield peer["id"], _to_note(names, _UNMARKED, name_of(fields))

    def _is_shared(self, name: str, current: AccessEntry, state: PathState) -> bool:
        """Whether only a comment that other networks may have, too, marks an entry as one of the list."""
        needs, comment = self._needs, str(current["comment"]).casefold()
        return not any(name in needs.names(one, state) or _default_comment_of(one.network) == comment for one in needs.entries)


def access_list_of(state: PathState) -> AccessListState:
    """Return the access list of a state, which is set wherever the task does this half."""
    return t.cast(AccessListState, state.access)


def network_of(fields: Fields) -> tuple[str, ...]:
    """Return what all connections of one network have in common; see `Cloud.is_same_network`."""
    cloud = cloud_of(fields)
    values = [str(fields[name]) for name in cloud.network_identity]
    return (cloud.name, *(map(str.casefold, values) if cloud.ignores_case else values))


def place_of(network: Fields) -> tuple[str, ...]:
    """Return what one request reads: a VNet, or a project of GCP."""
    cloud = cloud_of(network)
    names = (cloud.owner,) if cloud.has_one_container else cloud.names
    return (cloud.name, *(str(network[name]).lower() for name in names))


def _default_comment_of(network: Fields) -> str:
    """Return the comment that entries for a network have by default, in lower case: it may leave out the owner, and be cut."""
    return default_comment(network, cloud_of(network)).casefold()


def _may_need(name: str, user: RuleUser) -> str:
    """Return why an entry that a connection may need stays, and what would free it."""
    cloud, owner = cloud_of(user.network), user.network[cloud_of(user.network).owner]
    why = f": {user.unread}" if user.unread else "."
    return (
        f"{name} stays in the access list, because {name_of(user.network)} may need it, and the blocks of its clients are not "
        f"known{why} With credentials that may read the {cloud.noun} in {cloud.owner_noun} {owner}, the task finds out whether "
        "it does. Or remove the entry in Atlas if no client there needs it."
    )


def _to_note(names: t.Sequence[str], why: str, name: str) -> str:
    """Return a sentence on entries of the access list that stay."""
    stay, they, them = ("stays", "it is", "it") if len(names) == 1 else ("stay", "they are", "them")
    return f"{', '.join(names)} {stay} in the access list: {why.format(they=they, them=them, name=name)}"
