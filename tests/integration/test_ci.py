"""The workflows beside the guide "A week in production" do what it says: their commands run, in their order."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc

FOLDER = ROOT / "docs" / "examples" / "ci"
JOBS = ("plan", "apply", "watch")


def commands(file: Path) -> dict[str, list[list[str]]]:
    """Return the words of the commands of each job that run ansible-playbook, without the name of that."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    jobs = content.get("jobs", content)
    return {
        name: [shlex.split(line)[1:] for line in lines_of(jobs[name]) if line.startswith("ansible-playbook ")] for name in JOBS
    }


def lines_of(job: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the scripts of a job, on GitHub or on GitLab."""
    for script in [*job.get("script", []), *(step.get("run", "") for step in job.get("steps", []))]:
        yield from script.splitlines()


@pytest.mark.full
@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_a_plan_is_reviewed_and_applied(name: str, run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    site = make_site()
    site.ec2.create_subnet(VpcId=site.vpc_id, CidrBlock="10.15.1.0/24")
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": True})
    with run.emulator.project.now() as project:
        project.put_cluster({"name": "shop", "regions": [{"region_name": "US_EAST_1"}]})
    run.environment |= {"VPC_ID": site.vpc_id, "AWS_ACCOUNT_ID": site.account.id}
    shutil.copy(FOLDER / "peering.yml", tmp_path)

    def execute(words: list[str], status: int = 0) -> Any:
        playbook, *options = (word.replace("$PWD", str(tmp_path)) for word in words)
        file = (
            ROOT / "playbooks" / f"{playbook.rpartition('.')[2]}.yml"
            if playbook.startswith("cloudpeer.")
            else tmp_path / playbook
        )
        return run.playbook(file, *options, status=status)

    jobs = commands(FOLDER / f"{name}.yml")
    planned, shown = [execute(words) for words in jobs["plan"]]
    assert (planned.changed, run.writes, site.atlas) == (1, [], {})
    assert site.vpc_id in (tmp_path / "plan.md").read_text(encoding="utf-8")
    assert shown.changed == 0
    applied, verified = [execute(words) for words in jobs["apply"]]
    assert (applied.changed, verified.changed) == (1, 0)
    site.assert_connected()
    # With what has been done since, the plan is in place.
    assert execute(jobs["apply"][0]).changed == 0
    site.ec2.delete_route(RouteTableId=site.table["RouteTableId"], DestinationCidrBlock="192.168.248.0/21")
    for words in jobs["watch"]:
        assert "P601" in execute(words, status=2).output
