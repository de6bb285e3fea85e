# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Requests that got no reply, as exceptions: what happened to the connection, and what to do next."""

from __future__ import annotations

import typing as t

from .errors import MAX_DETAIL_LENGTH, AtlasConnectionError
from .redact import redacted

ConnectionFailure = t.Literal["untrusted", "no proxy", "no files", "unreachable", "silent", "broken"]
_CONNECTION_FAILURES: dict[ConnectionFailure, tuple[str, str]] = {
    "untrusted": (
        "cannot trust {where}",
        "Set ca_path to the certificates that sign it; validate_certs=false would trust anybody.",
    ),
    "no proxy": (
        "cannot reach {where} through the proxy",
        "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the task.",
    ),
    "no files": (
        "this host has too many files open to reach {where}",
        "The request was not sent. Raise the limit of open files (ulimit -n), or run fewer tasks at once.",
    ),
    "unreachable": ("cannot reach {where}", "Check base_url and the way to it (DNS, firewall, proxy)."),
    "silent": ("no answer in time from {where}", "Check base_url and the way to it (firewall, proxy), or raise timeout."),
    "broken": (
        "the connection to {where} broke before a whole reply came",
        "Run the task again; if it stays, look for a proxy in between.",
    ),
}


def connection_error(
    doing: str, failure: ConnectionFailure, where: str, error: BaseException, *, is_write: bool, secrets: t.Iterable[str] = ()
) -> AtlasConnectionError:
    """Make the error for a request that got no reply.

    Args:
        doing: What failed, as a verb phrase.
        failure: What happened to the connection.
        where: The base URL.
        error: The exception of the HTTP library; its innermost cause is told.
        is_write: Whether the request would have changed something.
        secrets: What must not be shown.
    """
    root = root_cause(error)
    cause = getattr(root, "verify_message", None) or getattr(root, "strerror", None) or str(root) or type(root).__name__
    # What a server sent in place of a reply may stand in it.
    cause = redacted(cause, secrets, MAX_DETAIL_LENGTH)
    what, hint = _CONNECTION_FAILURES[failure]
    return AtlasConnectionError(
        f"Failed to {doing}: {what.format(where=where)} ({cause}).",
        detail=cause,
        hint=hint,
        outcome_unknown=is_write and failure in ("silent", "broken"),
        is_transient=failure not in ("untrusted", "no files"),
    )


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost exception of those that the HTTP libraries wrap into each other."""
    for unused in range(10):
        # Before its version 2, urllib3 does not name the failure of the network as the cause of its own.
        around = [error.__cause__, getattr(error, "reason", None), *error.args, isinstance(error, OSError) or error.__context__]
        inner = next((one for one in around if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error
