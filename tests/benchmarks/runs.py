"""Playbooks that run against a cloud, and what was measured of them."""

from __future__ import annotations

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .servers import ROOT, Atlas  # isort: skip
from ansible_collections.cloudpeer.atlas.tests.support.runner import environment

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Measurement:
    """What one way of doing something took, in the median of the repeats."""

    seconds: float
    requests: int
    connections: int
    #: Of the processes of the task, in seconds: of Ansible's worker, and of what it starts.
    processor: float = 0.0
    #: How many of the requests only got a challenge.
    challenges: int = 0


@dataclass(frozen=True)
class Trial:
    """One way to do something, with a measurement for each tag in its playbook, and the peaks of memory in MiB."""

    measurements: dict[str, Measurement]
    controller: float
    child: float


@dataclass(frozen=True)
class Play:
    """How a playbook runs.

    Attributes:
        name: That of its file.
        variables: Its variables.
        options: Options that its tasks get in addition, as far as it has defaults for their modules.
        hosts: The hosts of its inventory with their variables; None for localhost without an inventory.
        forks: How many of them at a time.
        environment: More variables of the environment; None leaves one out.
        repeats: How often it runs, in one Ansible.
        is_steady: Whether the numbers of requests and connections have to be the same each time.
        task: The name of its only task, of those in the file; None for all of them.
    """

    name: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, Any]] | None = None
    forks: int = 5
    environment: Mapping[str, str | None] = field(default_factory=dict)
    repeats: int = 1
    is_steady: bool = True
    task: str | None = None


@contextlib.contextmanager
def started(folder: Path, atlas: Atlas, play: Play) -> Iterator[subprocess.Popen[str]]:
    """Run a playbook for the length of a with statement.

    Args:
        folder: Where the files of this run go.
        atlas: What it runs against.
        play: The playbook.
    """
    (folder / "variables.json").write_text(json.dumps(play.variables), encoding="utf-8")
    plays = yaml.safe_load((HERE / "playbooks" / f"{play.name}.yml").read_text(encoding="utf-8"))
    # As they are, and not as templates, which would take time for each item.
    options = {**play.options, **({"ca_path": atlas.ca_path} if atlas.ca_path else {})}
    for one in plays:
        one["tasks"] = [task for task in one["tasks"] if play.task in (None, task["name"])]
        for defaults in one.get("module_defaults", {}).values():
            defaults.update(options)
    (folder / "playbook.json").write_text(json.dumps(plays), encoding="utf-8")
    command = [sys.executable, "-m", "ansible", "playbook", "-e", f"@{folder / 'variables.json'}", "--forks", str(play.forks)]
    if play.hosts is not None:
        inventory = {"all": {"hosts": play.hosts, "vars": {"ansible_connection": "local"}}}
        (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
        command += ["-i", str(folder / "hosts.json")]
    whole = {
        **environment(folder, atlas),  # type: ignore[arg-type] # it has what is read there
        # The token of a service account is kept there.
        "XDG_CACHE_HOME": str(folder / "cache"),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "measure",
        "MEASURE_FILE": str(folder / "measured.jsonl"),
        "MEASURE_URL": atlas.control_url,
        "MEASURE_CA": atlas.ca_path,
        **play.environment,
    }
    with subprocess.Popen(
        command + [str(folder / "playbook.json")] * play.repeats,
        cwd=ROOT,
        env={name: value for name, value in whole.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            # It has ended by then, unless something went wrong here.
            process.terminate()


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """Return what the callback plugin has written by now."""
    file = folder / "measured.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def run(atlas: Atlas, play: Play) -> Trial:
    """Run a playbook, and return the medians of what its tasks took."""
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
        with started(Path(folder), atlas, play) as process:
            output = process.communicate()[0]
        assert process.returncode == 0, output
        lines = read_lines(Path(folder))
    memory = next(line for line in reversed(lines) if line["tag"] == "memory")
    ended = [line for line in lines if "ended" in line]
    # A tag may span several tasks, which follow each other in each repeat.
    tags = {tag: [line for line in ended if line["tag"] == tag] for tag in dict.fromkeys(line["tag"] for line in ended)}
    measurements = {}
    for tag, found in tags.items():
        size = len(found) // play.repeats
        groups = [found[start : start + size] for start in range(0, len(found), size)]
        sums = {
            key: [sum(one[key] for one in group) for group in groups]
            for key in ("seconds", "requests", "connections", "processor", "challenges")
        }
        counts = sorted(zip(sums["requests"], sums["connections"], strict=True))
        assert not play.is_steady or len({*counts}) == 1, f"{play.name} sends now more and now less: {counts}"
        seconds, processor = (statistics.median(sums[key]) for key in ("seconds", "processor"))
        measurements[tag] = Measurement(seconds, *counts[len(counts) // 2], processor, max(sums["challenges"]))
    return Trial(measurements, memory["controller"], memory["child"])


def run_unchanged(atlas: Atlas, play: Play) -> float:
    """Run a playbook that has nothing to do, and return the processor's seconds of Ansible, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder, started(Path(folder), atlas, play) as process:
        output = process.communicate()[0]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, output
    assert " changed=0 " in output, output
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def total(trial: Trial) -> Measurement:
    """Return what all tasks of a playbook took together."""
    found = trial.measurements.values()
    return Measurement(
        sum(one.seconds for one in found),
        sum(one.requests for one in found),
        sum(one.connections for one in found),
        sum(one.processor for one in found),
        sum(one.challenges for one in found),
    )


def run_until_changed(atlas: Atlas, play: Play, delay: float, change: Callable[[], None]) -> tuple[Measurement, float]:
    """Run a playbook whose measured task waits for something that happens while it waits.

    Args:
        atlas: What it runs against.
        play: The playbook, with one measured task.
        delay: When it happens, in seconds from the start of the task.
        change: Lets it happen.

    Returns:
        What the task took, and the seconds from the change to its end.
    """
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
        with started(Path(folder), atlas, play) as process:
            while not (lines := read_lines(Path(folder))):
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.01)
            time.sleep(max(0, lines[0]["started"] + delay - time.monotonic()))
            changed = time.monotonic()
            change()
            output = process.communicate()[0]
        assert process.returncode == 0, output
        line = next(line for line in read_lines(Path(folder)) if "ended" in line)
    return Measurement(line["seconds"], line["requests"], line["connections"]), line["ended"] - changed
