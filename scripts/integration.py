"""Runs the integration targets by `ansible-test integration` on a copy of the checkout, each against an emulator that it starts.

Arguments are passed on to ansible-test: names of targets, or options such as `-vvv`. Without a name, all targets run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_test import run_ansible_test


def main() -> int:
    """Run the targets and return ansible-test's own exit status."""
    return run_ansible_test(Path(sys.executable), "integration", "--local", *sys.argv[1:])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
