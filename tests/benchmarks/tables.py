"""What was measured, as Markdown: tables, how figures compare with goals, and the page of all parts."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from .runs import Measurement
from .servers import ROOT

NOT_MEASURED = "-"
#: Takes a line about what is measured now.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Panel:
    """One half of a plot: figures by number of connections, of each way, and of what limits them."""

    title: str
    lines: Mapping[str, Mapping[int, float]]
    limits: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Plot:
    """A picture of the page: its file in docs/, what its vertical axis has, and what it shows in words."""

    file: str
    label: str
    panels: tuple[Panel, ...]
    alt: str


@dataclass(frozen=True)
class Findings:
    """What a part of the benchmark has found: its tables, a line for each goal, and plots."""

    tables: str
    goals: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()


def table(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table, whose first column has words and whose others have figures."""
    titles = list(headings)
    lines = [titles, ["---:" if index else "---" for index in range(len(titles))], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def ratio(one: Measurement | None, other: Measurement | None) -> float | None:
    """Return how many times the time of another measurement one took; None if one of them was not made."""
    return one.seconds / other.seconds if one and other else None


def decimal(figure: float | None, places: int = 1) -> str:
    """Return a figure as a cell."""
    return NOT_MEASURED if figure is None else f"{figure:.{places}f}"


def counts(measurement: Measurement | None) -> str:
    """Return requests and connections as a cell."""
    return f"{measurement.requests} / {measurement.connections}" if measurement else NOT_MEASURED


def goal(is_met: bool, text: str) -> str:
    """Return the line of a goal."""
    return f"- {'met' if is_met else 'NOT met'}: {text}"


PAGE = ROOT / "docs" / "performance.md"
#: The environment with what draws; make gives it.
_DOCS_PYTHON = ROOT / ".venv-docs" / "bin" / "python"
_MARKED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of measured -->)", re.DOTALL)


def render(findings: Sequence[Findings]) -> str:
    """Return the tables, and how they compare with the goals."""
    host = (
        f"Measured with ansible-core {version('ansible-core')}, requests {version('requests')} and Python "
        f"{platform.python_version()} on {platform.system()} with {os.cpu_count()} cores."
    )
    goals = [line for one in findings for line in one.goals]
    return "\n\n".join([host, *(one.tables for one in findings), *(["Goals:\n\n" + "\n".join(goals)] if goals else [])])


def write(text: str) -> None:
    """Put the tables into the page, in place of the old ones."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_MARKED.sub(lambda _match: f"\n{text}\n\n", page), encoding="utf-8")


def draw(plots: Sequence[Plot]) -> None:
    """Draw the plots beside the page."""
    for plot in plots:
        command = [_DOCS_PYTHON, ROOT / "tests" / "benchmarks" / "draw.py", PAGE.parent / plot.file]
        subprocess.run(command, input=json.dumps(asdict(plot)), text=True, check=True)
