"""What answers in memory answers as the server does: one conversation of each Operation with Atlas, both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import threads
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport
from ansible_collections.cloudpeer.atlas.tests.support import memory as _memory
from ansible_collections.cloudpeer.atlas.tests.support import operations
from ansible_collections.cloudpeer.atlas.tests.support.harness import PAIR, PEERING, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

#: The id of nothing: each task with it is refused.
OUTSIDE = "f" * 24
ELSEWHERE = {"group_id": OUTSIDE}
ABSENT = {"state": "absent"}
PRUNE = {"prune": True, "allow_empty": True, "max_deletions": 2}
ENTRY = {"cidr_block": "10.15.0.0/16"}
CONTAINER = {"region_name": "eu-west-1", "atlas_cidr_block": "172.20.0.0/21"}
CHECK = {"aws": False, "fail_on": "never"}
LISTED = {**PAIR, "cidr_block": "10.15.0.0/16", "region": "us-east-1"}
#: Of each module, the options of its tasks, one after the other: something made or read, twice; a refusal; and its end. They find
#: a project with a connection, an entry in the access list and a cluster.
CONVERSATIONS: Mapping[str, list[dict[str, Any]]] = {
    "atlas_access_list": [
        {"entries": [ENTRY]},
        {"entries": [ENTRY]},
        {"entries": [ENTRY], **ELSEWHERE},
        {"entries": [ENTRY], **ABSENT},
    ],
    "atlas_access_list_info": [{}, {"comment": "x*"}, ELSEWHERE],
    "atlas_cluster_info": [{}, {"name": "shop"}, ELSEWHERE],
    "atlas_custom_dns": [{"enabled": True}, {"enabled": True}, {"enabled": True, **ELSEWHERE}, {"enabled": False}],
    "atlas_network_container": [
        CONTAINER,
        CONTAINER,
        {**CONTAINER, **ELSEWHERE},
        {"region_name": "eu-west-1", **ABSENT},
    ],
    "atlas_network_container_info": [{}, {"region_name": "us-east-1"}, ELSEWHERE],
    "atlas_peering": [
        {"connections": [LISTED], "aws": False},
        {"connections": [LISTED], "aws": False},
        {"connections": [LISTED], "aws": False, **ELSEWHERE},
        {"connections": [LISTED], "aws": False, **ABSENT},
    ],
    "atlas_project_info": [{"group_id": None}, {"group_id": None, "project_names": ["*"]}, {"group_id": None, "org_id": OUTSIDE}],
    "atlas_vpc_peer": [PEERING, PEERING, {**PEERING, "container_id": OUTSIDE}, {**PEERING, **ELSEWHERE}, {**PAIR, **ABSENT}],
    "atlas_vpc_peer_check": [CHECK, {**CHECK, "connections": [LISTED]}, {**CHECK, **ELSEWHERE}],
    "atlas_vpc_peer_info": [{}, PAIR, {"peer_id": "0" * 24}, ELSEWHERE],
    "atlas_vpc_peers": [{"peers": [PEERING]}, {"peers": [PEERING]}, {"peers": [PEERING], **ELSEWHERE}, {"peers": [], **PRUNE}],
}
#: What a server adds to each reply.
ADDED = ("date", "server", "connection", "content-length")
#: Ids, times, what a digest makes up, and the address of the emulator: whatever differs from run to run.
MADE_UP = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])|(?:nonce|response)=\\\"[^\\]+|127\.0\.0\.1:\d+"
    r"|(?:pcx|vpc|sg)-[0-9a-f]+|\"milliseconds\": \d+"
)
# Two of these are the same if they are of one second, which is chance.
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")


@contextmanager
def recorded() -> Iterator[list[Any]]:
    """Yield a list of all requests and replies, as the collection sends and reads them."""
    found: list[Any] = []
    exchange = Transport.exchange

    def record(self: Transport, prepared: Any, timeout: float, path: str) -> Any:
        reply = exchange(self, prepared, timeout, path)
        headers = {name.lower(): value for name, value in reply.headers.items() if name.lower() not in ADDED}
        sent = {name: str(value) for name, value in prepared.headers.items()}
        content = (prepared.body or b"").decode()
        found.append([prepared.method, prepared.url, sent, content, reply.status, headers, reply.content.decode(), reply.flaw])
        return reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "exchange", record)
        yield found


def converse(atlas: Atlas, module: str) -> list[Any]:
    """Have a conversation, and return what was said, and what came of each task."""
    atlas.put_cluster("shop", "AWS", "US_EAST_1")
    atlas.add_peer(vpcId="vpc-0000000000000beef", routeTableCidrBlock="10.77.0.0/16")
    said: list[Any] = []
    for options in CONVERSATIONS[module]:
        with recorded() as found:
            done = atlas.run(operations.load(module), **options)
        said.append([found, done.result, done.warnings, done.details])
    return said


def by_appearance(said: list[Any]) -> list[Any]:
    """Return a conversation in which what is made up has the number of its first appearance."""
    numbers: dict[str, str] = {}
    text = TIME.sub("a time", json.dumps(said, indent=1, sort_keys=True))
    return MADE_UP.sub(lambda match: numbers.setdefault(match[0], f"<{len(numbers)}>"), text).splitlines()


@pytest.mark.parametrize("module", CONVERSATIONS)
def test_memory_answers_as_the_wire_does(module: str, make_atlas: Callable[..., Atlas], monkeypatch: pytest.MonkeyPatch) -> None:
    make = threads.Workers.__init__
    # One request after the other: their order is the same each time.
    monkeypatch.setattr(threads.Workers, "__init__", lambda self, limit: make(self, 1))
    ways = []
    for enabled in (True, False):
        monkeypatch.setattr(_memory, "ENABLED", enabled)
        before = _memory.ANSWERED.total()
        said = converse(make_atlas(), module)
        assert (_memory.ANSWERED.total() > before) == enabled
        ways.append(said)
    in_memory, on_sockets = ways
    results = [result for unused, result, *more in in_memory]
    assert sum("msg" in result for result in results) == sum(OUTSIDE in json.dumps(one) for one in CONVERSATIONS[module])
    if not module.endswith(("_info", "_check")):
        assert [results[number]["changed"] for number in (0, 1, -1)] == [True, False, True]
    assert by_appearance(in_memory) == by_appearance(on_sockets)


def test_each_module_that_talks_to_atlas_has_a_conversation() -> None:
    with_others = {*operations.CLOUD_MODULES, *operations.LOCAL_MODULES, "atlas_vpc_peer_accepter"}
    files = {path.stem for path in (ROOT / "plugins" / "module_utils" / "_operations").glob("atlas_*.py")}
    assert {*CONVERSATIONS} == files - with_others
