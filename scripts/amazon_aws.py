"""Installs the collection amazon.aws into the environment, for the AWS half of the role in tests and the demo.

It comes out of the PyPI package "ansible", so that one package index is enough for everything that is developed with.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The release of the package that holds amazon.aws 10.1.2.
PACKAGE = "ansible==12.3.0"
COLLECTIONS = Path(sys.prefix) / "collections"
MEMBERS = "ansible_collections/amazon/aws/"


def main() -> int:
    """Download the package, unpack the one collection, and return the exit status."""
    if (COLLECTIONS / MEMBERS / "MANIFEST.json").is_file():
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "--no-deps", "--dest", folder, PACKAGE], check=False)
        if done.returncode:
            return done.returncode
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as package:
            package.extractall(COLLECTIONS, [name for name in package.namelist() if name.startswith(MEMBERS)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
