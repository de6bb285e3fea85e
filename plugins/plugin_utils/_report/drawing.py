# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of a drawing: both sides of a connection, with its findings. The page's template turns it into SVG."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import CONNECTION, CONTAINER, VPC, Connection, Finding

# All lengths are in the units of the SVG.
LINE, PADDING, GAP, RADIUS = 17, 14, 14, 9
# The heights of a VPC's head (its title and place), of a subnet, and of its name.
HEAD, SUBNET_HEIGHT, NAME_HEIGHT = 64, 46, 15
# Longer lists of clusters are shortened.
MOST_CLUSTERS = 6

Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    """The measures of a drawing.

    Attributes:
        name: Its class in the style sheet, which shows WIDE or NARROW.
        width: The width of the drawing.
        container_width, vpc_width: The widths of the two sides.
        is_stacked: Whether the VPC is below the container, and not beside it.
        columns: The number of subnets in a row.
        between: The length of the connection's line.
    """

    name: str
    width: int
    container_width: int
    vpc_width: int
    is_stacked: bool
    columns: int
    between: int


WIDE = Layout("wide", 1060, 222, 696, False, 4, 142)
# For phones.
NARROW = Layout("narrow", 358, 358, 358, True, 2, 84)


@dataclass(frozen=True)
class Badge:
    """A finding's number, or the number of further findings (`number` is None)."""

    x: float
    y: float
    text: str
    severity: str
    number: int | None


@dataclass(frozen=True)
class Box:
    """A box with a title, lines below it, and badges for its findings."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str
    lines: tuple[str, ...]
    badges: tuple[Badge, ...]


@dataclass(frozen=True)
class Drawing:
    """The whole drawing: boxes, the connection's line (x and y of both ends), its label (x, y, text) and badges."""

    layout: Layout
    height: float
    container: Box
    vpc: Box
    subnets: tuple[Box, ...]
    line: Line
    label: tuple[float, float, str]
    badges: tuple[Badge, ...]


def draw(connection: Connection, layout: Layout) -> Drawing:
    """Return the drawing of a connection in a layout."""
    result = connection.result
    clusters = _clusters(result["cluster_names"])
    container_height = 2 * PADDING + LINE * (3 + len(clusters)) + RADIUS
    container = Box(
        CONTAINER,
        0.0,
        RADIUS,
        layout.container_width,
        container_height,
        "Atlas",
        (result["atlas_cidr_block"] or "block not known", result["container_id"] or "no network container", *clusters),
        _badges(_at(connection, CONTAINER), layout.container_width - PADDING, RADIUS, layout.container_width),
    )
    x, y = (0.0, container_height + RADIUS + layout.between) if layout.is_stacked else (layout.width - layout.vpc_width, RADIUS)
    rows = math.ceil(len(connection.subnets) / layout.columns)
    vpc_height = max(HEAD + PADDING + rows * (_subnet_height(connection) + GAP), 0 if layout.is_stacked else container_height)
    vpc = Box(
        VPC,
        x,
        y,
        layout.vpc_width,
        vpc_height,
        f"{connection.title} {connection.name}".rstrip(),
        (connection.place or f"{connection.place_noun} not known",),
        _badges(_at(connection, VPC), x + layout.vpc_width - PADDING, y, layout.vpc_width),
    )
    line, label = _line(container, vpc, layout)
    return Drawing(
        layout,
        y + vpc_height + 1,
        container,
        vpc,
        tuple(_subnets(connection, vpc, layout)),
        line,
        (*label, connection.id or "no connection"),
        _on_line(_at(connection, CONNECTION), line, layout),
    )


def _line(container: Box, vpc: Box, layout: Layout) -> tuple[Line, tuple[float, float]]:
    """Return both ends of the connection's line, and the position of its label."""
    if layout.is_stacked:
        x, top = layout.width / 2, container.y + container.height
        return (x, top, x, vpc.y), (x + 2 * RADIUS, top + layout.between / 2 + 4)
    y = container.y + 56
    return (container.width, y, vpc.x, y), (container.width + layout.between / 2, y - 18)


def _on_line(findings: t.Sequence[Finding], line: Line, layout: Layout) -> tuple[Badge, ...]:
    """Return badges in the middle of the line, or to the left of a vertical one."""
    x, y = (line[0] + line[2]) / 2, (line[1] + line[3]) / 2
    if layout.is_stacked:
        return _badges(findings, x - 2 * RADIUS - 4, y, layout.width / 2)
    badges = _badges(findings, x, y, layout.between)
    half = (badges[-1].x - badges[0].x) / 2 if badges else 0
    return tuple(replace(badge, x=badge.x + half) for badge in badges)


def _subnets(connection: Connection, vpc: Box, layout: Layout) -> t.Iterator[Box]:
    height = _subnet_height(connection)
    width = (layout.vpc_width - 2 * PADDING - (layout.columns - 1) * GAP) / layout.columns
    for index, subnet in enumerate(connection.subnets):
        row, column = divmod(index, layout.columns)
        x = vpc.x + PADDING + column * (width + GAP)
        y = vpc.y + HEAD + row * (height + GAP)
        yield Box(
            subnet["verdict"],
            x,
            y,
            width,
            height,
            subnet["subnet_id"],
            tuple(filter(None, (subnet["subnet_name"], subnet["cidr_block"] or "IPv6 only"))),
            _badges(_at(connection, subnet["subnet_id"]), x + width - PADDING, y, width),
        )


def _subnet_height(connection: Connection) -> int:
    return SUBNET_HEIGHT + (NAME_HEIGHT if any(subnet["subnet_name"] for subnet in connection.subnets) else 0)


def _at(connection: Connection, place: str) -> list[Finding]:
    return [finding for finding in connection.findings if place in finding.places]


def _badges(findings: t.Sequence[Finding], right: float, y: float, width: float) -> tuple[Badge, ...]:
    """Return badges for findings, in a row of at most `width` that ends at `right`; the last one counts those without room."""
    step = 2 * RADIUS + 3
    room = max(1, int((width - PADDING) // step))
    shown = list(findings) if len(findings) <= room else list(findings[: room - 1])
    badges: list[tuple[str, str, int | None]] = [(str(finding.number), finding.severity, finding.number) for finding in shown]
    if len(shown) < len(findings):
        badges.append((f"+{len(findings) - len(shown)}", findings[len(shown)].severity, None))
    first = right - step * (len(badges) - 1)
    return tuple(Badge(first + step * index, y, *badge) for index, badge in enumerate(badges))


def _clusters(names: t.Sequence[str]) -> tuple[str, ...]:
    if len(names) <= MOST_CLUSTERS:
        return tuple(names) or ("no cluster judged",)
    return (*names[: MOST_CLUSTERS - 1], f"and {len(names) - MOST_CLUSTERS + 1} more")
