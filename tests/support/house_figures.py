"""The figures of `make house`: how the code is built, which of its files a task enters, and how often it calls into them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION as PEER
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION as CHECK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION as PEERS
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings

from . import memory
from .harness import PEERING, Atlas, Done, FakeClock
from .house import (
    FILES,
    PLUGINS,
    SHARED_FILES,
    SHORT,
    calls_of,
    files_with_one_importer,
    functions_of,
    lines_of,
    name_of,
    names_of_several_definitions,
    names_of_several_files,
    short_files_with_one_importer,
)
from .house_bounds import BOUNDS
from .imported import imported_by, source_of
from .paths import ROOT
from .sets import entries, entry

#: What `files_entered` runs, by its name.
CREATION, SET_OF_TWO, HALF_A_CHECK = "one creation", "a set of two", "a check of Atlas's half"
ONE_MORE = "one more in a list of atlas_peering"
#: The lists whose calls are counted, by module: with no more connections than may be pending in Atlas, and with more.
SIZES = (12, 24, 20, 40)
SET, BOTH_SIDES = "atlas_vpc_peers", "atlas_peering"


def files_entered(aws: Any) -> dict[str, list[str]]:
    """Return the files of the plugins that a task enters, in a process that has run it before.

    Args:
        aws: AWS, as `running_aws` yields it.
    """
    clock = FakeClock()
    with running(Settings(step_seconds=1)) as emulator, _running_path(aws) as site:
        emulator.project = Project(emulator.settings, clock)
        atlas = Atlas(emulator, clock, emulator.base_url)

        def entered(run: Callable[..., Any], before: dict[str, Any], options: dict[str, Any]) -> list[str]:
            def succeed(given: dict[str, Any]) -> None:
                done = run(**given)
                assert not done.failed, done.msg

            succeed(before)
            return sorted(calls_of(partial(succeed, options)))

        connections = site.make_vpcs(2, auth="keys")
        first, second = (
            {**PEERING, "vpc_id": f"vpc-{number:017x}", "route_table_cidr_block": f"10.10{number}.0.0/16"} for number in (1, 2)
        )
        check = {"connections": [{"vpc_id": second["vpc_id"]}], "aws": False, "fail_on": "never"}
        return {
            CREATION: entered(partial(atlas.run, PEER), first, second),
            SET_OF_TWO: entered(partial(atlas.run, PEERS), {"peers": [entry(11)]}, {"peers": [entry(11), entry(12)]}),
            HALF_A_CHECK: entered(partial(atlas.run, CHECK), check, check),
            ONE_MORE: entered(site.run, {"connections": connections[:1]}, {"connections": connections}),
        }


def source_imported() -> dict[str, tuple[int, int]]:
    """Return how many files of module_utils tasks import, and the characters of their source.

    They are about Atlas's half of one connection or of two: with nothing to do, in check mode, and from nothing.
    """
    clock = FakeClock()
    with running(Settings(step_seconds=0, accept="auto")) as emulator:
        atlas = Atlas(emulator, clock, emulator.base_url)
        signed = {"public_key": emulator.settings.public_key, "private_key": emulator.settings.private_key}
        usual = {**signed, "base_url": atlas.base_url, "group_id": emulator.settings.group_id}
        found = {}
        for place, (module, make) in enumerate(_LISTS.items()):
            own = [{**entry(10 * place + number), "container_id": atlas.container_id} for number in (1, 2)]
            plans = {"from nothing": {}, "nothing to do": {}, "check mode": {"_ansible_check_mode": True}}
            for name, more in plans.items():
                files = imported_by(module, {**usual, **make(own), **more})
                found[f"{module}, {name}"] = (len(files), source_of(files))
        return found


#: How the options of a module name some connections.
_LISTS: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "atlas_vpc_peer": lambda entries: entries[0],
    SET: lambda entries: {"peers": entries},
    BOTH_SIDES: lambda entries: {"connections": entries, "aws": False},
}


def calls_of_list(aws: Any, module: str, size: int, verbosity: int) -> tuple[int, int]:
    """Return the calls into the plugins of a task that makes so many connections, and of the same task with nothing to do.

    All requests are answered in memory, and the clock is moved on by pauses alone, so the numbers are nearly the same each time.

    Args:
        aws: AWS, as `running_aws` yields it.
        module: One of `SET` and `BOTH_SIDES`.
        size: How many connections there are.
        verbosity: How many times the user says `-v`.
    """
    if module == SET:
        clock = FakeClock()
        with memory.running(Settings(step_seconds=1, accept="auto")) as emulator:
            emulator.project = Project(emulator.settings, clock)
            atlas = Atlas(emulator, clock, emulator.base_url)
            return _calls_of_both(partial(atlas.run, PEERS, peers=entries(size), wait=True, verbosity=verbosity))
    with _running_path(aws) as site:
        return _calls_of_both(partial(site.run, connections=site.make_vpcs(size, auth="keys"), verbosity=verbosity))


def _import(name: str) -> Any:
    """Import a file of this folder late, because it takes seconds, and by its name, because it has no types for mypy."""
    return import_module(f".{name}", __package__)


@contextmanager
def _running_path(aws: Any) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder, _import("path_site").running_path(aws, Path(folder)) as site:
        yield site


def _calls_of_both(run: Callable[[], Done]) -> tuple[int, int]:
    def count(*, is_new: bool) -> int:
        done: list[Done] = []
        calls = calls_of(lambda: done.append(run()))
        assert not done[0].failed, done[0].msg
        assert done[0].changed is is_new
        return calls.total()

    return count(is_new=True), count(is_new=False)


def figures() -> Iterator[tuple[str, object]]:
    """Yield each figure with its title."""
    tests = [file for file in ROOT.glob("tests/**/*.py") if not {"emulator", "clouds"} & {*file.relative_to(ROOT).parts[1:2]}]
    documented = [*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("doc_fragments/*.py")]
    for bound in BOUNDS:
        yield f"{bound.title} (at most {bound.most:,} today; the goal is {bound.goal:,})", bound.figure()
    yield "lines in module_utils", sum(map(lines_of, SHARED_FILES))
    yield "lines in modules and fragments", sum(map(lines_of, documented))
    yield "lines in tests, without emulator and stand-ins", sum(map(lines_of, tests))
    yield "files in module_utils with one importer", len(files_with_one_importer())
    yield f"  of these, under {SHORT} lines and not chosen by name", len(short_files_with_one_importer())
    yield "names of files that stand twice, beside the exceptions", len(names_of_several_files())
    yield "names of classes and constants that stand twice", len(names_of_several_definitions())
    yield from _figures_of_tasks()
    longest = sorted(((lines, name, file) for file in FILES for name, lines in functions_of(file)), reverse=True)
    for lines, name, file in longest[:5]:
        yield f"lines of {name} in {name_of(file)}", lines


def _figures_of_tasks() -> Iterator[tuple[str, object]]:
    for name, (files, source) in source_imported().items():
        yield f"files of module_utils imported by {name}", files
        yield "  characters of their source", source
    with _import("aws").running_aws() as aws:
        for name, entered in files_entered(aws).items():
            yield f"files entered by {name}", len(entered)
        for module in (SET, BOTH_SIDES):
            for size in SIZES:
                for verbosity, suffix in enumerate(("", " and -v")):
                    new, unchanged = calls_of_list(aws, module, size, verbosity)
                    yield f"calls of {module}, {size} from nothing{suffix}", new
                    yield f"  with nothing to do{suffix}", unchanged
