# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets Python keep the compiled files of this collection's code, as it does for all other code.

Ansible's loader of collections compiles each file again in each process that imports it, which takes up to two thirds of the time
of a play with nothing to do. A module that runs elsewhere does not get this file: ansible-core leaves this level out of what it
sends.
"""

from __future__ import annotations

import functools
import sys
import typing as t
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader

# Python's own code is here; in all other folders, ansible-core expects packages of its own loader.
_PACKAGES = tuple(f"{__name__}.{name}." for name in ("module_utils", "plugin_utils"))


@functools.cache
def _finder_in(folder: str) -> FileFinder:
    """Return the finder of a folder; it reads the names of the files once."""
    return FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))


class _Finder:
    """Finds the files below `_PACKAGES` the way that Python finds those on its path."""

    @staticmethod
    def find_spec(name: str, path: t.Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Return where a module is; None lets the next finder look."""
        if not name.startswith(_PACKAGES):
            return None
        found = (_finder_in(folder).find_spec(name) for folder in path or ())
        return next((spec for spec in found if spec is not None), None)


def _install() -> None:
    """Put the finder before that of ansible-core, which would find the same files; without that one, Python's own does."""
    names = [type(finder).__name__ for finder in sys.meta_path]
    if "_AnsibleCollectionFinder" in names:
        sys.meta_path.insert(names.index("_AnsibleCollectionFinder"), _Finder)


_install()
