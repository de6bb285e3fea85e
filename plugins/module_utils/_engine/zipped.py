# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports out of the zip file in which Ansible sends a module, with each file compiled once."""

from __future__ import annotations

import os
import sys
from zipimport import ZipImportError, zipimporter


class _Importer(zipimporter):
    """An importer that does not compile a file to tell its name, as Python's own does before it compiles the file again."""

    def get_filename(self, fullname: str) -> str:
        """Return the path of a module, for its `__file__`.

        Raises:
            ZipImportError: If it is not in the zip file.
        """
        file = os.path.join(self.archive, self.prefix, fullname.rpartition(".")[2])
        return os.path.join(file, "__init__.py") if self.is_package(fullname) else f"{file}.py"


def compile_once(loader: object) -> None:
    """Let what this process imports from now on out of a zip file be compiled once.

    A module's process has no compiled files. With each file compiled twice, that took half of its time.

    Args:
        loader: What has loaded the module; nothing is done unless that is a zip file.
    """
    if not isinstance(loader, zipimporter):
        return
    archive = loader.archive

    def importer_for(path: str) -> _Importer:
        if not path.startswith(archive):
            raise ZipImportError(f"not in {archive}")
        return _Importer(path)

    sys.path_hooks.insert(0, importer_for)
    # Folders from which something was imported before have an importer.
    for path in [path for path in sys.path_importer_cache if path.startswith(archive)]:
        sys.path_importer_cache[path] = importer_for(path)
