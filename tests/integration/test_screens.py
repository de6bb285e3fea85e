"""What one failed task prints without `-v`, on stdout and stderr: a screen, not a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc

#: The most bytes of a check of 40 VPCs with one cause.
CHECK = 8_000


def printed(run: RoleRunner, task: dict[str, Any]) -> str:
    """Return what the only task of a play prints, which fails, or that task of a role."""
    done = run.plays([{"hosts": "localhost", "tasks": [task]}], status=2)
    return max(done.output.split("\nTASK ["), key=len)


def test_a_check_that_fails_is_a_screen(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    sites = [make_site(block=f"10.{number}.0.0/24") for number in range(40)]
    wanted = {"connections": [one.connection for one in sites], "container_region": "us-east-1", "access_list": False}
    assert run(**wanted).changed == 1
    alone = printed(run, {"cloudpeer.atlas.atlas_vpc_peer_check": {"connections": wanted["connections"]}})
    in_role = printed(run, run.use(**wanted, verify=True))
    for text in (alone, in_role):
        assert len(text.encode()) < CHECK
        assert "P301 The access list is empty" in text
        assert f"40 connections: {sites[0].vpc_id}, {sites[1].vpc_id}, {sites[2].vpc_id} and 37 more." in text
