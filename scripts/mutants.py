"""Draws faults in plugins/, and finds out which of them the tests find.

    .venv/bin/python scripts/mutants.py FOLDER --commit REV --seed A --number 150 [plugins/module_utils/_engine ...]

It works in a copy of a commit below FOLDER, first writes the map of lines and tests there (scripts/testmap.py), and tries each
fault with the tests that enter its lines, the shortest first. FOLDER/REV-SEED.jsonl has a line for each fault, and a run that
was interrupted goes on from there. A fault that no test finds is a survivor: either the program does the same with it, or a test
is missing.

A fault is one change: a condition is negated; `and` is `or`, or the reverse; a number is one more, a boolean the other; or a
value that is returned is None. Ten more leave out a call of sleep, pause or wait.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from checkout import ROOT, exit_with
from testmap import DEFAULT, Map

FOLDERS = ("plugins/module_utils", "plugins/plugin_utils")
WAITS = 10
#: What runs for a line that no test enters in its own process.
PROCESSES = ("tests/repository", "tests/integration", "tests/reliability", "tests/docs")
# They would change what runs. Without compiled files, each run compiles all tests.
NOT_PASSED_ON = ("ATLAS_OPENAPI", "FUZZ_FACTOR", "PYTHONDONTWRITEBYTECODE")
# Of addresses: each thread takes some of them.
MEMORY = 12 << 30
SECONDS, TIMES = 30, 10


@dataclass(frozen=True)
class Fault:
    """One change of one place.

    Attributes:
        path, line: The place.
        kind: What is done there.
        start, end: What is replaced: positions in the bytes of the file.
        text: What stands there then.
    """

    path: str
    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, root: Path) -> None:
        """Change the file."""
        source = (root / self.path).read_bytes()
        (root / self.path).write_bytes(source[: self.start] + self.text.encode() + source[self.end :])


class _Finder(ast.NodeVisitor):
    """Finds all faults of a file."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path, self._source = path, source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.found: list[Fault] = []
        self.waits: list[Fault] = []

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        # Nodes that are parsed have an end; the types say that those which are made need not.
        start, end = self._starts[node.lineno - 1], self._starts[(node.end_lineno or node.lineno) - 1]
        return start + node.col_offset, end + (node.end_col_offset or 0)

    def _add(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        self.found.append(Fault(self._path, node.lineno, kind, *self._span(node), text))

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _negate(self, node: ast.expr) -> None:
        if "TYPE_CHECKING" not in self._text(node):
            self._add("negated", node, f"(not ({self._text(node)}))")

    def visit_If(self, node: ast.If) -> None:
        """Negate a condition."""
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        """Negate a condition."""
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Negate a condition."""
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Negate the conditions."""
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Turn `and` and `or`."""
        word = "or" if isinstance(node.op, ast.And) else "and"
        self._add("and/or", node, f"({f' {word} '.join(f'({self._text(one)})' for one in node.values)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Add one to a number, and turn a boolean."""
        if isinstance(node.value, bool):
            self._add("boolean", node, str(not node.value))
        elif isinstance(node.value, (int, float)):
            self._add("number", node, repr(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        """Return None."""
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add("returned", node, "return None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out a call that waits."""
        if isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            if any(word in name.lower() for word in ("sleep", "pause", "wait")):
                self.waits.append(Fault(self._path, node.lineno, "left out", *self._span(node), "None"))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Look into a function, but not at its annotations."""
        for one in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(one)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Look at the value, but not at the annotation."""
        if node.value is not None:
            self.visit(node.value)


def draw(root: Path, folders: Sequence[str], seed: str, number: int) -> list[Fault]:
    """Return faults by chance: first a line, then one of what can go wrong there; and some calls that wait."""
    lines: dict[tuple[str, int], list[Fault]] = {}
    waits: list[Fault] = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            name = str(path.relative_to(root))
            finder = _Finder(name, path.read_bytes())
            finder.visit(ast.parse(path.read_bytes()))
            waits += finder.waits
            for one in finder.found:
                lines.setdefault((one.path, one.line), []).append(one)
    chance = random.Random(seed)  # noqa: S311
    chosen = chance.sample(sorted(lines), min(number, len(lines)))
    return [chance.choice(lines[one]) for one in chosen] + chance.sample(waits, min(WAITS, len(waits)))


class Trial:
    """A copy of a commit, and what runs in it.

    Args:
        folder: Where the copy is made; it has a home and a folder for temporary files of its own, too.
        revision: The commit.
        source: A copy to take the map from; None to write it.
    """

    def __init__(self, folder: Path, revision: str, source: Trial | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.root, self._own = folder / "copy", folder
        self.map = folder / DEFAULT
        if not self.root.exists():
            subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(self.root)], check=True)
        # A run that was killed has left its fault there.
        subprocess.run(["git", "checkout", "--quiet", "--force", revision], cwd=self.root, check=True)
        if source is not None and not self.map.exists():
            shutil.copy(source.map, self.map)

    def pytest(self, *arguments: str, seconds: float | None = None) -> int | None:
        """Run pytest in the copy, and return its exit status; None if it took too long."""
        environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
        for name, folder in (("HOME", "home"), ("TMPDIR", "tmp")):
            shutil.rmtree(self._own / folder, ignore_errors=True)
            (self._own / folder).mkdir()
            environment[name] = str(self._own / folder)
        environment["PYTHONPATH"] = str(ROOT / "scripts")
        plugin = [] if (self.root / "scripts" / "testmap.py").exists() else ["-p", "testmap"]
        limited = ["sh", "-c", f'ulimit -v {MEMORY >> 10} && exec "$@"', "sh"]
        command = [*limited, sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider", *arguments]
        with (self._own / "log").open("w") as log:
            ran = subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return ran.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                # Whatever it has started ends with it.
                with suppress(ProcessLookupError):
                    os.killpg(ran.pid, signal.SIGKILL)
                ran.wait()

    def write_map(self) -> None:
        """Write the map, unless it is there."""
        if not self.map.exists():
            self.pytest("-n", str(os.cpu_count() or 1), "--dist", "worksteal", f"--map={self.map}")
            if not self.map.exists():
                raise SystemExit(f"The tests did not end well enough for a map; {self._own / 'log'} has what they said.")

    @contextmanager
    def having(self, fault: Fault) -> Iterator[None]:
        """Have a fault in the copy for the length of a with statement."""
        path = self.root / fault.path
        before = path.read_bytes()
        try:
            fault.apply(self.root)
            _forget_compiled(path)
            yield
        finally:
            path.write_bytes(before)
            _forget_compiled(path)

    def tried(self, fault: Fault) -> tuple[str, int]:
        """Try a fault, and return "found", "survived" or "too long", and with how many tests."""
        with closing(Map(self.map)) as known:
            names = known.cheapest_first(known.reaching(fault.path, [fault.line]))
            seconds = sum(known.passed()[one] for one in names)
            others = known.cheapest_first(one for one in known.passed() if one.startswith(PROCESSES)) if not names else []
            seconds += sum(known.passed()[one] for one in others)
        chosen = self._own / "chosen"
        chosen.write_text("\n".join(names or others), encoding="utf-8")
        with self.having(fault):
            status = self.pytest("-x", "-n", "0", f"--only={chosen}", seconds=SECONDS + TIMES * seconds)
        return {0: "survived", None: "too long"}.get(status, "found"), len(names or others)

    def survives_all(self, fault: Fault) -> bool:
        """Whether the tests of `make test` do not find a fault, either."""
        with self.having(fault):
            return self.pytest("-x", "-n", str(os.cpu_count() or 1), "--dist", "worksteal") == 0


def _forget_compiled(path: Path) -> None:
    """Remove what Python has compiled of a file: it takes one of the same second and size for the same."""
    for one in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        one.unlink()


def results(path: Path) -> Iterator[dict[str, object]]:
    """Yield what a file of results has; a line that was interrupted is none."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):
                yield json.loads(line)


def main() -> int:
    """Try the faults that are not tried yet, and print the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the copies and the results are")
    parser.add_argument("folders", nargs="*", default=FOLDERS, help="where the faults are; by default, all code that tasks share")
    parser.add_argument("--commit", default="HEAD", help="whose tests are tried")
    parser.add_argument("--seed", default="A")
    parser.add_argument("--number", type=int, default=150)
    given = parser.parse_intermixed_args()
    revision = subprocess.run(
        ["git", "rev-parse", "--short", given.commit], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    folder = given.folder.resolve() / revision
    first = Trial(folder / "0", revision)
    first.write_map()
    trials = [first, *(Trial(folder / str(number), revision, first) for number in range(1, os.cpu_count() or 1))]
    path = given.folder.resolve() / f"{revision}-{given.seed}.jsonl"
    known = {(one["path"], one["start"], one["kind"]) for one in results(path)}
    faults = draw(first.root, given.folders, given.seed, given.number)
    left = [one for one in faults if (one.path, one.start, one.kind) not in known]
    with path.open("a", encoding="utf-8") as file, ThreadPoolExecutor(len(trials)) as pool:

        def work(fault: Fault) -> None:
            trial = trials.pop()
            try:
                outcome, count = trial.tried(fault)
            finally:
                trials.append(trial)
            file.write(json.dumps({**asdict(fault), "outcome": outcome, "tests": count}) + "\n")
            file.flush()

        list(pool.map(work, left))
    return report(path, {(one.path, one.start, one.kind) for one in faults}, first)


def report(path: Path, drawn: set[tuple[str, int, str]], trial: Trial) -> int:
    """Print how many were found, and the survivors; try the last tenth of these with all tests."""
    tried = [one for one in results(path) if (one["path"], one["start"], one["kind"]) in drawn]
    survivors = [one for one in tried if one["outcome"] == "survived"]
    print(f"{path.name}: {len(tried) - len(survivors)} of {len(tried)} faults are found")
    for one in survivors:
        print(f"  {one['path']}:{one['line']} {one['kind']} {one['text']!r} ({one['tests']} tests)")
    names = ("path", "line", "kind", "start", "end", "text")
    for one in survivors[len(survivors) - len(survivors) // 10 :]:
        fault = Fault(**{name: one[name] for name in names})  # type: ignore[arg-type]
        print(f"  all tests, {fault.path}:{fault.line}: {'survives' if trial.survives_all(fault) else 'FOUND: the map is wrong'}")
    return 0


if __name__ == "__main__":
    exit_with(main)
