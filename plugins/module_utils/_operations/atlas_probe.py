# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_probe does: it tests whether its host reaches members of a cluster, with the standard library alone."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import queue
import re
import socket
import ssl
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._engine.argspec import ArgumentSpec
from .._engine.operation import Operation, Warn
from .._engine.options import Parameters, parse_option
from .._engine.plan import Plan, listed
from .._http.errors import InvalidOptionError, TaskError
from .._values.blocks import parse_private_block

DEFAULT_PORT = 27017
LONGEST_TIMEOUT = 60
THREADS = 50
_MEMBER = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>[0-9]{1,5}))?")

_Result = dict[str, t.Any]


class Member(t.NamedTuple):
    """A member of a cluster."""

    host: str
    port: int


class NoSession(t.NamedTuple):
    """The session of an Operation without an API."""

    calls: tuple[()] = ()
    secrets: tuple[()] = ()


class AtlasProbe(Operation[t.Any, _Result]):
    """Tests whether the host that it runs on reaches members of a cluster."""

    argument_spec = ArgumentSpec(
        {
            "members": {"type": "list", "elements": "str", "required": True},
            "atlas_cidr_block": {"type": "str"},
            "timeout": {"type": "int", "default": 5},
            "fail_on": {"type": "str", "choices": ["never", "unreachable"], "default": "never"},
        }
    )
    noun = "probe"

    @staticmethod
    def connect(params: Parameters, warn: Warn, /) -> contextlib.AbstractContextManager[NoSession]:
        """Return an empty session, since there is no API."""
        return contextlib.nullcontext(NoSession())

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        if not params["members"]:
            raise InvalidOptionError("members is empty.", hint="Name at least one, such as the members of a cluster.")
        if not 1 <= params["timeout"] <= LONGEST_TIMEOUT:
            raise InvalidOptionError(f"timeout must be between 1 and {LONGEST_TIMEOUT} seconds.")
        block = params["atlas_cidr_block"]
        return {
            **params,
            "members": [parse_member(f"members[{index}]", value) for index, value in enumerate(params["members"])],
            "atlas_cidr_block": parse_option("atlas_cidr_block", block, parse_private_block) if block else None,
        }, []

    def look(self) -> _Result:
        """Probe all members in parallel. Each has a result, even if it cannot be reached."""
        probe = functools.partial(probe_member, block=self.params["atlas_cidr_block"], timeout=self.params["timeout"])
        with ThreadPoolExecutor(THREADS) as pool:
            members = list(pool.map(probe, self.params["members"]))
        return {"host": socket.gethostname(), "reachable": any(one["tls"] for one in members), "members": members}

    def decide(self, state: _Result) -> Plan:
        """Raise a TaskError if no member answered and that counts as a failure; the result has all members nevertheless."""
        if self.params["fail_on"] == "unreachable" and not state["reachable"]:
            members = [f"{one['member']} ({one['error']})" for one in state["members"]]
            raise TaskError(
                f"{state['host']} reaches no member: {listed(members)}.",
                hint="Give probe to atlas_vpc_peer_check (probes), which looks for the reason.",
            )
        return Plan()


def parse_member(option: str, value: str) -> Member:
    """Parse a member from `host:port` or `host`; an IPv6 address has brackets.

    Raises:
        InvalidOptionError: If it is something else; the message has the name of the option.
    """
    match = _MEMBER.fullmatch(value)
    port = int(match["port"] or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        hint = "Write it like shop-shard-00-00.ab1cd.mongodb.net:27017."
        if "://" in value or "@" in value:
            # It may contain a password, so the message does not show it.
            hint = "Give its members: see atlas_cluster_info."
            raise InvalidOptionError(f"{option} is a connection string, and not a host with a port.", hint=hint)
        raise InvalidOptionError(f"{option} is not a host with a port: {value!r}.", hint=hint)
    return Member(match["ipv6"] or match["host"], port)


def probe_member(member: Member, block: ipaddress.IPv4Network | None, timeout: float) -> _Result:
    """Resolve the name of a member, open a TCP connection to it, and start TLS. Nothing else is sent.

    Args:
        member: The member.
        block: The block of the network container; None if it is not known.
        timeout: The seconds for each step, and for each address.

    Returns:
        The member as results show it: `member`, `addresses`, `local_address` (from which the system sends to it, or without an
        address of it to the block), `in_block`, `tcp`, `tls`, and `error` of a failed step.
    """
    host = f"[{member.host}]" if ":" in member.host else member.host
    result: _Result = dict.fromkeys(("member", "addresses", "local_address", "in_block", "tcp", "tls", "error"))
    result.update(member=f"{host}:{member.port}", addresses=[], tcp="unresolved")
    try:
        addresses = resolve(member, timeout)
    except (OSError, ValueError) as error:
        # By this address, atlas_vpc_peer_check finds the network of the host.
        local = find_local_address(str(block.network_address + 1)) if block is not None else None
        return {**result, "local_address": local, "error": _text_of(error)}
    result.update(addresses=addresses, local_address=next(filter(None, map(find_local_address, addresses)), None))
    if block is not None:
        result["in_block"] = all(ipaddress.ip_address(one) in block for one in addresses)
    return {**result, **_connect(member, addresses, timeout)}


def resolve(member: Member, timeout: float) -> list[str]:
    """Return the addresses of a member, in the order in which the system prefers them.

    Raises:
        OSError, ValueError: If there are none, or none in time.
    """
    answers: queue.Queue[list[str] | Exception] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(member.host, member.port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *dummy, address in found)))
        except (OSError, ValueError) as error:
            answers.put(error)

    # The system's resolver has other time limits. A daemon thread does not keep the process from ending.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"no answer from the name server within {timeout:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def find_local_address(address: str) -> str | None:
    """Return the address from which the system sends to another one; None if it has no way there. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as unconnected:
            # For a datagram, this only looks up the route. The port does not matter.
            unconnected.connect((address, DEFAULT_PORT))
            return str(unconnected.getsockname()[0])
    except OSError:
        return None


def _connect(member: Member, addresses: t.Sequence[str], timeout: float) -> _Result:
    """Return the outcomes of TCP and TLS for the first address that accepts a connection, or else for the last one."""
    result: _Result = {}
    for address in addresses:
        try:
            with socket.create_connection((address, member.port), timeout) as connection:
                return {"tcp": "open", **_begin_tls(connection, member)}
        except ConnectionResetError as error:
            # Something accepted the connection and reset it before TLS began: otherwise the connection would be refused.
            return {"tcp": "open", "tls": False, "error": f"{address}: {_text_of(error)}"}
        except OSError as error:
            result = {"tcp": _state_of(error), "error": f"{address}: {_text_of(error)}"}
    return result


def _begin_tls(connection: socket.socket, member: Member) -> _Result:
    """Return whether TLS starts, and the error. The certificate is not verified, since no data is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(connection, server_hostname=member.host):
            return {"tls": True}
    except (OSError, ValueError) as error:
        return {"tls": False, "error": f"TLS: {_text_of(error)}"}


def _state_of(error: OSError) -> str:
    if isinstance(error, (TimeoutError, socket.timeout)):  # One class since Python 3.10.
        return "timeout"
    return "refused" if isinstance(error, ConnectionRefusedError) else "unreachable"


def _text_of(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


OPERATION = AtlasProbe
