"""The query parameters that the API's resources share."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .errors import ApiError
from .providers import PROVIDERS

MAX_ITEMS = 500
_SHARED = ("envelope", "pretty", "includeCount", "pageNum", "itemsPerPage", "providerName")
_BOOLEANS = {"true": True, "false": False, "": False}


@dataclass(frozen=True)
class Query:
    """A request's query, read and checked."""

    envelope: bool = False
    pretty: bool = False
    include_count: bool = True
    page: int = 1
    items: int = 100
    provider: str | None = None
    #: Every parameter as it was sent, for the links of a list.
    sent: tuple[tuple[str, str], ...] = ()


def firsts(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name; of a repeated one the first."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def split(raw: str) -> dict[str, str]:
    """Return the parameters of a raw query; of a repeated one the first."""
    return firsts(parse_qsl(raw, keep_blank_values=True))


def wants(raw: str, name: str) -> bool:
    """Tell whether a boolean parameter is true, without complaint about anything: for the reply to a request that is refused."""
    return split(raw).get(name, "").lower() == "true"


def parse(raw: str, more: Collection[str] = ()) -> Query:
    """Read a raw query.

    Args:
        more: Parameters of the one resource, whose values it checks by itself.

    Raises:
        ApiError: INVALID_QUERY_PARAMETER with the name of one that is unknown or has a wrong value; INVALID_PROVIDER.
    """
    sent = tuple(parse_qsl(raw, keep_blank_values=True))
    found = firsts(sent)
    for name in found:
        if name not in _SHARED and name not in more:
            raise ApiError("INVALID_QUERY_PARAMETER", name)
        # Such as includeDeletedWithRetainedBackups, which every Go SDK sends.
        if name.startswith("include"):
            _boolean(found, name, False)
    provider = found.get("providerName")
    if provider is not None and provider.upper() not in PROVIDERS:
        raise ApiError("INVALID_PROVIDER", provider)
    return Query(
        envelope=_boolean(found, "envelope", False),
        pretty=_boolean(found, "pretty", False),
        include_count=_boolean(found, "includeCount", True),
        # Page 0 is page 1: the Atlas CLI has asked for it since 2023, and gets it (mongodb-atlas-cli#366).
        page=_number(found, "pageNum", 1, 2**31 - 1, lowest=0) or 1,
        items=_number(found, "itemsPerPage", 100, MAX_ITEMS),
        # Upper and lower case are the same here, as the same command shows, which asks for Azure; in a body they are not.
        provider=provider and provider.upper(),
        sent=sent,
    )


def _boolean(found: dict[str, str], name: str, default: bool) -> bool:
    try:
        return _BOOLEANS[found[name].lower()] if name in found else default
    except KeyError:
        raise ApiError("INVALID_QUERY_PARAMETER", name) from None


def _number(found: dict[str, str], name: str, default: int, highest: int, lowest: int = 1) -> int:
    value = found.get(name, str(default))
    # int() would also take signs, blanks, underscores and digits of other scripts, and refuse thousands of digits in its own way.
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and lowest <= int(value) <= highest):
        raise ApiError("INVALID_QUERY_PARAMETER", name)
    return int(value)
