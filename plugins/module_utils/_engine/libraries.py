# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python packages for the clouds: whether they are there, without loading them, and in a version that will do."""

from __future__ import annotations

import functools
import re
import typing as t
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from .._http.errors import TaskError
from .operation import Library

if t.TYPE_CHECKING:
    from .._clouds.cloud import Cloud

# The oldest versions with which the collection works, and what is imported of each package.
OLDEST = {"boto3": "1.28", "azure-identity": "1.17", "google-auth": "2.14"}
_MODULES = {"azure-identity": "azure.identity", "google-auth": "google.auth"}


@functools.cache
def find_library(name: str, import_error: str | None = None) -> Library:
    """Return a package with the reason why it cannot be used; None as the reason if it can.

    Args:
        name: The package, one of `OLDEST`.
        import_error: The traceback of its import, if that has failed.
    """
    module = _MODULES.get(name, name)
    try:
        is_there = import_error is None and find_spec(module) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        return name, import_error or f"No module named {module!r}"
    try:
        found = version(name)
    except PackageNotFoundError:
        # Installed in a way of its own: then its version is not known.
        return name, None
    return name, f"{name} {found} instead of {OLDEST[name]} or later" if _numbers(found) < _numbers(OLDEST[name]) else None


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", text)]


def lack_of(name: str, error: str) -> str:
    """Return what a Python has in place of a package that can be used: `no boto3`, or its version and the oldest that will do."""
    return error if _is_old(name, error) else f"no {name}"


def command_for(name: str, error: str) -> str:
    """Return the command that installs a package, or a newer version of it."""
    return f"pip install {'--upgrade ' if _is_old(name, error) else ''}{name}"


def _is_old(name: str, error: str) -> bool:
    """Whether the reason is the version; others are tracebacks, or the words of Python for them."""
    return error.startswith(f"{name} ")


def check_libraries(libraries: t.Iterable[Library], cloud: Cloud) -> None:
    """Check that the packages for a cloud can be used.

    Raises:
        TaskError: If one is missing, or too old.
    """
    for name, error in libraries:
        if error is not None:
            raise TaskError(
                f"The host that this task runs on has {lack_of(name, error)}, which is needed to read {cloud.name}.",
                hint=f"Run {command_for(name, error)} for its Python, or set {cloud.half[0]} to false.",
            )
