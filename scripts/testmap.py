"""Which tests enter which lines: a plugin of pytest that writes this map and chooses tests by it.

    make test ARGS=--map            # run the tests, and write the map
    make test ARGS=--changed        # run those that a change touches, compared with main
    make test ARGS=--changed=REV    # compared with another commit

The map is a data file of coverage, an SQLite database, with tables of our own beside coverage's: how long each test took, what
it read of the checkout, and whether it started a process; and the text of each source file. It holds for the tests of one commit,
and for small changes after it. scripts/mutants.py uses it, too, and writes maps of older commits with this file.
"""

from __future__ import annotations

import builtins
import difflib
import functools
import io
import os
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

DEFAULT = ".test-map"
#: What is measured: all that a test can enter in its own process, but for the tests themselves, which are chosen by their files.
SOURCES = ("plugins/", "tests/emulator/", "tests/clouds/", "tests/support/", "tests/properties/", "scripts/")
#: What tests that start a process run in it: a change in there chooses all of them.
RUN_IN_PROCESSES = ("plugins/", "roles/", "playbooks/", "meta/", "tests/emulator/", "tests/clouds/", "tests/support/", "scripts/")
_TABLES = """
create table if not exists tests (name text primary key, seconds real, passed integer, processes integer);
create table if not exists reads (name text, path text);
create table if not exists texts (path text primary key, text text);
"""

_ENTERING = (
    "select distinct context.context from line_bits join file on file.id = line_bits.file_id "
    "join context on context.id = line_bits.context_id where file.path = ?"
)


def _coverage() -> Any:
    """Return coverage's class, which takes a moment to import."""
    import coverage

    return coverage.Coverage


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a database, whose changes are kept at the end."""
    with closing(sqlite3.connect(path)) as database:
        yield database
        database.commit()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("map of lines and tests")
    group.addoption("--map", nargs="?", const=DEFAULT, metavar="FILE", help="write which tests enter which lines")
    group.addoption(
        "--changed", nargs="?", const="main", metavar="REV", help="run the tests that enter what differs from a commit"
    )
    group.addoption("--only", metavar="FILE", help="run the tests that a file names, a line each, in its order")


def pytest_configure(config: pytest.Config) -> None:
    """Choose tests, or write the map, if asked to."""
    root = config.rootpath
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if config.getoption("--map"):
        config.pluginmanager.register(_Writer(root, root / config.getoption("--map"), worker))
    if config.getoption("--only"):
        names = Path(config.getoption("--only")).read_text(encoding="utf-8").splitlines()
        config.pluginmanager.register(_Chooser({name: number for number, name in enumerate(names)}, set()))
    if config.getoption("--changed"):
        with closing(Map(root / DEFAULT)) as found:
            chosen, files = found.touched(root, config.getoption("--changed"))
        config.pluginmanager.register(_Chooser(chosen, files))
        if not worker:
            print(f"--changed: {len(chosen)} tests of the map, and all in {len(files)} files that have changed themselves")


def _telling(function: Callable[..., Any], tell: Callable[..., None]) -> Callable[..., Any]:
    """Return a function that does what another does, and first tells with what it is called."""

    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        tell(*args, **kwargs)
        return function(*args, **kwargs)

    return told


class _Writer:
    """Measures each test of a process, and at the end, in the main process, writes the map."""

    def __init__(self, root: Path, path: Path, worker: str) -> None:
        self._root, self._path, self._worker = root, path, worker
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        self._test, self._reads, self._starters = "", set[tuple[str, str]](), set[str]()
        self._part = path.with_name(f"{path.name}.part-{worker or 'main'}")
        # Before it starts the workers, the main process removes what a run that was interrupted has left.
        for one in () if worker else path.parent.glob(f"{path.name}.part-*"):
            one.unlink()
        include = [f"{root}/{one}*" for one in SOURCES]
        self._coverage = _coverage()(data_file=str(self._part), include=include, config_file=False)
        # The process that only hands tests to workers enters nothing.
        self._coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self._coverage.start()
        # A hook of sys.addaudithook would be called while a thread gets its trace function, and CPython ends other threads that
        # begin meanwhile: "Cannot install a trace function while another trace function is being installed".
        reads, starts = self._note_read, self._note_start
        for owner, names, tell in (
            (builtins, ("open",), reads),
            (io, ("open",), reads),
            (os, ("listdir", "scandir"), reads),
            (os, ("fork", "posix_spawn"), starts),
            (subprocess.Popen, ("__init__",), starts),
            # With its output, a process is asked for of one that forks.
            (socket, ("send_fds",), starts),
        ):
            for name in names:
                setattr(owner, name, _telling(getattr(owner, name), tell))

    def _note_read(self, path: object = None, *unused: object, **unused_too: object) -> None:
        """Note what a test reads of the checkout."""
        if self._test and isinstance(path, str | os.PathLike):
            real = os.path.realpath(path)
            if real.startswith(f"{self._root}/") and not real.endswith((".pyc", ".dist-info")) and "/.venv" not in real:
                self._reads.add((self._test, real[len(str(self._root)) + 1 :]))

    def _note_start(self, *unused: object, **unused_too: object) -> None:
        """Note that a test starts a process."""
        if self._test:
            self._starters.add(self._test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Measure a test, with its fixtures."""
        self._test = item.nodeid
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._test = ""
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write what this process has; the main process writes the map, when all have written theirs."""
        self._test = ""
        self._coverage.stop()
        self._coverage.save()
        with _opened(self._part) as database:
            database.executescript(_TABLES)
            database.executemany("insert into reads values (?, ?)", sorted(self._reads))
            database.executemany("insert or replace into tests values (?, 0, 0, 1)", [(one,) for one in sorted(self._starters)])
        if not self._worker:
            self._combine()

    def _combine(self) -> None:
        parts = sorted(self._path.parent.glob(f"{self._path.name}.part-*"))
        self._path.unlink(missing_ok=True)
        reads, starters = set[tuple[str, str]](), set[str]()
        for part in parts:
            with _opened(part) as database:
                reads |= {*database.execute("select name, path from reads")}
                starters |= {one for (one,) in database.execute("select name from tests")}
        whole = _coverage()(data_file=str(self._path), config_file=False)
        whole.combine([str(part) for part in parts])
        whole.save()
        rows = [(name, seconds, name not in self._failed, name in starters) for name, seconds in self._seconds.items()]
        texts = [
            (str(path.relative_to(self._root)), path.read_text(encoding="utf-8"))
            for source in SOURCES
            for path in (self._root / source).rglob("*.py")
        ]
        with _opened(self._path) as database:
            database.executescript(_TABLES)
            database.executemany("insert into reads values (?, ?)", sorted(reads))
            database.executemany("insert into tests values (?, ?, ?, ?)", rows)
            database.executemany("insert into texts values (?, ?)", texts)
            # Paths of the checkout, wherever it is.
            database.execute("update file set path = substr(path, ?)", (len(str(self._root)) + 2,))
        print(f"\nThe map has {len(rows)} tests: {self._path.name}")


class Map:
    """A map that was written.

    Args:
        path: Where it is.

    Raises:
        pytest.UsageError: If there is none.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise pytest.UsageError("There is no map of lines and tests yet. Make it: make test ARGS=--map (some minutes, once).")
        from coverage.numbits import register_sqlite_functions

        self._database = sqlite3.connect(path)
        register_sqlite_functions(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _names(self, query: str, *values: Any) -> set[str]:
        return {one for (one,) in self._database.execute(query, values)}

    def entering(self, path: str, lines: Iterable[int]) -> set[str]:
        """Return the tests that enter one of the lines of a file; "" stands for its import."""
        from coverage.numbits import nums_to_numbits

        return self._names(f"{_ENTERING} and numbits_any_intersection(numbits, ?)", path, nums_to_numbits(lines))

    def reaching(self, path: str, lines: Iterable[int]) -> set[str]:
        """Return the tests that enter one of the lines; where one runs when the file is imported, all that enter the file."""
        found = self.entering(path, lines)
        return self._names(_ENTERING, path) - {""} if "" in found else found

    def passed(self) -> dict[str, float]:
        """Return the tests that passed, each with its seconds."""
        return dict(self._database.execute("select name, seconds from tests where passed"))

    def cheapest_first(self, names: Iterable[str]) -> list[str]:
        """Return those of the tests that passed, the shortest first."""
        seconds = self.passed()
        return sorted((one for one in names if one in seconds), key=lambda one: (seconds[one], one))

    def touched(self, root: Path, revision: str) -> tuple[dict[str, float], set[str]]:
        """Return the tests that a change touches.

        Args:
            root: The checkout.
            revision: The commit with which it is compared.

        Returns:
            The tests of the map with their order, and the files of tests that have changed themselves, or whose conftest has.
        """
        changed = _git(root, "diff", "--name-only", revision).splitlines()
        changed += _git(root, "ls-files", "--others", "--exclude-standard").splitlines()
        names: set[str] = set()
        files: set[str] = set()
        for path in changed:
            names |= self._names("select name from reads where path = ? or ? like path || '/%'", path, path)
            if path.startswith(RUN_IN_PROCESSES):
                names |= self._names("select name from tests where processes")
            if path.endswith("conftest.py"):
                folder = path.removesuffix("conftest.py")
                files |= {str(one.relative_to(root)) for one in (root / folder).rglob("test_*.py")}
            elif Path(path).name.startswith("test_") and path.startswith("tests/"):
                files.add(path)
            elif path.endswith(".py"):
                names |= self._touched_in(path, root / path)
        return {name: number for number, name in enumerate(self.cheapest_first(names))}, files

    def _touched_in(self, path: str, current: Path) -> set[str]:
        """Return the tests that enter those lines of a file that differ, or stand beside what was added."""
        text = next(iter(self._names("select text from texts where path = ?", path)), "")
        now = current.read_text(encoding="utf-8") if current.exists() else ""
        lines: set[int] = set()
        for kind, start, end, *unused in difflib.SequenceMatcher(None, text.splitlines(), now.splitlines(), False).get_opcodes():
            if kind != "equal":
                lines |= {*range(start + 1, end + 1)} or {start, start + 1}
        return self.reaching(path, lines - {0})


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise pytest.UsageError(done.stderr.strip())
    return done.stdout


class _Chooser:
    """Leaves out all tests but some, and puts these in order.

    Args:
        order: The tests by name, with their place in the order.
        files: Files of which all tests are run, before the others.
    """

    def __init__(self, order: dict[str, float], files: set[str]) -> None:
        self._order, self._files = order, files
        self._wanted = {name.partition("::")[0] for name in order} | files

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Do not even import a file without one of them."""
        name = os.path.relpath(collection_path, config.rootpath)
        return True if collection_path.name.startswith("test_") and name not in self._wanted else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep them, in order."""
        kept = [one for one in items if one.nodeid in self._order or one.nodeid.partition("::")[0] in self._files]
        config.hook.pytest_deselected(items=[one for one in items if one not in {*kept}])
        items[:] = sorted(kept, key=lambda one: self._order.get(one.nodeid, -1))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Take it for a success that nothing was to be run."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
