# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A saved plan for people, as text and as Markdown: what is removed comes first."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import escaped, table

# The groups in their order, each with its actions.
_GROUPS = {
    "remove": ("delete",),
    "replace": ("recreate", "replace"),
    "change": ("update", "change", "accept", "tag", "untag", "enable"),
    "create": ("create",),
}
# A comment of a pull request holds 65,536 characters in GitHub.
# Source: the error of GitHub's API, "body is too long (maximum is 65536 characters)".
MOST_CHARACTERS = 60000
_EMPTY: tuple[object, ...] = (None, "", [], {})
_WARNINGS = {"remove": "Somebody may lose traffic: check each of these."}
SavedPlan = t.Mapping[str, t.Any]
Row = tuple[str, str, str, str]


class _Group(t.NamedTuple):
    """The changes of one kind, each with its side, what it is about, its network, and its fields."""

    verb: str
    rows: list[Row]

    @property
    def title(self) -> str:
        return f"{len(self.rows)} to {self.verb}"


def to_text(plan: SavedPlan) -> str:
    """Return a plan as text."""
    blocks = [_head(plan)]
    for group in _groups_of(plan):
        lines = [group.title]
        for side, what, network, details in group.rows:
            of = f" of {network}" if network and network not in what else ""
            lines.append(f"  {side}: {what}{of}{f'  ({details})' if details else ''}")
        blocks.append("\n".join(map(visible, lines)))
    return "\n\n".join(blocks) + "\n"


def to_markdown(plan: SavedPlan) -> str:
    """Return a plan as Markdown, as long as a comment of a pull request may be; all texts of the plan are escaped."""
    title, blocks, left = "# The plan", [escaped(_head(plan))], 0
    room = MOST_CHARACTERS - len(blocks[0])
    for group in _groups_of(plan):
        kept: list[tuple[str, ...]] = []
        for row in group.rows:
            cells = (*map(escaped, row),)
            room -= sum(map(len, cells)) + 16
            if room > 0:
                kept.append(cells)
        left += len(group.rows) - len(kept)
        if kept:
            warning = [_WARNINGS[group.verb]] if group.verb in _WARNINGS else []
            blocks += [f"## {group.title}", *warning, table(("where", "what", "network", "fields"), kept)]
    if left:
        blocks.append(f"{left} more {'is' if left == 1 else 'are'} in the file, and not here.")
    return "\n\n".join((title, *blocks)) + "\n"


def _head(plan: SavedPlan) -> str:
    project, moment = plan["project"], plan["time"]
    name = f" ({project['name']})" if project.get("name") else ""
    where = f" for project {project['id']}{name}" if project.get("id") else ""
    counts = ", ".join(group.title for group in _groups_of(plan)) or "nothing to do"
    return visible(f"Plan of {plan['module']}{where}, made at {moment[:10]} {moment[11:16]} UTC: {counts}.")


def _groups_of(plan: SavedPlan) -> list[_Group]:
    """Return the changes in groups, in their order; empty ones are left out."""
    found = {verb: _Group(verb, []) for verb in _GROUPS}
    for one in plan["changes"]:
        # What is not known here must not be overlooked.
        verb = next((verb for verb, actions in _GROUPS.items() if one["action"] in actions), "remove")
        action = "" if one["action"] in (*_GROUPS, "delete", "update", "recreate") else f"{one['action']} "
        what = f"{action}{one['kind']} {one['name']}"
        found[verb].rows.append((one["side"], what, one["network"], _fields_of(one)))
    return [group for group in found.values() if group.rows]


def _fields_of(one: t.Mapping[str, t.Any]) -> str:
    """Return what a change does to its fields, in words."""
    before, after = one["before"] or {}, one["after"] or {}
    if not after:
        return ", ".join(f"{name}: {_value(value)}" for name, value in before.items() if value not in _EMPTY)
    unknown = [name for name in one["unknown"] if before.get(name) in _EMPTY]
    changed = [name for name in after if name not in unknown and (name in one["unknown"] or before.get(name) != after[name])]
    new = {name: "known only then" if name in one["unknown"] else _value(after[name]) for name in changed}
    parts = [f"{name}: {f'{_value(before[name])} → ' if name in before else ''}{new[name]}" for name in changed]
    return ", ".join((*parts, *([f"known only then: {', '.join(unknown)}"] if unknown else [])))


def _value(value: t.Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
