"""What was done, in words for people."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import in_words, lines_of


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (("create", "connection"), "connection requested"),
        (("create", "connection", "vpc-1, vpc-2", 2), "connections vpc-1, vpc-2 requested"),
        (("create", "route", "", 3), "3 routes created"),
        (("delete", "access list entry", "", 2), "2 access list entries removed"),
        (("create", "mirror"), "peering created"),
        (("delete", "mirror", "atlas-nt-1"), "peering atlas-nt-1 removed"),
        (("create", "role", "AtlasPeering/vnet-1"), "role AtlasPeering/vnet-1 given"),
        (("enable", "attribute", "enable_dns_support"), "enable_dns_support enabled"),
        (("enable", "attribute", "", 2), "2 attributes enabled"),
        (("create", "container", "us-east-1"), "network container us-east-1 created"),
        (("recreate", "connection"), "connection requested again"),
        # As a step of results.
        (("failed", "mirror"), "peering failed"),
        (("failed", "accept"), "accept failed"),
    ],
)
def test_what_is_done_is_said_as_people_say_it(done: tuple[str, str, str, int], words: str) -> None:
    assert in_words(*done) == words


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (("create", "mirror", "", "", ""), ("", "peering created\n")),
        (
            ("create", "route", "10.0.0.0/8 in rtb-1", "", "target: pcx-1"),
            ("", "route 10.0.0.0/8 in rtb-1 created: target: pcx-1\n"),
        ),
        (("replace", "route", "R", "target: a", "target: b"), ("route R: target: a\n", "route R replaced: target: b\n")),
        (("delete", "route", "R", "target: a", ""), ("route R: target: a\n", "")),
        (("delete", "role", "", "", ""), ("role\n", "")),
        (("untag", "connection", "", "team: web", ""), ("tags of connection: team: web\n", "")),
        (("accept", "connection", "", "status: pending-acceptance", "status: active"), ("", "connection accepted\n")),
        (("enable", "attribute", "dns", "enabled: False", "enabled: True"), ("", "dns enabled\n")),
    ],
)
def test_a_change_has_a_line_on_each_side_of_a_diff(change: tuple[str, str, str, str, str], lines: tuple[str, str]) -> None:
    assert lines_of(*change) == lines
