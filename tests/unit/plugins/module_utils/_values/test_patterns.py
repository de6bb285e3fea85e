"""Patterns over fields: what they fit, and what cannot be a pattern."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import parse_account_id, parse_vpc_id
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import (
    InvalidValueError,
    fits_in_any_case,
    fits_shell,
    matches,
    parse_pattern,
)

FORMS: dict[str, t.Any] = {"vpc_id": parse_vpc_id, "aws_account_id": parse_account_id, "status_name": None}
FIELDS = {"vpc_id": "vpc-0a1b2c3d4e5f67890", "aws_account_id": "123456789012", "status_name": None}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"vpc_id": "vpc-0a1b2c3d4e5f67890"}, True),
        ({"vpc_id": "vpc-0a*"}, True),
        ({"vpc_id": "vpc-?a1b2c3d4e5f67890"}, True),
        ({"vpc_id": "vpc-[0-3]*"}, False),
        ({"vpc_id": "VPC-0a*"}, False),
        ({"vpc_id": "vpc-0b*"}, False),
        ({"vpc_id": "vpc-0a*", "aws_account_id": "123456789012"}, True),
        ({"vpc_id": "vpc-0a*", "aws_account_id": "999*"}, False),
        ({"aws_account_id": 123456789012}, True),
        ({"vpc_id": None}, False),
        ({"status_name": "*"}, False),
        ({"status_name": None}, False),
    ],
)
def test_all_fields_of_a_pattern_have_to_fit(pattern: dict[str, t.Any], fits: bool) -> None:
    assert matches(parse_pattern(pattern, FORMS), FIELDS, {}) is fits


@pytest.mark.parametrize(
    "text", ["Team B [prod]", "[", "]", "[!a]", "[[]", "[]]", "a*b?c[d]", "\\*", "a\nb", "ä", "(.+)", "x" * 80], ids=repr
)
def test_equal_texts_fit(text: str) -> None:
    assert matches(parse_pattern({"status_name": text}, FORMS), {"status_name": text}, {})
    assert matches(parse_pattern({"status_name": f"{text}*"}, FORMS), {"status_name": f"{text} more"}, {})
    assert not matches(parse_pattern({"status_name": text}, FORMS), {"status_name": f"other{text}"}, {})


def test_a_field_can_have_a_comparison_of_its_own() -> None:
    pattern = parse_pattern({"status_name": "[A-C]*"}, FORMS, "*?[")
    assert [matches(pattern, {"status_name": "B1"}, {"status_name": one}) for one in (fits_shell, fits_in_any_case)] == [
        True,
        False,
    ]
    assert matches(parse_pattern({"status_name": "a?"}, FORMS), {"status_name": "AB"}, {"status_name": fits_in_any_case})
    assert not matches(pattern, {"status_name": None}, {"status_name": fits_in_any_case})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({}, " is empty"),
        ({"vpc": "vpc-0a*"}, ".vpc is not a field"),
        ({"vpc_id": True}, ".vpc_id is not a text: True"),
        ({"vpc_id": ["vpc-0a1b2c3d4e5f67890"]}, ".vpc_id is not a text: ['vpc-0a1b2c3d4e5f67890']"),
        ({"vpc_id": "vpc-0A1B2C3D4E5F67890"}, ".vpc_id is not the id of a VPC: 'vpc-0A1B2C3D4E5F67890'"),
        ({"aws_account_id": ""}, ".aws_account_id is empty"),
    ],
)
def test_what_could_never_fit_is_refused(pattern: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_pattern(pattern, FORMS, "ignore[0]")
    assert str(caught.value) == f"ignore[0]{message}"
    assert caught.value.hint


def test_a_number_that_yaml_has_read_as_octal_is_explained() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_pattern({"aws_account_id": 1402433619}, FORMS)
    assert "octal" in caught.value.hint
    assert "'012345670123'" in caught.value.hint
