"""Writes what each task with a tag took, as a line of JSON: from its start to its end, so without Ansible's own start-up."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: measure
type: notification
short_description: Writes what each task with a tag took, as a line of JSON
description: >-
  Appends to the file that MEASURE_FILE names. A task's tag says what it is part of; a second one, C(reset), has the emulator
  reset before the task. Of the tasks of a role, those of this collection's modules count by their names, and the others
  together. A task ends when it has ended on its last host. The reset, and the reading of the emulator's record of requests,
  happen outside of what is measured. MEASURE_URL is where the emulator is controlled, MEASURE_CA a file with the authority that
  vouches for it, if it speaks HTTPS.
"""


OWN = "cloudpeer.atlas."


def _step(task: Any) -> str:
    """Return what a task of a role is measured as."""
    return str(task.name) if task.action.startswith(OWN) else "tasks that call no cloud"


def _wait_for_children() -> None:
    """Wait until the workers have ended: what they have used does not count before."""
    deadline = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)


def _processor_of_children() -> float:
    """Return the seconds of processor time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class CallbackModule(CallbackBase):
    """Measures while a playbook runs."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "measure"

    def __init__(self) -> None:
        super().__init__()
        self._tag: str | None = None
        self._started = 0.0
        self._ended: float | None = None
        self._processor = 0.0
        # The emulator is on this host: a proxy must not get between.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if os.environ.get("MEASURE_CA"):
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=os.environ["MEASURE_CA"])))
        self._opener = urllib.request.build_opener(*handlers)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Prepare the emulator and start the clock."""
        self._write_last()
        self._tag = _step(task) if task._role else next((tag for tag in task.tags if tag != "reset"), None)
        if self._tag is None:
            return
        self._processor = _processor_of_children()
        if "reset" in task.tags:
            self._control("POST", "reset")
        self._control("DELETE", "requests")
        # The clock that all processes of this host share.
        self._started = time.monotonic()
        self._write(tag=self._tag, started=self._started)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Stop the clock, for now."""
        self._ended = time.monotonic()

    v2_runner_on_skipped = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the peaks of memory, once the last worker has ended: until then its own does not count."""
        self._write_last()
        _wait_for_children()
        # Linux counts in KiB. What it says of resources counts the program that has started this one, too.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        own = int(status.partition("VmHWM:")[2].split()[0])
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self._write(tag="memory", controller=own / 1024, child=children / 1024)

    def _write_last(self) -> None:
        """Write what the last task took, now that it has ended on all hosts."""
        if self._tag is not None and self._ended is not None:
            requests = json.loads(self._control("GET", "requests"))
            _wait_for_children()
            self._write(
                tag=self._tag,
                seconds=self._ended - self._started,
                processor=_processor_of_children() - self._processor,
                ended=self._ended,
                requests=len(requests),
                challenges=sum(one["status"] == 401 for one in requests),
                connections=len({one["connection"] for one in requests}),
            )
        self._tag = self._ended = None

    def _control(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{os.environ['MEASURE_URL']}/emulator/{path}", method=method)
        with self._opener.open(request, timeout=10) as reply:
            return bytes(reply.read())

    def _write(self, **line: Any) -> None:
        with open(os.environ["MEASURE_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
