# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which blocks of a network are free, and which of a list overlap, for the filters."""

from __future__ import annotations

import functools
import inspect
import ipaddress
import itertools
import re
import typing as t
from collections import Counter

from .blocks import ends_of, parse_block, parts_outside, private_blocks_text
from .patterns import InvalidValueError

_NUMBER = re.compile("[0-9]{1,9}")
_HINT = "Give IPv4 CIDR blocks, such as 10.0.0.0/16."
_Result = t.TypeVar("_Result")


def as_filter(usage: str, failure: type[Exception]) -> t.Callable[[t.Callable[..., _Result]], t.Callable[..., _Result]]:
    """Return a decorator for the function of a filter, which then fails with the name of the filter and with what to do.

    Args:
        usage: How the filter is called, for the message.
        failure: The error that is raised for a wrong call and in the place of an InvalidValueError.
    """

    def decorate(function: t.Callable[..., _Result]) -> t.Callable[..., _Result]:
        @functools.wraps(function)
        def filtered(*args: object, **named: object) -> _Result:
            try:
                inspect.signature(function).bind(*args, **named)
            except TypeError as error:
                # Python's own message about a wrong call has no example.
                raise failure(f"{function.__name__}: {error}. Write it like {usage}.") from None
            try:
                return function(*args, **named)
            except InvalidValueError as error:
                raise failure(f"{function.__name__}: {error} {error.hint}") from None

        return filtered

    return decorate


def next_free_blocks(
    taken: t.Iterable[ipaddress.IPv4Network],
    size: int,
    within: t.Iterable[ipaddress.IPv4Network],
    avoid: t.Iterable[ipaddress.IPv4Network],
    count: int,
) -> list[ipaddress.IPv4Network]:
    """Return the first blocks that are free, in ascending order.

    Args:
        taken: Blocks that are in use.
        size: The prefix length of the blocks.
        within: Where to look; the blocks may overlap each other.
        avoid: More blocks that are not free.
        count: How many blocks to return.

    Raises:
        InvalidValueError: If there are fewer, or `within` is empty.
    """
    ranges = list(ipaddress.collapse_addresses(within))
    if not ranges:
        raise InvalidValueError("within is empty.", _HINT)
    free = [part for parts in parts_outside(ranges, [*taken, *avoid]).values() for part in parts if part.prefixlen <= size]
    found = list(itertools.islice((block for part in free for block in part.subnets(new_prefix=size)), count))
    if len(found) < count:
        looked = ", ".join(map(str, ranges))
        number = f"no block of /{size} is" if not found else f"only {len(found)} of {count} blocks of /{size} are"
        raise InvalidValueError(f"{number} free in {looked}.", "Give a larger within, or a larger size for smaller blocks.")
    return found


def suggest_blocks(taken: t.Iterable[str], size: int) -> str:
    """Return the first private blocks of a size that overlap none of some others, for a message; empty if there are none."""
    private = parse_blocks("private", private_blocks_text().split(", "))
    blocks = [block for block in map(ipaddress.ip_network, taken) if isinstance(block, ipaddress.IPv4Network)]
    # Docker's default bridge.
    avoid = [ipaddress.IPv4Network("172.17.0.0/16")]
    try:
        return ", ".join(map(str, next_free_blocks(blocks, size, private, avoid, 3)))
    except InvalidValueError:
        return ""


def overlapping_blocks(blocks: t.Iterable[ipaddress.IPv4Network]) -> list[tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]]:
    """Return each pair of blocks that overlap once, in ascending order; the larger block of a pair comes first.

    Two blocks overlap only if one contains the other. A duplicate overlaps itself.
    """
    # Many projects have the same block, the one that Atlas chooses.
    numbers = Counter(blocks)
    found = {(block, block) for block, number in numbers.items() if number > 1}
    around: list[ipaddress.IPv4Network] = []
    for block in sorted(numbers, key=lambda one: (one.network_address, one.prefixlen)):
        # Blocks that end before this one overlap none of those that follow.
        around = [one for one in around if ends_of(one)[1] >= ends_of(block)[0]]
        found.update((one, block) for one in around)
        around.append(block)
    return sorted(found)


def parse_blocks(name: str, values: object) -> list[ipaddress.IPv4Network]:
    """Return the blocks in an argument of a filter: a block, or a list of blocks.

    Args:
        name: The name of the argument, for messages.
        values: What the template gives; any iterable counts as a list, such as the result of `map`.

    Raises:
        InvalidValueError: If one of the values is not an IPv4 block in canonical form; the message names it.
    """
    if isinstance(values, str):
        return [_parse(name, values)]
    if not isinstance(values, t.Iterable) or isinstance(values, (t.Mapping, bytes)):
        raise InvalidValueError(f"{name} is not a list of blocks: {values!r}.", _HINT)
    return [_parse(f"{name}[{index}]", value) for index, value in enumerate(values)]


def _parse(name: str, value: object) -> ipaddress.IPv4Network:
    if not isinstance(value, str):
        raise InvalidValueError(f"{name} is not a CIDR block: {value!r}.", _HINT)
    try:
        block = parse_block(value, _HINT)
    except InvalidValueError as error:
        raise InvalidValueError(f"{name} {error}.", error.hint) from None
    if not isinstance(block, ipaddress.IPv4Network):
        raise InvalidValueError(f"{name} is an IPv6 block: {value!r}.", _HINT)
    return block


def parse_number(name: str, value: object, highest: int) -> int:
    """Return a whole number in an argument of a filter, which templates also give as text.

    Raises:
        InvalidValueError: If it is not a number from 1 to `highest`.
    """
    text = str(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text) or not 1 <= int(text) <= highest:
        raise InvalidValueError(f"{name} is {value!r}.", f"Give a whole number from 1 to {highest}.")
    return int(text)
