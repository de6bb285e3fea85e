# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what each task with a tag took, as a line of JSON: from its start to its end, so without Ansible's own start-up."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
import urllib.request
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: measure
type: notification
short_description: Writes what each task with a tag took, as a line of JSON
description: >-
  Appends to the file that MEASURE_FILE names. A task's tag says what it is part of; a second one, C(reset), has the emulator
  reset before the task. That, and the reading of the emulator's record of requests, happen outside of what is measured.
"""


class CallbackModule(CallbackBase):
    """Measures while a playbook runs."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "measure"

    def __init__(self) -> None:
        super().__init__()
        self._tag: str | None = None
        self._started = 0.0
        # The emulator is on this host: a proxy must not get between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Prepare the emulator and start the clock."""
        self._tag = next((tag for tag in task.tags if tag != "reset"), None)
        if self._tag is None:
            return
        if "reset" in task.tags:
            self._control("POST", "reset")
        self._control("DELETE", "requests")
        # The clock that all processes of this host share.
        self._started = time.monotonic()
        self._write(tag=self._tag, started=self._started)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Stop the clock."""
        ended = time.monotonic()
        if self._tag is None:
            return
        requests = json.loads(self._control("GET", "requests"))
        self._write(
            tag=self._tag,
            seconds=ended - self._started,
            ended=ended,
            requests=len(requests),
            connections=len({one["connection"] for one in requests}),
        )

    v2_runner_on_skipped = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the peaks of memory, once the last worker has ended: until then its own does not count."""
        deadline = time.monotonic() + 5
        while multiprocessing.active_children() and time.monotonic() < deadline:
            time.sleep(0.01)
        own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        # Linux counts in KiB.
        self._write(tag="memory", controller=own / 1024, child=children / 1024)

    def _control(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{os.environ['MONGODB_ATLAS_BASE_URL']}/emulator/{path}", method=method)
        with self._opener.open(request, timeout=10) as reply:
            return bytes(reply.read())

    def _write(self, **line: Any) -> None:
        with open(os.environ["MEASURE_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
