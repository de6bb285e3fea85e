# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a reply of AWS apart strictly: what it lacks is an error, since a missing rule would look harmless. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from ..objects import Reply

Parsed = t.TypeVar("Parsed")


class OddReplyError(ValueError):
    """A reply does not have what AWS always puts into it."""


def items(pages: t.Iterable[Reply], name: str) -> list[Reply]:
    """Return the objects of all pages of a reply.

    Raises:
        OddReplyError: If a page has no such list.
    """
    return [one for page in pages for one in member(page, name, list)]


def parse_all(pages: t.Iterable[Reply], name: str, parse: t.Callable[[Reply], Parsed]) -> list[Parsed]:
    """Return the objects of all pages of a reply as plain data; each counts once, even if it is on two pages."""
    parsed: list[Parsed] = []
    for one in items(pages, name):
        value = parse(one)
        if value not in parsed:
            parsed.append(value)
    return parsed


def member(reply: t.Any, name: str, kind: type[Parsed]) -> Parsed:
    """Return a member of a reply.

    Raises:
        OddReplyError: If it is not there, or of another kind.
    """
    value = reply.get(name) if isinstance(reply, t.Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or value == "":
        raise OddReplyError(f"no {name}")
    return value


def check_texts(reply: Reply, *names: str) -> None:
    """Check that members are texts, if they are there.

    Raises:
        OddReplyError: If one is something else.
    """
    odd = [name for name in names if not isinstance(reply.get(name), (str, type(None)))]
    if odd:
        raise OddReplyError(f"{odd[0]} is not a text")


def check_block(block: t.Any) -> str:
    """Return a block that is one.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(block, str):
        raise OddReplyError("no block")
    return str(ipaddress.IPv4Network(block))
