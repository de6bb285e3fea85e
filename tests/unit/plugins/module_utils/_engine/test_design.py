"""The example of a side and a front in docs/design.md works as it stands there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import front as _front
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import plan as _plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import side as _side
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT


class Api:
    """A switch that is off, and what was asked of it."""

    calls: tuple[Any, ...] = ()
    secrets: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.is_turned_on, self.turns = False, 0

    def is_on(self, owner: str) -> bool:
        return self.is_turned_on

    def turn_on(self, owner: str) -> None:
        self.is_turned_on, self.turns = True, self.turns + 1


def test_the_example_of_the_design_turns_a_switch_on_once() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", design, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {**vars(_side), **vars(_plan), **vars(_front)}
    names |= {"partial": partial, "CONNECTION": CONNECTION, "Api": Api}
    exec(example, names)
    api, clock = Api(), FakeClock()

    @contextlib.contextmanager
    def connect(params: Any, warn: Any) -> Iterator[Api]:
        yield api

    front = type("Switched", (names["AtlasSwitch"],), {"connect": staticmethod(connect)})
    found = []
    for check_mode in (True, False, False):
        outcome = execute(front, {}, check_mode=check_mode, clock=clock, sleep=clock.sleep)
        found.append((outcome.failure, outcome.changed, outcome.values, api.turns))
    on = {"switch": {"on": True}}
    assert found == [(None, True, on, 0), (None, True, on, 1), (None, False, on, 1)]
