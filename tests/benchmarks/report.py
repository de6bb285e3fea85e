"""What all parts have found, as it stands in the page."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version

from .servers import ROOT
from .tables import Findings

PAGE = ROOT / "docs" / "performance.md"
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
