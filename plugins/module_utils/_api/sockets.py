# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Connections of urllib3 that a watch knows while they are in use, and that share their time among the addresses of a host."""

from __future__ import annotations

import contextlib
import socket
import typing as t

from .deadline import Watch

with contextlib.suppress(ImportError):
    from urllib3.exceptions import HTTPError, NewConnectionError


def watched(base: t.Any, watch: Watch) -> type:
    """Return a class of connections like I(base) that a watch knows when they are used."""

    def new_connection(self: t.Any) -> t.Any:
        # What a SOCKS proxy is to connect to, it looks up itself.
        used = base._new_conn(self) if hasattr(self, "_socks_options") else _connect(self, base._new_conn, watch)
        try:
            watch.hold(used)
        except OSError:
            used.close()
            raise
        return used

    def putrequest(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is not None:
            watch.hold(self.sock)
        base.putrequest(self, *args, **kwargs)

    def endheaders(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is None:
            self.connect()
        # Only now: what fails before has sent nothing.
        watch.was_sent = True
        base.endheaders(self, *args, **kwargs)

    return type(base.__name__, (base,), {"_new_conn": new_connection, "putrequest": putrequest, "endheaders": endheaders})


def _connect(connection: t.Any, new_socket: t.Callable[[t.Any], t.Any], watch: Watch) -> t.Any:
    """Connect to the first address of a host that answers.

    Each gets its share of the time that is left, so that one that does not answer leaves some to the next. The libraries
    would give each of them all the time there is.
    """
    host, timeout = connection._dns_host, connection.timeout
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    failure: Exception | None = None
    for number, address in enumerate(addresses):
        try:
            connection._dns_host, connection.timeout = address, watch.remaining() / (len(addresses) - number)
            used = new_socket(connection)
        except HTTPError as error:
            failure = error
        else:
            # The share was for connecting, not for what follows.
            used.settimeout(timeout)
            return used
        finally:
            connection._dns_host, connection.timeout = host, timeout
    raise failure or NewConnectionError(connection, "the host has no address")
