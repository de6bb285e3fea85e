"""Makes the checkout importable as ``ansible_collections.cloudpeer.atlas``, whatever its folder is called."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _link_collection() -> Path:
    """Link the checkout into a collection path of its own, outside the checkout, and return that path.

    It happens at import time, because the test modules import ``ansible_collections.…`` when they are collected.
    """
    path = Path(tempfile.mkdtemp(prefix="cloudpeer-atlas-tests-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    (path / "ansible_collections" / "cloudpeer").mkdir(parents=True)
    (path / "ansible_collections" / "cloudpeer" / "atlas").symlink_to(ROOT, target_is_directory=True)
    return path


COLLECTIONS_PATH = _link_collection()
sys.path.insert(0, str(COLLECTIONS_PATH))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS_PATH)
