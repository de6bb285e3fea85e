# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS contexts as urllib3 makes them, with the certificates read once per process."""

from __future__ import annotations

import contextlib
import functools
import os
import ssl

try:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:
    # The transport says so to the user before anything here is used.
    DEFAULT_CA_BUNDLE_PATH = ""


def trusting(path: str) -> ssl.SSLContext:
    """Return the context that trusts only the certificates of a file or folder.

    Contexts are safe for threads and forks: each connection has its state to itself.

    Raises:
        OSError: If `path` cannot be read; an SSLError if it is a file without certificates.
        ValueError: If it is not a path.
    """
    # With the time of the last change, so that a replaced file is read again.
    return _read(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(path: str, unused_time: int) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(path)
    return context


@functools.lru_cache(maxsize=1)
def trusting_anybody() -> ssl.SSLContext:
    """Return the context that verifies nothing."""
    return create_urllib3_context(cert_reqs=ssl.CERT_NONE)


def preload() -> None:
    """Read the default certificates before a process forks: its workers share the context."""
    # A task that needs them reports the error.
    with contextlib.suppress(OSError):
        trusting(DEFAULT_CA_BUNDLE_PATH)
