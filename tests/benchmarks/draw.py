"""Draws a plot of the page on performance: its JSON comes on stdin, and the argument is the file.

It runs in the environment of the documentation, which has matplotlib: `.venv-docs/bin/python tests/benchmarks/draw.py FILE`. The
same figures give the same file.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.ticker import StrMethodFormatter

#: For the ways, in their order: colours that people who see few of them can tell apart (Okabe and Ito), and marks.
STYLES = (("#d55e00", "v"), ("#e69f00", "s"), ("#56b4e9", "D"), ("#cc79a7", "^"), ("#0072b2", "o"), ("#009e73", "x"))
LIMIT = "#555555"
# Text stays text, and ids do not depend on the time or the machine.
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "cloudpeer.atlas", "font.family": "sans-serif", "font.size": 10}
#: The colours of the drawing stand with its parts, so these have to be more important.
DARK = """
   @media (prefers-color-scheme: dark) {
    [style*="fill: #ffffff"] { fill: #14181d !important; }
    [style*="stroke: #000000"] { stroke: #e6eaee !important; }
    [style*="stroke: #dddddd"], [style*="stroke: #cccccc"] { stroke: #36404b !important; }
    [style*="stroke: #555555"] { stroke: #9aa7b4 !important; }
    text { fill: #e6eaee; }
   }
   """


def draw(plot: dict[str, Any], file: str) -> None:
    """Draw a plot (`tables.Plot`) into an SVG."""
    matplotlib.use("svg")
    pyplot.rcParams.update(SETTINGS)
    names = list(dict.fromkeys(name for panel in plot["panels"] for name in panel["lines"]))
    styles = dict(zip(names, STYLES, strict=False))
    # One below the other: side by side, their texts would be too small on a phone.
    figure, all_axes = pyplot.subplots(len(plot["panels"]), 1, figsize=(5.5, 11), layout="constrained")
    for panel, axes in zip(plot["panels"], all_axes, strict=True):
        for name, figures in panel["lines"].items():
            colour, mark = styles[name]
            axes.plot([int(size) for size in figures], figures.values(), color=colour, marker=mark, markersize=5, label=name)
        for name, figures in panel["limits"].items():
            points = {int(size): value for size, value in figures.items() if value > 0}
            axes.plot(points.keys(), points.values(), color=LIMIT, linestyle="--", label=name)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set(title=panel["title"], xlabel="connections", ylabel=plot["label"], xlim=(0, None))
        axes.grid(visible=True, which="major", color="#dddddd")
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    drawn = io.StringIO()
    # Where another file shows the picture, it has its words with it.
    metadata = {"Date": None, "Title": plot["label"], "Description": plot["alt"], "Creator": None}
    figure.savefig(drawn, format="svg", metadata=metadata)
    # Files of this repository have no blanks at the ends of lines.
    lines = [line.rstrip() for line in in_the_dark(drawn.getvalue()).splitlines()]
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def in_the_dark(drawing: str) -> str:
    """Return a drawing that has other colours for paper, ink and lines where a person prefers the dark."""
    return drawing.replace('<style type="text/css">', f'<style type="text/css">{DARK}', 1)


if __name__ == "__main__":
    draw(json.load(sys.stdin), sys.argv[1])
