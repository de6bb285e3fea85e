"""Makes the checkout importable as `ansible_collections.cloudpeer.atlas`, whatever its folder is called."""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import testmap  # noqa: E402


def _link_collection() -> Path:
    """Link the checkout into a collection path of its own, outside the checkout, and return that path.

    It happens at import time, because the test modules import `ansible_collections.…` when they are collected.
    """
    path = Path(tempfile.mkdtemp(prefix="cloudpeer-atlas-tests-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    (path / "ansible_collections" / "cloudpeer").mkdir(parents=True)
    (path / "ansible_collections" / "cloudpeer" / "atlas").symlink_to(ROOT, target_is_directory=True)
    return path


# A shell that starts a command in the background lets it ignore interrupts, and a program passes that on to those that it starts.
# The tests interrupt playbooks, wherever they run themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is collected stays to the end. Looking through it for garbage, again and again, takes each worker two seconds.
gc.disable()

COLLECTIONS_PATH = _link_collection()
sys.path.insert(0, str(COLLECTIONS_PATH))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS_PATH)


# What the plugins are covered by. Everything else either does not run them, or does so in processes of its own by the
# thousand, and being measured takes its time. Of the properties, the other files enter nothing that no unit test enters.
MEASURED = (
    "unit/plugins/",
    *(f"properties/{name}.py" for name in ("test_any_reply", "test_checks", "test_gcp_firewalls")),
)
# Take long, and enter nothing that no other test enters, either: by the map of lines and tests.
ENTER_NOTHING_NEW = tuple(
    f"unit/plugins/module_utils/{name}.py"
    for name in (
        "_api/test_client_deadlines",
        "_check/test_fixes",
        "_operations/atlas_peering/test_counts",
        "_operations/atlas_peering/test_memory",
        "_operations/atlas_vpc_peers/test_list",
        "_operations/atlas_vpc_peers/test_partial",
        "_operations/atlas_vpc_peers/test_wait",
        "_operations/test_in_memory",
    )
)
# How the threads of servers are named, moto's too. They run nothing of plugins/, and being measured, they take twice the time.
SERVERS = ("atlas-emulator", "clouds-", "process_request_thread", "serve_forever", "_server_entry")


# How many tests of each file are left out.
LEFT_OUT = pytest.StashKey[dict[str, int]]()
# What takes less of a fixture's time is in no list of the slowest.
SHOWN_SECONDS = 0.1
# Run playbooks, which takes long, and in which much is waited for.
LONG = ("docs/", "integration/")


def _path(item: pytest.Item) -> str:
    # Of a node id, which is a text: paths take half a second for all tests.
    return item.nodeid.partition("::")[0].removeprefix("tests/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test-full` run what `make test` leaves out, and choose tests by the map of lines and tests."""
    parser.addoption("--full", action="store_true", help="run the tests that are marked as full, too")
    testmap.pytest_addoption(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Write the map of lines and tests, or choose by it, if asked to, and let a worker do nothing twice or in vain."""
    testmap.pytest_configure(config)
    if not hasattr(config, "workerinput"):
        return
    controller = _coverage(config)
    if controller is not None:
        # pytest-cov begins to measure twice in a worker. While the second pauses, the first would go on, for nothing.
        controller.pause()
    if config.get_verbosity() <= 0:
        _send_less(config)


def _coverage(config: pytest.Config) -> Any:
    """Return what pauses the measuring of coverage, or None if there is no measuring."""
    return getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)


def _send_less(config: pytest.Config) -> None:
    """Let a worker send one message for a test that passes, and not five, which take longer than half of the tests do."""
    (worker,) = (one for one in config.pluginmanager.get_plugins() if hasattr(one, "sendevent"))
    send = worker.sendevent

    def send_what_matters(name: str, **content: Any) -> None:
        report = content.get("data", {})
        is_usual = report.get("outcome") == "passed" and report.get("when") != "call" and report["duration"] < SHOWN_SECONDS
        if name not in ("logstart", "logfinish") and not is_usual:
            send(name, **content)

    worker.sendevent = send_what_matters


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the very end, when the workers have ended, how much of the processor's time they all took."""
    if not hasattr(config, "workerinput"):
        used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(f"processor: {sum(one.ru_utime + one.ru_stime for one in used):.0f} s (user, system, children)")


def pytest_report_header(config: pytest.Config) -> str:
    """Say which tests are left out."""
    return "all tests" if config.getoption("--full") else "without the tests that are marked as full: make test-full runs them"


def _leave_out(config: pytest.Config, items: list[pytest.Item], marker: str) -> list[pytest.Item]:
    """Leave out the tests with a marker, and return them."""
    found = [item for item in items if item.get_closest_marker(marker)]
    items[:] = [item for item in items if not item.get_closest_marker(marker)]
    config.hook.pytest_deselected(items=found)
    return found


def _leave_out_full(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long and rarely fails, and what the gates run, unless it is asked for, as a whole or by its name."""
    if any("::" in argument for argument in config.args):
        return
    if not config.getoption("markexpr"):
        _leave_out(config, items, "gate")
    if config.getoption("--full"):
        _leave_out(config, items, "sample")
        return
    left_out = dict(Counter(_path(item) for item in _leave_out(config, items, "full")))
    config.stash[LEFT_OUT] = left_out
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from a worker what it left out, which is the same in all of them."""
    node.config.stash[LEFT_OUT] = node.workeroutput.get("left_out", {})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say at the end how many examples properties had, and which tests were left out."""
    ran = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, []) if one.when == "call"]
    counts = [(name, count) for one in ran for name, count in one.user_properties if name.endswith("examples")]
    if counts:
        total, kind = sum(count for unused, count in counts), counts[0][0]
        terminalreporter.write_line(f"properties: {total:,} {kind} in {len(counts)} tests")
    left_out = config.stash.get(LEFT_OUT, {})
    if left_out:
        files = ", ".join(f"{count} in {path}" for path, count in sorted(left_out.items(), key=lambda one: -one[1]))
        terminalreporter.write_line(f"Left out, as marked full ({sum(left_out.values())}; make test-full runs them): {files}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the tests that take long.

    pytest-xdist gives each worker as many tests that follow each other, and one that is done takes some off the end of another's.
    """
    _leave_out_full(config, items)
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    long = [item for item in items if _path(item).startswith(LONG)]
    short = [item for item in items if not _path(item).startswith(LONG)]
    items.clear()
    for number in range(workers):
        share = slice(len(short) * number // workers, len(short) * (number + 1) // workers)
        items += [*long[number::workers], *short[share]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage from now on, but not among what was collected, and not after each 700 objects: moto has millions."""
    if _coverage(session.config) is not None:
        # What is imported late is measured as well if the first test to need it is none of those that are measured.
        for file in sorted((ROOT / "plugins" / "module_utils").rglob("[!_]*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            importlib.import_module(f"ansible_collections.cloudpeer.atlas.{name}")
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure some of the tests that `make test` runs, with their fixtures, and tell tests/support/runner.py which playbooks."""
    controller = _coverage(item.config)
    is_usual = controller is not None and item.get_closest_marker("full") is None
    os.environ["MEASURE_PLAYBOOKS"] = "yes" if is_usual else ""
    is_measured = is_usual and _path(item).startswith(MEASURED) and _path(item) not in ENTER_NOTHING_NEW
    if controller is not None and is_measured != controller.started:
        (controller.resume if is_measured else controller.pause)()
    return (yield)


@pytest.fixture(scope="session", autouse=True)
def _measures_no_servers(pytestconfig: pytest.Config) -> Iterator[None]:
    """End the measuring of coverage in the threads of servers, which coverage begins in all threads."""
    if _coverage(pytestconfig) is None:
        yield
        return
    run = threading.Thread.run

    def run_unmeasured(thread: threading.Thread) -> None:
        if any(name in thread.name for name in SERVERS):
            sys.settrace(None)
        run(thread)

    with mock.patch.object(threading.Thread, "run", run_unmeasured):
        yield


# What tests of several folders share. They are not imported at the top: that takes seconds, for which others need not wait.


@pytest.fixture(scope="session")
def _aws() -> Iterator[Any]:
    """Run one AWS for all tests; who uses it empties it before."""
    from ansible_collections.cloudpeer.atlas.tests.support.aws import running_aws

    with running_aws() as aws:
        yield aws


@pytest.fixture(scope="session")
def _clouds() -> Iterator[Any]:
    """Run one AZURE and one GCP for all tests; who uses them empties them before."""
    from ansible_collections.cloudpeer.atlas.tests.clouds.server import running
    from ansible_collections.cloudpeer.atlas.tests.support.memory import quiet

    with running() as clouds, quiet(clouds):
        yield clouds


@pytest.fixture(scope="session")
def _sent_requests() -> Iterator[Any]:
    """Compare every v2 request of the collection with the published description of the API, if `ATLAS_OPENAPI` names it."""
    from ansible_collections.cloudpeer.atlas.tests.properties import openapi

    if not openapi.PATH or importlib.util.find_spec("openapi_core") is None:
        # The tests of the properties say why.
        yield None
        return
    from ansible_collections.cloudpeer.atlas.tests.properties import sent

    with sent.compared() as requests:
        yield requests


@pytest.fixture(autouse="ATLAS_OPENAPI" in os.environ)
def _requests_fit_the_description(_sent_requests: Any) -> Iterator[None]:
    yield
    if _sent_requests is not None:
        faults, _sent_requests.faults = _sent_requests.faults, []
        if faults:
            pytest.fail("\n".join(faults))
