"""The parts of one emulator, put together."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import time
from collections.abc import Callable
from typing import TypeVar

from .attributes import Body
from .digest import DigestServer, Nonces, Verdict
from .errors import ApiError, ChallengeError
from .faults import Faults
from .oauth import TokenServer, parse_bearer
from .outside import Outside
from .project import Organization, Project
from .ratelimit import Rate, TokenBucket, parse_rate
from .requestlog import RequestLog
from .settings import Settings

_Result = TypeVar("_Result")
#: The limits of lists of projects and of organizations, of those of one user, and of what is about one organization, from the
#: Atlas documentation (API rate limits); the headers of recorded replies have the same.
_RATES = {"groups": Rate(1200, 500, 60), "orgs": Rate(300, 100, 60)}
_ORG_RATE = Rate(500, 250, 60)


class Emulator:
    """Projects, the credentials that open them and the requests that were made.

    Args:
        clock: A monotonic clock in seconds, for nonces and the life cycle.
        wall: The time of day at a reset, see `project.Project`.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        """Make an emulator in its initial state; it does not listen yet."""
        self.settings = settings
        self._clock, self._wall = clock, wall
        self._outside = Outside(settings, clock)
        self.projects = [Project(settings, clock, wall, number, self._outside) for number in range(settings.groups)]
        self._name_organizations()
        self.requests = RequestLog()
        self.faults = Faults()
        self.tokens = TokenServer(
            (settings.client_id, settings.client_secret),
            settings.token_seconds,
            settings.max_tokens,
            settings.max_token_requests,
            clock,
        )
        self._buckets = {name: TokenBucket(rate, clock) for name, rate in _rates(settings).items()}
        self._digest = DigestServer(
            settings.public_key, settings.private_key, Nonces(settings.nonce_seconds, clock), settings.algorithm
        )
        self._access_list = [ipaddress.ip_network(block, strict=False) for block in settings.key_access_list]

    @property
    def project(self) -> Project:
        """The first project, and for most the only one."""
        return self.projects[0]

    @project.setter
    def project(self, project: Project) -> None:
        """Put another one in its place."""
        self.projects[0] = project

    def _name_organizations(self) -> None:
        self.organizations = [Organization.numbered(self.settings, number) for number in range(self.settings.orgs)]

    def find_project(self, group_id: str) -> Project | None:
        """Return a project by its id, None if there is none."""
        return next((project for project in self.projects if project.id == group_id and not project.deleted), None)

    def add_project(self, said: Body) -> Project:
        """Make a project without a network container, which is there until the next reset.

        Args:
            said: Its name, organization and tags, as `Project.describe` takes them.
        """
        settings = dataclasses.replace(self.settings, group_id=self.project.new_id(), groups=1, no_container=True)
        project = Project(settings, self._clock, self._wall, outside=self._outside)
        project.describe(said)
        if settings.rate_limit is not None:
            self._buckets[project.id] = TokenBucket(parse_rate(settings.rate_limit), self._clock)
        self.projects.append(project)
        return project

    def reset(self) -> None:
        """Return to the initial state, also of requests, nonces, tokens, limits and faults."""
        self.faults.clear()
        self.tokens.clear()
        for bucket in self._buckets.values():
            bucket.reset()
        self._name_organizations()
        for project in self.projects:
            project.reset()
        del self.projects[self.settings.groups :]
        self.requests.reset()
        self._digest.nonces.clear()

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """Call a function that looks at a project: in a thread, if a cloud behind it may keep it waiting."""
        if any(cloud.slow for cloud in self.project.clouds.values()):
            return await asyncio.to_thread(function)
        return function()

    def authenticate(self, method: str, targets: tuple[str, ...], header: str | None, connection: object) -> None:
        """Check a request's credentials: a service account's token, or else the answer to a digest challenge.

        What the service answers to a token that is wrong, expired or revoked is not documented; here it is what it answers to any
        other wrong credentials.

        Args:
            targets: The request target, in each form in which the credentials may repeat it.
            connection: The connection on which it came.

        Raises:
            ApiError: 401, with a new challenge.
        """
        token = parse_bearer(header)
        if token is not None and self.tokens.is_live(token):
            return
        bound = connection if self.settings.nonce_per_connection else None
        verdict = self._digest.check(method, targets, header, bound)
        if verdict is Verdict.ACCEPTED:
            return
        headers = {"WWW-Authenticate": self._digest.challenge(verdict is Verdict.STALE, bound)}
        if verdict is Verdict.REFUSED:
            raise ApiError("USER_UNAUTHORIZED", headers=headers)
        raise ChallengeError(headers)

    def stale_nonce(self) -> ApiError:
        """Return the error that a request with an aged nonce gets."""
        return ChallengeError({"WWW-Authenticate": self._digest.challenge(stale=True)})

    def take_token(self, path: str, scope: str) -> dict[str, str]:
        """Count a request with good credentials against a bucket. A digest exchange so counts once.

        Args:
            path: The request's path.
            scope: The id of the project or organization that it is about, or the name of the list.

        Returns:
            Headers for the reply.

        Raises:
            ApiError: RATE_LIMITED_TOKEN_BUCKET, with the parameters that the documentation's example has.
        """
        bucket = self._buckets.get(scope)
        if bucket is None:
            return {}
        allowance, rate = bucket.take(), bucket.rate
        headers = {"RateLimit-Limit": str(rate.capacity), "RateLimit-Remaining": str(allowance.remaining)}
        if not allowance.granted:
            headers["Retry-After"] = str(allowance.retry_after)
        headers = {name: value for name, value in headers.items() if name not in self.settings.rate_limit_without}
        if allowance.granted:
            return headers
        figures = (allowance.retry_after, rate.capacity, rate.refill, rate.period_seconds)
        raise ApiError("RATE_LIMITED_TOKEN_BUCKET", path.removeprefix("/"), *figures, headers=headers)

    def check_access(self, address: str) -> None:
        """Check where a request with good credentials comes from.

        Raises:
            ApiError: IP_ADDRESS_NOT_ON_ACCESS_LIST.
        """
        caller = ipaddress.ip_address(address)
        if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped:
            # What a socket for both versions calls an IPv4 client.
            caller = caller.ipv4_mapped
        if self._access_list and not any(caller in block for block in self._access_list):
            raise ApiError("IP_ADDRESS_NOT_ON_ACCESS_LIST", str(caller))


def _rates(settings: Settings) -> dict[str, Rate]:
    """Return the limits of requests, by what they are about."""
    rates = {**_RATES, **dict.fromkeys(settings.org_ids, _ORG_RATE)}
    return rates if settings.rate_limit is None else dict.fromkeys((*rates, *settings.group_ids), parse_rate(settings.rate_limit))
