"""Writes the result of every task as a line of JSON, so that the tests need not read text made for people."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Writes the result of every task as a line of JSON
description: Appends to the file that RECORD_FILE names; items of loops get a line each.
"""


class CallbackModule(CallbackBase):
    """Records while a playbook runs."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def _record(self, verdict: str, result: Any, *unused: Any, **also_unused: Any) -> None:
        task, host = result._task, result._host
        line = {
            "verdict": verdict,
            "task": task.get_name(),
            "action": task.action,
            "host": host.get_name(),
            "result": result._result,
        }
        with open(os.environ["RECORD_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Record a success."""
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Record a failure."""
        self._record("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Record a task that was skipped."""
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Record a host that could not be reached."""
        self._record("unreachable", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Record an item of a loop."""
        self._record("item ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Record an item of a loop that failed."""
        self._record("item failed", result)
