from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.common import listed, ports_text, span_text


def test_a_list_names_three_and_how_many_more_there_are() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed("abcd") == "a, b, c and d"
    assert listed("abcde") == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ([(27017, 27017)], "port 27017"),
        ([(27015, 27016)], "ports 27015 to 27016"),
        ([(27015, 27015), (27017, 27018)], "ports 27015 and 27017 to 27018"),
    ],
)
def test_ports_are_one_or_several(ranges: list[tuple[int, int]], text: str) -> None:
    assert ports_text(ranges) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(days=2, minutes=4), "2 d"),
        (timedelta(hours=3), "3 h 0 min"),
        (timedelta(minutes=5, seconds=59), "5 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(days=-1), "0 min"),
    ],
)
def test_a_span_has_its_two_greatest_units(span: timedelta, text: str) -> None:
    assert span_text(span) == text
