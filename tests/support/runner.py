"""Runs real playbooks with the real ansible-playbook against an emulator, and keeps what they did."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.ansible_process import run_ansible
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.paths import INTEGRATION, ROOT
from coverage import CoverageData
from coverage.exceptions import CoverageException

# The two ways in which a task can run; Ansible's variable chooses.
WAYS = {"in process": "true", "module": "false"}
OURS = "cloudpeer.atlas."
# ansible-core 2.19 keeps the traceback of a failed module, be it an empty one, when failed_when overrules the failure.
BOOKKEEPING = "failed_when_suppressed_exception"
_WARNING = re.compile(r"\[(?:DEPRECATION )?WARNING\]:.*")


@dataclass(frozen=True)
class PlaybookRun:
    """What a run of ansible-playbook did."""

    status: int
    output: str
    records: list[dict[str, Any]]

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results of the collection's own tasks, those of a loop one by one."""
        own = [one for one in self.records if one["action"].startswith(OURS)]
        return [one["result"] for one in own if "results" not in one["result"]]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the collection's only task."""
        assert len(self.results) == 1, self.output
        return self.results[0]

    @property
    def changed(self) -> int:
        """How many tasks have changed something, as the recap counts them."""
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output))

    @property
    def warnings(self) -> list[str]:
        """The warnings in the output."""
        return _WARNING.findall(self.output)


class PlaybookRunner:
    """Runs playbooks in a folder of its own.

    Args:
        folder: Where Ansible's own files and the record go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        source: Path | str,
        emulator: RunningEmulator,
        *options: str,
        way: str | None = "in process",
        status: int = 0,
        measured: bool = False,
        own_process: bool = False,
        **variables: str | None,
    ) -> PlaybookRun:
        """Run a playbook and return what it did.

        Args:
            source: The playbook, as a file or as its text.
            way: How tasks are to run; None leaves that to the playbook.
            status: The exit status it must end with.
            measured: Whether the plugins it runs count as covered, if that is asked for at all.
            own_process: Whether the process itself matters, and not only what it does.
            variables: More of the environment; None leaves one out.
        """
        if isinstance(source, str):
            (self._folder / "playbook.yml").write_text(source, encoding="utf-8")
            source = self._folder / "playbook.yml"
        choice = ["-e", f"atlas_in_process={WAYS[way]}"] if way else []
        if measured and os.environ.get("MEASURE_PLAYBOOKS"):
            # Every Python below reads it when it starts.
            variables["COVERAGE_PROCESS_START"] = str(INTEGRATION / "coveragerc")
            variables["COVERAGE_FILE"] = str(self._folder / "coverage")
        record = self._folder / "record.jsonl"
        record.unlink(missing_ok=True)
        whole = {**environment(self._folder, emulator), "RECORD_FILE": str(record), **variables}
        found = {name: value for name, value in whole.items() if value is not None}
        words = ("playbook", str(source), *choice, *options)
        ended, output = run_ansible(*words, environment=found, cwd=ROOT, own_process=own_process)
        if measured:
            _keep_coverage(self._folder)
        assert ended == status, output
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        return PlaybookRun(ended, output, [json.loads(line) for line in lines])


def _keep_coverage(folder: Path) -> None:
    """Move what was measured to where pytest combines it, but for what is broken: Ansible ends its last worker at once."""
    for file in folder.glob("coverage.*"):
        try:
            CoverageData(str(file)).read()
        except CoverageException:
            file.unlink()
        else:
            shutil.move(file, ROOT / f".{file.name}")


def environment(folder: Path, emulator: RunningEmulator) -> dict[str, str]:
    """Return an environment in which nothing of the user's own is seen, and the emulator is Atlas."""
    settings = folder / "ansible.cfg"
    # Looking for results a thousand times a second, as Ansible does by itself, slows down the playbooks beside this one.
    settings.write_text("[defaults]\ninternal_poll_interval = 0.01\n", encoding="utf-8")
    return {
        **own_environment(),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_HOME": str(folder / "ansible-home"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_CALLBACK_PLUGINS": str(INTEGRATION / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "ANSIBLE_INVENTORY": os.devnull,
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "MONGODB_ATLAS_BASE_URL": emulator.base_url,
        "MONGODB_ATLAS_PROJECT_ID": emulator.settings.group_id,
        "MONGODB_ATLAS_PUBLIC_API_KEY": emulator.settings.public_key,
        "MONGODB_ATLAS_PRIVATE_API_KEY": emulator.settings.private_key,
    }


def plain_interpreter(folder: Path, python: str = sys.executable) -> str:
    """Return a stand-in for a Python at a path without spaces: not all of Ansible quotes the path of an interpreter."""
    stand_in = folder / "python"
    stand_in.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    stand_in.chmod(0o700)
    return str(stand_in)


#: Ids of Atlas and AWS, and the names of Atlas's networks in GCP.
ID = re.compile(
    r"\bnt-[0-9a-f]{24}-[0-9a-z]{8}\b|\bp-[0-9a-z]{24}\b|\b(?:pcx-)?[0-9a-f]{17,24}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)


def comparable(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records without what differs between any two runs: ids, addresses, durations, and Ansible's own private keys.

    How many looks a task takes, and which passing states it sees, is a matter of time as well; there are other tests for that.
    """
    names: dict[str, str] = {}

    def clean(value: Any, key: str = "") -> Any:
        if key in ("api_calls", "created", "elapsed", "expires_at", "first_seen", "requested_at", "requests"):
            return type(value).__name__
        if isinstance(value, dict):
            return {
                clean(name): clean(one, name)
                for name, one in value.items()
                if not name.startswith("_ansible") and name != BOOKKEEPING
            }
        if key == "status_history":
            return type(value).__name__
        if isinstance(value, list):
            return [clean(one, key) for one in value]
        if isinstance(value, str):
            value = re.sub(r"http://127\.0\.0\.1:\d+", "http://emulator", value)
            return re.sub(ID, lambda match: names.setdefault(match.group(), f"<id {len(names)}>"), value)
        return value

    return [clean(one) for one in records]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


class Descendants:
    """The processes that a process has started, and those that they have, in whatever session.

    Args:
        pid: The process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._parents: dict[int, int] = {}
        self._found: set[int] = set()

    def look(self) -> set[int]:
        """Return those that are there now. What was seen before is not looked at again, but for whether it is there."""
        there = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        self._parents = {pid: parent for pid, parent in self._parents.items() if pid in there}
        for pid in there - self._parents.keys():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._parents[pid] = int(fields[1])
        self._found &= there
        new = {self._pid}
        while new:
            known = self._found | {self._pid}
            new = {pid for pid, parent in self._parents.items() if parent in known} - known
            self._found |= new
        return {*self._found}


def is_running(pid: int) -> bool:
    """Tell whether a process is there, and not only waits for its parent to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
