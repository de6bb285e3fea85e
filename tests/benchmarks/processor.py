"""How the processor's time grows from 400 to 800 entries with nothing to do: about twice is right, and four times is not."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from unittest import mock

from .organization import checked_organization
from .servers import REGION
from .tables import Findings, Progress, decimal, goal, table

# isort: split
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.organization_site import KEYS, account_of, block_of, vpc_of
from ansible_collections.cloudpeer.atlas.tests.support.scripted_aws import ATLAS_ACCOUNT

#: The first one is what a task takes for little more than nothing.
SIZES = (2, 400, 800)
ACCOUNTS = 5
#: How often each task and each report is made; the least time counts.
REPEATS = 5
T = TypeVar("T")
#: Times the time of half the entries.
MOST_GROWTH = 2.2
CHECK = "the check"
REPORTS: Mapping[str, Callable[[Any, str], str]] = {"its report in HTML": to_html, "its report in Markdown": to_markdown}
MOMENT = "2026-01-01T00:00:00Z"


def tasks(size: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the name, the module and the options of each task on so many connections."""
    shared = [
        {"vpc_id": vpc_of(one), "aws_account_id": account_of(one % ACCOUNTS), "cidr_block": block_of(one), "region": REGION}
        for one in range(size)
    ]
    role = {"aws_assume_role_arn": "arn:aws:iam::{account}:role/network", "container_region": REGION}
    yield (
        "`atlas_peering`",
        "atlas_peering",
        {"connections": shared, **role, "prune": True, "atlas_aws_account_ids": [ATLAS_ACCOUNT], "dns": "ignore"},
    )
    yield "`atlas_vpc_peers`", "atlas_vpc_peers", {"peers": shared, "prune": True}
    yield "`atlas_access_list`", "atlas_access_list", {"entries": [{"cidr_block": one["cidr_block"]} for one in shared]}
    yield CHECK, "atlas_vpc_peer_check", {"connections": shared, **role}


def measure(progress: Progress, sizes: Sequence[int] = SIZES) -> Findings:
    """Run each task on lists of these sizes, the reports on what the check has found, and compare the processor's times."""
    found: dict[str, list[float]] = {}
    for size in sizes:
        progress(f"processor: {size} connections are made")
        with checked_organization(projects=1, accounts=ACCOUNTS, connections=size, seconds=0) as (atlas, aws):
            settings = Settings()
            signed = {"public_key": settings.public_key, "private_key": settings.private_key, "group_id": settings.group_id}
            keys = {"AWS_ACCESS_KEY_ID": KEYS["aws_access_key"], "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_key"]}
            variables = {**keys, "AWS_ENDPOINT_URL": aws, "AWS_REGION": REGION}
            result: dict[str, Any] = {}
            with mock.patch.dict(os.environ, variables):
                for name, module, options in tasks(size):
                    progress(f"processor: {name}, {size}")
                    repeats = 2 if name == CHECK else REPEATS
                    seconds, values = run(module, {**signed, **options, "base_url": atlas.base_url}, repeats)
                    found.setdefault(name, []).append(seconds)
                    result = values if name == CHECK else result
            for name, write in REPORTS.items():
                seconds = min(timed(partial(write, result["peering_check"], MOMENT))[0] for _repeat in range(REPEATS))
                found.setdefault(name, []).append(seconds)
    return findings_of(found, sizes)


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Make a call once what others left is collected, and return the processor's seconds that it takes, and its result."""
    gc.collect()
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def run(module: str, options: Mapping[str, Any], repeats: int) -> tuple[float, dict[str, Any]]:
    """Run a task in this process, and return the least processor's seconds of some runs, and the values of its result."""
    operation, seconds = load(module), []
    checked = ArgumentSpecValidator(**operation.argument_spec.to_kwargs()).validate(dict(options))
    assert checked.error_messages == []
    for _repeat in range(repeats):
        spent, outcome = timed(partial(execute, operation, checked.validated_parameters, check_mode=False))
        seconds.append(spent)
        assert outcome.failure is None, outcome.failure
        assert not outcome.changed
    return min(seconds), outcome.values


def findings_of(found: Mapping[str, Sequence[float]], sizes: Sequence[int]) -> Findings:
    """Return the seconds of each task, and how they grow from the second size to the third, less what the first one takes."""
    grown = {name: (most - least) / (half - least) for name, (least, half, most) in found.items()}
    rows = [[name, *(decimal(one, 2) for one in seconds), decimal(grown[name], 2)] for name, seconds in found.items()]
    text = "The processor's seconds of tasks with nothing to do, the clouds near, by the number of connections in one project:"
    growth = f"{sizes[1]} to {sizes[2]}"
    lines = [
        goal(one <= MOST_GROWTH, f"{name}, from {growth} entries: at most {MOST_GROWTH} times the time: {one:.2f}")
        for name, one in grown.items()
    ]
    return Findings(f"{text}\n\n{table(['task', *sizes, f'{growth}: times'], rows)}", tuple(lines))
