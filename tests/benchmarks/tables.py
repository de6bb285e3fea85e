"""What was measured, as Markdown: tables, and how figures compare with goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .runs import Measurement

NOT_MEASURED = "-"
#: Takes a line about what is measured now.
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Findings:
    """What a part of the benchmark has found: its tables, and a line for each goal."""

    tables: str
    goals: tuple[str, ...] = ()


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table, whose first column has words and whose others have figures."""
    lines = [list(headings)]
    lines += [["---:" if index else "---" for index in range(len(lines[0]))], *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
