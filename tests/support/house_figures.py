"""The figures of `make house`: how the code is built, and which of its files a task enters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION as PEER
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION as CHECK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION as PEERS
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings

from .harness import PEERING, Atlas, FakeClock
from .house import (
    FILES,
    PLUGINS,
    SHARED_FILES,
    SHORT,
    entered_by,
    files_with_one_importer,
    functions_of,
    lines_of,
    name_of,
    names_of_several_definitions,
    names_of_several_files,
    short_files_with_one_importer,
)
from .paths import ROOT
from .sets import entry

#: What `files_entered` runs, by its name.
CREATION, SET_OF_TWO, HALF_A_CHECK = "one creation", "a set of two", "a check of Atlas's half"


def files_entered() -> dict[str, list[str]]:
    """Return the files of the plugins that a task enters, in a process that has run it before."""
    clock = FakeClock()
    with running(Settings(step_seconds=1)) as emulator:
        emulator.project = Project(emulator.settings, clock)
        atlas = Atlas(emulator, clock, emulator.base_url)

        def entered(run: Callable[..., Any], before: dict[str, Any], options: dict[str, Any]) -> list[str]:
            def succeed(given: dict[str, Any]) -> None:
                done = run(**given)
                assert not done.failed, done.msg

            succeed(before)
            return entered_by(partial(succeed, options))

        first, second = (
            {**PEERING, "vpc_id": f"vpc-{number:017x}", "route_table_cidr_block": f"10.10{number}.0.0/16"} for number in (1, 2)
        )
        check = {"connections": [{"vpc_id": second["vpc_id"]}], "aws": False, "fail_on": "never"}
        return {
            CREATION: entered(partial(atlas.run, PEER), first, second),
            SET_OF_TWO: entered(partial(atlas.run, PEERS), {"peers": [entry(11)]}, {"peers": [entry(11), entry(12)]}),
            HALF_A_CHECK: entered(partial(atlas.run, CHECK), check, check),
        }


def figures() -> Iterator[tuple[str, object]]:
    """Yield each figure with its title."""
    tests = [file for file in ROOT.glob("tests/**/*.py") if not {"emulator", "clouds"} & {*file.relative_to(ROOT).parts[1:2]}]
    documented = [*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("doc_fragments/*.py")]
    yield "files in module_utils", len(SHARED_FILES)
    yield "lines in module_utils", sum(map(lines_of, SHARED_FILES))
    yield "lines of its longest file", max(map(lines_of, SHARED_FILES))
    yield "lines in modules and fragments", sum(map(lines_of, documented))
    yield "lines in tests, without emulator and stand-ins", sum(map(lines_of, tests))
    yield "files in module_utils with one importer", len(files_with_one_importer())
    yield f"  of these, under {SHORT} lines and not chosen by name", len(short_files_with_one_importer())
    yield "names of files that stand twice, beside the exceptions", len(names_of_several_files())
    yield "names of classes and constants that stand twice", len(names_of_several_definitions())
    for name, entered in files_entered().items():
        yield f"files entered by {name}", len(entered)
    longest = sorted(((lines, name, file) for file in FILES for name, lines in functions_of(file)), reverse=True)
    for lines, name, file in longest[:5]:
        yield f"lines of {name} in {name_of(file)}", lines
