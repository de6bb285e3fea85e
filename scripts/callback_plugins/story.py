# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a run of the demo in a few lines, and writes its result as JSON for the demo's own checks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: story
type: stdout
short_description: Shows the tasks that change something, and counts the others
description: Writes the numbers of the recap and the connection in the last result that has one to the file in DEMO_FACTS_FILE.
"""


class CallbackModule(CallbackBase):
    """Prints a line for each task that changes something or fails, and the number of the others."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "story"

    def __init__(self) -> None:
        """Start without a connection."""
        super().__init__()
        self._peer: dict[str, Any] | None = None
        self._unchanged: set[str] = set()
        self._verb = "changed"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Choose the word for a change, which depends on check mode."""
        self._verb = "would change" if play.check_mode else "changed"

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show a task that has changed something, or count it."""
        found, task = result._result, result._task
        for one in found.get("results", [found]):
            # The connections of a list count by the first one.
            self._peer = one.get("vpc_peer") or next(iter(one.get("vpc_peers") or []), None) or self._peer
        if not found.get("changed"):
            self._unchanged.add(task._uuid)
            return
        self._display.display(f"  {self._verb}  {_name(task)}", color="yellow")
        for one in found.get("results", [found]):
            for line in _differences(one.get("diff") or {}):
                self._display.display(f"      {line}")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show why a task has failed."""
        found = result._result
        messages = [one["msg"] for one in found.get("results", [found]) if one.get("failed", True) and "msg" in one]
        for message in messages:
            verb = "ignored" if ignore_errors else "failed"
            self._display.display(f"  {verb}  {_name(result._task)}: {message}", color="red")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show how many tasks had nothing to change; write the totals of all hosts, and the connection."""
        count = len(self._unchanged)
        self._display.display(f"  {count} {'task' if count == 1 else 'tasks'} had nothing to change")
        hosts = [stats.summarize(host) for host in stats.processed]
        totals = {key: sum(host[key] for host in hosts) for key in ("ok", "changed", "failures", "unreachable")}
        Path(os.environ["DEMO_FACTS_FILE"]).write_text(json.dumps({**totals, "vpc_peer": self._peer}), encoding="utf-8")


def _name(task: Any) -> str:
    """Return the name of a task without that of its role."""
    return str(task.get_name().rpartition(" : ")[2])


def _differences(diff: Any) -> Iterator[str]:
    """Yield a line for each field in which the two sides of a diff differ."""
    if isinstance(diff, list):
        for one in diff:
            yield from _differences(one)
        return
    if "prepared" in diff:
        yield diff["prepared"].rstrip()
        return
    name = diff.get("after_header", "")
    before, after = _flat(diff.get("before"), name), _flat(diff.get("after"), name)
    for field in sorted({*before, *after}):
        old, new = before.get(field), after.get(field)
        if old != new:
            yield f"{field}: {new}" if old is None else f"{field}: {old} → {new}"


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the values of a nested structure by their paths."""
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else key, one) for key, one in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{number}]", one) for number, one in enumerate(value)]
    else:
        return {path: value.strip() or None if isinstance(value, str) else value}
    return {name: found for key, one in items for name, found in _flat(one, key).items()}
