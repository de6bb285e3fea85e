# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of one emulator, put together."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from typing import TypeVar

from .digest import DigestServer, Nonces, Verdict
from .errors import ApiError, ChallengeError
from .project import Project
from .requestlog import RequestLog
from .settings import Settings

_Result = TypeVar("_Result")


class Emulator:
    """A project, the credentials that open it and the requests that were made.

    :param clock: a monotonic clock in seconds, for nonces and the life cycle.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an emulator in its initial state; it does not listen yet."""
        self.settings = settings
        self.project = Project(settings, clock)
        self.requests = RequestLog()
        self._digest = DigestServer(
            settings.public_key, settings.private_key, Nonces(settings.nonce_seconds, clock), settings.algorithm
        )
        self._access_list = [ipaddress.ip_network(block, strict=False) for block in settings.key_access_list]

    def reset(self) -> None:
        """Return to the initial state, also of requests and nonces."""
        self.project.reset()
        self.requests.reset()
        self._digest.nonces.clear()

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """Call a function that looks at the project: in a thread, if a cloud behind it may keep it waiting."""
        if any(cloud.slow for cloud in self.project.clouds.values()):
            return await asyncio.to_thread(function)
        return function()

    def authenticate(self, method: str, targets: tuple[str, ...], header: str | None) -> None:
        """Check a request's credentials. Other kinds than a digest join here.

        :param targets: the request target, in each form in which the credentials may repeat it.
        :raises ApiError: 401, with a new challenge.
        """
        verdict = self._digest.check(method, targets, header)
        if verdict is Verdict.ACCEPTED:
            return
        headers = {"WWW-Authenticate": self._digest.challenge(stale=verdict is Verdict.STALE)}
        if verdict is Verdict.REFUSED:
            raise ApiError("USER_UNAUTHORIZED", headers=headers)
        raise ChallengeError(headers)

    def check_access(self, address: str) -> None:
        """Check where a request with good credentials comes from.

        :raises ApiError: IP_ADDRESS_NOT_ON_ACCESS_LIST.
        """
        caller = ipaddress.ip_address(address)
        if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped:
            # What a socket for both versions calls an IPv4 client.
            caller = caller.ipv4_mapped
        if self._access_list and not any(caller in block for block in self._access_list):
            raise ApiError("IP_ADDRESS_NOT_ON_ACCESS_LIST", str(caller))
