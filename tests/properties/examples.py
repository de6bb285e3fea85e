"""How many examples a property gets, and how many it has had: a few by default, more by FUZZ_FACTOR."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

Test = TypeVar("Test", bound=Callable[..., Any])

#: Set by "make test-full" and "make fuzz".
FACTOR = float(os.environ.get("FUZZ_FACTOR") or 0.1)
#: How many examples each property has at least.
LEAST = 5
#: Examples that ran in this process, by test.
RAN: Counter[str] = Counter()


def options(number: int) -> settings:
    """Return the settings of a property: the same examples every time, unless the task is to find new ones."""
    return settings(
        max_examples=max(LEAST, round(number * FACTOR)),
        derandomize=FACTOR <= 1,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def examples(number: int) -> Callable[[Test], Test]:
    """Give a property (what `given` returns) so many examples, and count them."""

    def apply(test: Test) -> Test:
        inner = test.hypothesis.inner_test  # type: ignore[attr-defined]

        @wraps(inner)
        def counting(*arguments: Any, **keywords: Any) -> Any:
            RAN[test.__name__] += 1
            return inner(*arguments, **keywords)

        test.hypothesis.inner_test = counting  # type: ignore[attr-defined]
        return options(number)(test)

    return apply
