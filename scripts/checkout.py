"""The checkout: its root and its files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = "ansible_collections.cloudpeer.atlas"


@contextmanager
def linked_collection() -> Iterator[Path]:
    """Yield a link to the checkout in a folder where Python and mypy find the collection by its full name."""
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-") as folder:
        link = Path(folder, *COLLECTION.split("."))
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT, target_is_directory=True)
        yield link


def exit_with(main: Callable[[], int]) -> NoReturn:
    """End this program with what a function returns, or as a shell does after Ctrl-C."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)


def source_files(root: Path = ROOT) -> list[Path]:
    """Return the files that git tracks or would track, relative to the root, without deleted ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [Path(name) for name in listed if name and (root / name).is_file()]
