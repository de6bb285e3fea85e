# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists, ranges and times as findings have them. Pure."""

from __future__ import annotations

import datetime
import typing as t

# Longer lists are in the evidence; a sentence with sixty ids cannot be read.
_LONGEST = 3


def listed(names: t.Iterable[t.Any]) -> str:
    """Return names as a sentence has them: the first three, and how many more there are."""
    texts = [str(name) for name in names]
    if len(texts) > _LONGEST + 1:
        texts = [*texts[:_LONGEST], f"{len(texts) - _LONGEST} more"]
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def ports_text(ranges: t.Iterable[tuple[int, int]]) -> str:
    """Return ranges of ports, with both ends, as a sentence has them: "port 27017", or "ports 27015 to 27016 and 27018"."""
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in ranges]
    return f"{'port' if len(texts) == 1 and texts[0].isdecimal() else 'ports'} {listed(texts)}"


def span_text(span: datetime.timedelta) -> str:
    """Return a span of time in its two greatest units: "2 d 3 h", or "5 min"; what is past is "0 min"."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    parts = [(days, "d"), (hours, "h"), (minutes % 60, "min")]
    first = next((index for index, (number, _unit) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number or unit == "min")
