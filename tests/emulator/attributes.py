"""Checks of request bodies that peers and containers share."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, NoReturn

from .errors import ApiError
from .settings import OBJECT_ID

Body = dict[str, Any]

_RFC_1918 = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_CIDR = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}", re.ASCII)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_json(raw: bytes) -> Any:
    """Read any JSON.

    Raises:
        ApiError: INVALID_JSON.
    """
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ApiError("INVALID_JSON") from None


def _attributes(body: Any) -> Body:
    if not isinstance(body, dict):
        raise ApiError("INVALID_JSON")
    return {name: value for name, value in body.items() if value is not None}


def parse_object(raw: bytes) -> Body:
    """Read a body.

    Returns:
        Its attributes without those that are null: a null says the same as leaving the attribute out.

    Raises:
        ApiError: INVALID_JSON, if it is not a JSON object.
    """
    return _attributes(parse_json(raw))


def parse_array(raw: bytes) -> list[Body]:
    """Read a body that holds several objects.

    Returns:
        The attributes of each, as `parse_object` gives them.

    Raises:
        ApiError: INVALID_JSON, if it is not a JSON array of objects.
    """
    bodies = parse_json(raw)
    if not isinstance(bodies, list):
        raise ApiError("INVALID_JSON")
    return [_attributes(body) for body in bodies]


def check_names(body: Body, writable: tuple[str, ...], read_only: tuple[str, ...]) -> None:
    """Refuse attributes that cannot be sent.

    Raises:
        ApiError: ATTRIBUTE_READ_ONLY or INVALID_ATTRIBUTE (unknown), with the attribute's name.
    """
    for name in body:
        if name in read_only:
            raise ApiError("ATTRIBUTE_READ_ONLY", name)
        if name not in writable:
            raise ApiError("INVALID_ATTRIBUTE", name)


def require(body: Body, names: tuple[str, ...]) -> None:
    """Refuse a body that lacks one of these attributes.

    Raises:
        ApiError: MISSING_ATTRIBUTE, with the attribute's name.
    """
    for name in names:
        if name not in body:
            raise ApiError("MISSING_ATTRIBUTE", name)


def check_pattern(body: Body, name: str, pattern: re.Pattern[str]) -> None:
    """Refuse an attribute that is there and is no string of this form.

    Raises:
        ApiError: INVALID_ATTRIBUTE, with the attribute's name.
    """
    if name in body and not (isinstance(body[name], str) and pattern.fullmatch(body[name])):
        raise ApiError("INVALID_ATTRIBUTE", name)


def check_enum(body: Body, name: str, values: tuple[str, ...]) -> None:
    """Refuse an attribute that is there and is none of these values.

    Raises:
        ApiError: INVALID_ATTRIBUTE if it is no string, INVALID_ENUM_VALUE otherwise.
    """
    if name not in body:
        return
    if not isinstance(body[name], str):
        raise ApiError("INVALID_ATTRIBUTE", name)
    if body[name] not in values:
        raise ApiError("INVALID_ENUM_VALUE", name, body[name])


def check_id(body: Body, name: str) -> None:
    """Refuse an attribute that is there and is no object id.

    Raises:
        ApiError: INVALID_ATTRIBUTE, with the attribute's name.
    """
    check_pattern(body, name, OBJECT_ID)


def parse_cidr(body: Body, name: str) -> ipaddress.IPv4Interface:
    """Read an IPv4 block in CIDR notation, with or without host bits.

    Raises:
        ApiError: INVALID_ATTRIBUTE if it is no string; INVALID_CIDR_BLOCK if it does not parse.
    """
    value = body[name]
    if not isinstance(value, str):
        raise ApiError("INVALID_ATTRIBUTE", name)
    # ipaddress alone would also take a plain address or a netmask.
    if not _CIDR.fullmatch(value):
        raise ApiError("INVALID_CIDR_BLOCK", value)
    try:
        return ipaddress.IPv4Interface(value)
    except ValueError:
        raise ApiError("INVALID_CIDR_BLOCK", value) from None


def is_private(block: ipaddress.IPv4Network) -> bool:
    """Tell whether a block lies wholly in one of RFC 1918's ranges."""
    return any(block.subnet_of(private) for private in _RFC_1918)
