"""Prints how the code of the collection is built: its files and lines, what could be one, and which files a task calls into."""

from __future__ import annotations

import os
import sys

from checkout import exit_with, linked_collection


def main() -> int:
    """Print the figures, and return 0: what they must be at most is said by tests/repository/test_house.py."""
    with linked_collection() as link:
        # What a task imports is counted in processes of their own, which find the collection as Ansible does.
        os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(link.parents[2])
        sys.path.insert(0, str(link.parents[2]))
        from ansible_collections.cloudpeer.atlas.tests.support import house_figures

        for title, value in house_figures.figures():
            print(f"{title:<100}{value:>8}")
    return 0


if __name__ == "__main__":
    exit_with(main)
