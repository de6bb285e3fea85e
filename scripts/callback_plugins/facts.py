# Copyright (c) The cloudpeer.atlas maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves the output of the demo to the callback of the collection, and writes its result as JSON for the demo's own checks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: facts
type: stdout
short_description: Shows why tasks fail, and writes what the demo checks
description:
  - Writes the numbers of the recap, the connection in the last result that has one, and what a check has found, to the file in
    DEMO_FACTS_FILE.
"""


class CallbackModule(CallbackBase):
    """Prints nothing but failures."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "facts"

    def __init__(self) -> None:
        """Start without a connection."""
        super().__init__()
        self._peer: dict[str, Any] | None = None
        self._check: dict[str, Any] | None = None

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep the connection, and what a check has found."""
        found = result._result
        self._check = found.get("peering_check") or self._check
        for one in found.get("results", [found]):
            # The connections of a list count by the first one.
            listed = one.get("vpc_peers") or [
                both.get("vpc_peer") for both in (one.get("peering") or {}).get("connections") or []
            ]
            self._peer = one.get("vpc_peer") or next(iter(listed), None) or self._peer

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show why a task has failed. A check has said it already."""
        if not ignore_errors and self._check is None:
            self._display.display(f"{result._task.get_name()}: {result._result.get('msg')}", color="red")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the totals of all hosts, and the connection."""
        hosts = [stats.summarize(host) for host in stats.processed]
        totals = {key: sum(host[key] for host in hosts) for key in ("ok", "changed", "failures", "unreachable")}
        kept = {"vpc_peer": self._peer, "peering_check": self._check}
        Path(os.environ["DEMO_FACTS_FILE"]).write_text(json.dumps({**totals, **kept}), encoding="utf-8")
