"""The role `vpc_peering` with fifty VPCs, on both clouds, both far away: from nothing, and again."""

from __future__ import annotations

from .runs import Measurement, Play, run
from .servers import ROUND_TRIP, aws_server, distant, distant_emulator
from .tables import NOT_MEASURED, Findings, Progress, decimal, table

# isort: split
from ansible_collections.cloudpeer.atlas.tests.support.aws import USER_ACCOUNT, Account

SIZE = 50
REGION = "us-east-1"
RUNS = ("from nothing", "again")


def measure(progress: Progress) -> Findings:
    """Connect fifty VPCs, twice."""
    found: dict[str, dict[str, Measurement]] = {}
    with aws_server() as aws, distant(aws) as far_aws, distant_emulator(step_seconds=1, aws_endpoint_url=aws) as atlas:
        progress(f"role: {SIZE} VPCs are made")
        account = Account(aws, USER_ACCOUNT)
        ec2 = account.ec2(REGION)
        shared = {"aws_account_id": account.id, "region": REGION}
        connections = [
            {"vpc_id": ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"], "cidr_block": block, **shared}
            for block in (f"10.{number}.0.0/16" for number in range(SIZE))
        ]
        environment = {**account.environment(REGION), "AWS_ENDPOINT_URL": far_aws}
        play = Play("role", {"connections": connections}, environment=environment, is_steady=False)
        for name in RUNS:
            progress(f"role: {SIZE} VPCs, {name}")
            found[name] = run(atlas, play).measurements
    return Findings(_table(found))


def _table(found: dict[str, dict[str, Measurement]]) -> str:
    steps = list(dict.fromkeys(step for one in found.values() for step in one))

    def cells(measured: Measurement | None) -> list[str]:
        return [decimal(measured.seconds, 2), str(measured.requests)] if measured else [NOT_MEASURED] * 2

    rows = [[step, *(cell for name in RUNS for cell in cells(found[name].get(step)))] for step in steps]
    totals = [
        Measurement(sum(one.seconds for one in found[name].values()), sum(one.requests for one in found[name].values()), 0)
        for name in RUNS
    ]
    rows.append(["all", *(cell for total in totals for cell in cells(total))])
    headings = ["step"] + [f"{name}: {what}" for name in RUNS for what in ("seconds", "requests to Atlas")]
    return (
        f"The role with {SIZE} VPCs, AWS and Atlas {ROUND_TRIP * 1000:.0f} ms away, a connection one second in each state:\n\n"
        + table(headings, rows)
    )
