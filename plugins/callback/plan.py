# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what each task of the collection changes, beside any callback for standard output."""

from __future__ import annotations

DOCUMENTATION = r"""
name: plan
type: aggregate
short_description: Show what each task of the collection changes, and its requests
version_added: 2.5.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Shows a line for each task of the collection, and for each item of a loop that changes something. It says whether the task has
    changed something, or in check mode would, and how many requests it has sent, of which how many may change something. All
    attempts of C(until) count. With C(no_log), Ansible hides the requests.
  - Below the line stand the plan of a task on a list, where the task has not shown it itself, and with C(--diff) a table of the
    connections that are new, and each field that changes.
  - At the end, it adds up tasks and requests.
  - It writes to standard error, so it works beside any callback for standard output.
requirements:
  - Enable it with C(callbacks_enabled = cloudpeer.atlas.plan) in C(ansible.cfg), or with the environment variable
    C(ANSIBLE_CALLBACKS_ENABLED).
"""

import typing as t
from collections import Counter

from ansible.plugins.callback import CallbackBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import block_of, cloud_of, name_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import in_words
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible

COLLECTION = "cloudpeer.atlas"
_COLUMNS = ("new", "provider", "block", "region", "and")


class CallbackModule(CallbackBase):
    """Prints a line for each task of the collection, and the totals at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = f"{COLLECTION}.plan"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Start with no task."""
        super().__init__(*args, **kwargs)
        self._tasks: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()
        # The results of attempts that `until` has not ended with, by host and task.
        self._attempts: dict[tuple[str, str], list[t.Mapping[str, t.Any]]] = {}
        self._hosts, self._is_hidden = 1, False

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Learn whether lines have to name their host."""
        self._hosts = len(play.get_variable_manager()._inventory.get_hosts(play.hosts))

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Show a task that has succeeded."""
        self._show(result, "")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Show a task that has failed."""
        self._show(result, "ignored" if ignore_errors else "failed")

    def v2_runner_retry(self, result: t.Any) -> None:
        """Keep the result of an attempt, after which there is another one."""
        if _is_ours(result._task):
            self._attempts.setdefault(_key_of(result), []).append(result._result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Show the totals."""
        if self._tasks:
            counts = ", ".join(f"{count} {verb}" for verb, count in sorted(self._tasks.items()))
            self._print(f"{COLLECTION}: {counts}; {_in_words(self._requests, is_hidden=self._is_hidden)}")

    def _show(self, result: t.Any, failure: str) -> None:
        task, found = result._task, result._result
        if not _is_ours(task):
            return
        attempts = self._attempts.pop(_key_of(result), [])
        items = found["results"] if isinstance(found.get("results"), list) else [found]
        changed = "would change" if task.check_mode else "changed"
        requests: Counter[str] = Counter()
        for item in (*attempts, *items):
            requests.update(item.get("requests") or {})
        is_hidden = any("censored" in item for item in (*attempts, *items))
        verb = failure or (changed if any(one.get("changed") for one in (*attempts, found)) else "ok")
        self._tasks[verb] += 1
        self._requests += requests
        self._is_hidden |= is_hidden
        name = str(task.get_name().rpartition(" : ")[2])
        host = f" [{result._host.get_name()}]" if self._hosts > 1 else ""
        self._print(f"{verb:<12} {name}{host} ({_in_words(requests, is_hidden=is_hidden)})", verb)
        for number, item in enumerate((*attempts, *items)):
            is_item = item is not found and number >= len(attempts)
            if is_item and (item.get("changed") or item.get("failed")):
                self._print(f"  {'failed' if item.get('failed') else changed} {self._get_item_label(item)}")
            for line in _differences(item, with_plan=not task.check_mode):
                self._print(f"    {line}")

    def _print(self, line: str, verb: str = "") -> None:
        colors = {"failed": "red", "changed": "yellow", "would change": "yellow", "ok": "green"}
        # Comments and replies come from other people.
        self._display.display(visible(line.rstrip()), color=colors.get(verb), stderr=True)


def _is_ours(task: t.Any) -> bool:
    return str(getattr(task, "resolved_action", "") or task.action).startswith(f"{COLLECTION}.")


def _key_of(result: t.Any) -> tuple[str, str]:
    return str(result._host.get_name()), str(result._task._uuid)


def _in_words(requests: t.Mapping[str, int], *, is_hidden: bool) -> str:
    """Return counts of requests as people say them, such as `3 requests, 1 of which may change something`.

    Args:
        requests: The counts.
        is_hidden: Whether there may be more, which `no_log` hides.
    """
    sent, writes = requests.get("sent", 0), requests.get("writes", 0)
    if is_hidden and not sent:
        return "requests hidden"
    text = f"{'at least ' if is_hidden else ''}{sent} request{'' if sent == 1 else 's'}"
    return f"{text}, {writes} of which may change something" if writes else text


def _differences(item: t.Mapping[str, t.Any], *, with_plan: bool) -> t.Iterator[str]:
    """Yield the plan of a result, and with a diff a line for each field in which its two sides differ.

    Args:
        item: The result of a task, or of one item of its loop.
        with_plan: False where the task has shown its plan itself. What it has done, it shows itself, too.
    """
    compared = item.get("diff") or []
    summary = item.get("summary")
    plan, done = (summary.get("plan"), summary.get("done")) if isinstance(summary, dict) else (None, None)
    if plan and with_plan and not done:
        yield str(plan)
    # Of a task that has failed, the result has less than a row needs; the diff has it all.
    rows = [*_new_connections(item)] if compared and not item.get("failed") else []
    yield from _to_table([_COLUMNS, *rows]) if rows else ()
    names = [f"/{row[0]}" for row in rows]
    for one in compared if isinstance(compared, list) else [compared]:
        header = one.get("after_header") or one.get("before_header") or ""
        network = header.removesuffix(" (create)").rpartition(" ")[2]
        if not one.get("before") and any(name.endswith(f"/{network}") for name in names):
            # It is in the table.
            continue
        before, after = _flat(one.get("before"), header), _flat(one.get("after"), header)
        for field in sorted({*before, *after}):
            old, new = before.get(field), after.get(field)
            if isinstance(one.get("after"), str) and "\n" in f"{old}{new}":
                there, made = ((text or "").splitlines() for text in (old, new))
                starts = [tuple(f"{line.partition(': ')[0]}{end}" for end in " :") for line in there]
                gone = [line for line, start in zip(there, starts) if not any(other.startswith(start) for other in made)]
                yield from (f"{field}: {line} → gone" for line in gone)
                yield from (f"{field}: {line}" for line in made if line not in there)
            elif old != new:
                yield f"{field}: {new}" if old is None else f"{field}: {old} → {'gone' if new is None else new}"


def _new_connections(item: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, ...]]:
    """Yield a row of the table for each connection of a list that the task requests."""
    peering = item.get("peering")
    for entry in peering["connections"] if isinstance(peering, dict) else ():
        counts = Counter((one["action"], one["kind"]) for one in entry.get("actions", ()))
        if counts.pop(("create", "connection"), 0):
            done = ", ".join(in_words(action, kind, number=number) for (action, kind), number in counts.items())
            yield _to_row({**entry, **(entry["vpc_peer"] or {})}, done)
    peers = item.get("vpc_peers")
    if isinstance(peers, list):
        created = [one for one in item.get("actions") or () if one["action"] == "create"]
        yield from (_to_row(peers[one["index"]], "") for one in created)


def _to_row(connection: t.Mapping[str, object], done: str) -> tuple[str, ...]:
    """Return the row of a connection, and of what else is done for it."""
    fields = {name: value for name, value in connection.items() if value is not None}
    cloud = cloud_of(fields)
    return name_of(fields), cloud.name, block_of(fields) or "", str(fields.get(cloud.region or "") or ""), done


def _to_table(rows: t.Sequence[t.Sequence[str]]) -> t.Iterator[str]:
    """Yield the lines of a table, without columns that are empty."""
    columns = [column for column in zip(*rows) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns):
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()


def _flat(value: t.Any, path: str = "") -> dict[str, t.Any]:
    """Return the values of a nested structure by their paths."""
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else str(key), one) for key, one in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{number}]", one) for number, one in enumerate(value)]
    else:
        return {path: value.strip() or None if isinstance(value, str) else value}
    return {name: found for key, one in items for name, found in _flat(one, key).items()}
