"""`atlas_peering` and the role: fifty VPCs in five accounts, and 150 routes in one, both clouds far away and with AWS's rates."""

from __future__ import annotations

from typing import Any

from .runs import Measurement, Play, run, total
from .servers import ACCOUNTS, ROUND_TRIP, BothClouds, both_clouds
from .tables import Findings, Progress, decimal, goal, table

SIZE = 50
#: The VPCs in one account, and how many route tables each has.
ROUTES = (50, 3)
#: What Atlas allows: connections that wait for their acceptance.
PENDING = 25
STATES = {"from nothing": "present", "nothing to do": "present", "absent": "absent"}
#: Goals for the task, in seconds: until its end, and of processor time.
MOST = {"from nothing": (10.0, 2.5), "nothing to do": (2.0, 2.0)}
#: And in requests to Atlas, without challenges, and to AWS.
REQUESTS = {"from nothing": (120, 145), "nothing to do": (3, 20), "absent": (110, 120)}
NAMES = {"peering": "`atlas_peering`", "role": "the role"}


def measure(progress: Progress, size: int = SIZE, routes: tuple[int, int] = ROUTES) -> Findings:
    """Connect the VPCs, again, and disconnect them, by the task and by the role; then make many routes in one account."""
    found: dict[tuple[str, str], tuple[Measurement, int]] = {}
    with both_clouds() as clouds:
        for way in NAMES:
            clouds.begin()
            progress(f"peering: {size} VPCs are made")
            connections = clouds.make_vpcs(size)
            for name, state in STATES.items():
                progress(f"peering: {name}, {way}")
                repeats = 3 if name == "nothing to do" else 1
                found[way, name] = run_once(clouds, way, connections, repeats, state=state)
    with both_clouds(max_pending_peers=PENDING) as clouds:
        progress(f"peering: from nothing, {PENDING} pending")
        given = clouds.make_vpcs(size)
        found["peering", f"from nothing, {PENDING} pending"] = run_once(clouds, "peering", given)
    vpcs, tables = routes
    with both_clouds() as clouds:
        progress(f"peering: {vpcs * tables} routes in one account")
        given = clouds.make_vpcs(vpcs, ACCOUNTS[:1], tables)
        found["peering", f"{vpcs * tables} routes in one account"] = run_once(clouds, "peering", given)
    rows = [
        [
            f"{name}: {NAMES[way]}",
            decimal(measured.seconds, 2),
            decimal(measured.processor, 2),
            measured.requests - measured.challenges,
            to_aws,
        ]
        for (way, name), (measured, to_aws) in found.items()
    ]
    text = (
        f"Both sides of {size} VPCs in {len(ACCOUNTS)} AWS accounts, AWS and Atlas {ROUND_TRIP * 1000:.0f} ms away, a connection "
        "one second in each state, with AWS's rates; the requests to Atlas without challenges:\n\n"
        + table(["what: way", "seconds", "processor seconds", "requests to Atlas", "to AWS"], rows)
    )
    return Findings(text, tuple(_goals(found)))


def run_once(
    clouds: BothClouds,
    playbook: str,
    connections: list[dict[str, str]],
    repeats: int = 1,
    environment: dict[str, str] | None = None,
    **given: Any,
) -> tuple[Measurement, int]:
    """Run a playbook on connections, and return what all of its tasks took together, and the requests to AWS."""
    clouds.front.forget()
    variables = {"connections": connections, **given}
    shared = {**clouds.environment, **(environment or {})}
    measured = total(run(clouds.atlas, Play(playbook, variables, environment=shared, repeats=repeats, is_steady=False)))
    return measured, len(clouds.front.calls) // repeats


def _goals(found: dict[tuple[str, str], tuple[Measurement, int]]) -> list[str]:
    lines = []
    for name, (seconds, processor) in MOST.items():
        measured, unused = found["peering", name]
        text = f"`atlas_peering`, {name}: at most {seconds:g} s, and {processor:g} s of processor time"
        is_met = measured.seconds <= seconds and measured.processor <= processor
        lines.append(goal(is_met, f"{text}: {measured.seconds:.2f} s, {measured.processor:.2f} s"))
    for name, (most, most_to_aws) in REQUESTS.items():
        measured, to_aws = found["peering", name]
        sent = measured.requests - measured.challenges
        text = f"`atlas_peering`, {name}: at most {most} requests to Atlas and {most_to_aws} to AWS"
        lines.append(goal(sent <= most and to_aws <= most_to_aws, f"{text}: {sent}, and {to_aws}"))
    return lines
