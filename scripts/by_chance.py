"""Says which of the tests that failed last may fail by chance: those in tests/by_chance.yml. Fails if there are others."""

from __future__ import annotations

import json

import yaml  # type: ignore[import-untyped]
from checkout import ROOT, exit_with

FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"


def main() -> int:
    """Print the tests that failed, the unexpected ones first, and return the exit status."""
    lists = yaml.safe_load((ROOT / "tests" / "by_chance.yml").read_text(encoding="utf-8"))
    reasons = {name: reason for tests in lists.values() for name, reason in tests.items()}
    failed = sorted(json.loads(FAILED.read_text(encoding="utf-8"))) if FAILED.is_file() else []
    unexpected = [name for name in failed if name.partition("[")[0] not in reasons]
    for name in unexpected:
        print(f"{name}: is not in tests/by_chance.yml, so this is a fault")
    for name in failed:
        if name not in unexpected:
            print(f"{name}: {reasons[name.partition('[')[0]]}")
    return int(bool(unexpected) or not failed)


if __name__ == "__main__":
    exit_with(main)
