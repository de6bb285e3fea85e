# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with AWS: it sends requests, and turns failures into errors of this collection."""

from __future__ import annotations

import copy
import math
import typing as t
from contextlib import contextmanager
from functools import partial

from .._clouds.aws import AWS
from .._engine.operation import Warn, check_libraries
from .._engine.options import Parameters
from .._http.errors import RateLimitError, StoppedError, TaskError
from .._http.exchange import ApiCall
from .._http.pauses import DEADLINE, DEFAULT_LIMITS, SHORTEST_TIMEOUT, Limits, Policy, Retry, within
from .errors import POLICY_NAMES, aws_error
from .options import NAMES, SECRET_OPTIONS, credential_names, credentials_of
from .rate import RateGovernor

# Short, since some networks reach EC2 but not STS, and only a check needs the answer.
IDENTITY_SECONDS = 5
# In seconds, for a change, whatever `timeout` is: without its reply, the outcome is unknown.
CHANGE_SECONDS = 60
# In seconds: how long a task without the option `wait_timeout` waits for each request that is refused for its rate. All tries of
# one that is not answered may take longer.
PATIENCE = 120.0
# The most values that AWS takes in a filter.
MOST_VALUES = 200
# Long lists without pages are slow, and refused sooner. 1,000 objects are the most that AWS puts on a page.
IN_PAGES = {"MaxResults": 1000}


class AwsSession:
    """The requests of one task to AWS. Its reading methods are thread-safe.

    Args:
        params: The options, with `wait_timeout` where the task has that. Their role is not assumed: `as_role` does that.
        calls: The list that requests are added to; None for a new one.
        names: The names of the options in messages.
        governor: Waits for AWS's rate limits, on its clock; None for a new one. The sessions of one task share it.
        limits: How long each request that reads may take, those for credentials included, and how often it is sent again.

    Attributes:
        calls: The requests sent so far.
        region: The region of all requests.
        names: The names of the options in messages.

    Raises:
        TaskError: If there is no region, or the credentials cannot be read.
    """

    within = staticmethod(within)

    def __init__(
        self,
        params: Parameters,
        *,
        calls: list[ApiCall] | None = None,
        names: t.Mapping[str, str] = NAMES,
        governor: RateGovernor | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.calls: list[ApiCall] = [] if calls is None else calls
        wait_timeout = params.get("wait_timeout")
        self.names = names if wait_timeout is None else {**names, "wait_timeout": "wait_timeout"}
        # Those of its roles, too, which any thread may assume again.
        self._secrets: set[str] = {params[name] for name in SECRET_OPTIONS if params[name]}
        self._patience = max(PATIENCE, limits.total_time) if wait_timeout is None else wait_timeout
        self._governor = governor or RateGovernor()
        self._limits = limits
        # boto3 takes a second to load, which only a task that reads AWS has to wait for.
        from .boto import LIBRARIES, Clients

        check_libraries(LIBRARIES, AWS)
        with self._explained("use the credentials for AWS", "sts:GetCallerIdentity"):
            self._clients = Clients(params, self.calls, names, limits)
            found = self._clients.find_secrets()
        self._secrets |= found
        self.region = self._clients.region
        # The services that have not answered a question in the end, by region: the next ones are asked once, until one answers.
        self._silent: set[tuple[str, str]] = set()
        # Whose limits the requests count for: the account, or as long as that is not known, the credentials.
        self._account = str(hash(frozenset(found)))

    def as_role(self, role: str, names: t.Mapping[str, str] | None = None) -> AwsSession:
        """Return a session with the credentials of a role, which is assumed again before they expire.

        Args:
            role: Its ARN.
            names: The names of the options in messages; None for those of this session.

        Raises:
            TaskError: If the role cannot be assumed.
        """
        source = copy.copy(self)
        source.names = {**self.names, **(names or {})}
        other = copy.copy(source)
        other._clients = self._clients.with_credentials(partial(source._assume, role))
        other._account = role.split(":")[4]
        return other

    def _assume(self, role: str) -> dict[str, str]:
        """Assume a role, and return its credentials as botocore takes them. Runs in the thread that needs them.

        Raises:
            TaskError: If it fails.
        """
        from .boto import to_metadata

        description = f"assume the role {role}"
        reply = self._read(description, "sts", "AssumeRole", RoleArn=role, RoleSessionName="cloudpeer.atlas")
        with self._explained(description, "sts:AssumeRole"):
            found = to_metadata(reply["Credentials"])
        self._secrets.update((found["secret_key"], found["token"]))
        return found

    @property
    def secrets(self) -> set[str]:
        """The secrets that are known so far."""
        return set(self._secrets)

    def in_region(self, region: str | None) -> AwsSession:
        """Return a session with the same credentials in another region: a role that it has assumed is not assumed again.

        Args:
            region: The region; None for that of the environment or of the profile.

        Raises:
            NoRegionError: If there is none.
        """
        other = copy.copy(self)
        other._clients = self._clients.in_region(region)
        other.region = other._clients.region
        return other

    @property
    def place(self) -> tuple[str, str]:
        """Whose limits the requests count for, and the region: the account, or the credentials while that is not known."""
        return self._account, self.region

    def read_pages(self, description: str, service: str, action: str, **parameters: object) -> list[dict[str, t.Any]]:
        """Send a request that changes nothing, and return all pages of its reply, unparsed.

        Args:
            description: What it is for, as a verb phrase.
            service: The service, as boto3 names it.
            action: The name of the action.
            **parameters: The parameters of the action.

        Raises:
            TaskError: If it fails.
        """
        pages = [self._read(description, service, action, **parameters)]
        while place := _next_place(pages[-1]):
            pages.append(self._read(description, service, action, **parameters, **place))
            if _next_place(pages[-1]) == place:
                with self._explained(description, f"{POLICY_NAMES.get(service, service)}:{action}"):
                    raise ValueError(f"the next page of the reply to {action} is the same one")
        return pages

    def knows(self, service: str, shape: str, name: str) -> bool:
        """Whether this version of botocore knows a member of a structure in the replies of a service; see `Clients.knows`."""
        return self._clients.knows(service, shape, name)

    def write(
        self, description: str, action: str, before: t.Callable[[], None] = lambda: None, **parameters: object
    ) -> dict[str, t.Any]:
        """Send a request to EC2 that changes something, and return its reply.

        It is sent once, unless AWS refuses it for its rate. A request whose reply is lost may have been carried out, and
        meanwhile another program can create a route, which a second DeleteRoute or ReplaceRoute would hit. So callers read again
        before they retry.

        Args:
            description: What it is for, as a verb phrase.
            action: The name of the action.
            before: Checks, each time right before the request is sent, that it may be.
            **parameters: The parameters of the action.

        Raises:
            TaskError: If it fails.
        """
        return self._send(description, "ec2", action, parameters, before=before, is_write=True)

    def find_account_id(self) -> str | None:
        """Return the account that the credentials belong to; None if AWS does not report it.

        This needs no permission. No answer means that STS cannot be reached, or that the credentials are wrong: EC2 says so next.
        """
        try:
            reply = self._send("find the account", "sts", "GetCallerIdentity", {}, seconds=IDENTITY_SECONDS)
            self._account = str(reply["Account"])
        except (KeyError, TaskError) as error:
            if isinstance(error, StoppedError):
                raise
            return None
        return self._account

    def find_quota(self, code: str) -> int | None:
        """Return a quota of Amazon VPC in the account and region; None if AWS does not report it, for whatever reason.

        It is asked once, and briefly: some networks reach EC2 and not this service.
        """
        # Few tasks need it, and the file has the parsers of all replies.
        from .replies import ask_quota

        try:
            return ask_quota(code, partial(self._send, seconds=IDENTITY_SECONDS))
        except (OverflowError, TaskError, ValueError) as error:
            if isinstance(error, StoppedError):
                raise
            return None

    def _read(self, description: str, service: str, action: str, **parameters: object) -> dict[str, t.Any]:
        """Send a request that changes nothing; outside of waits, which poll anyway, again after transient failures."""
        place = service, self.region
        is_repeated = DEADLINE.get() == math.inf and place not in self._silent
        limits = self._limits if is_repeated else self._limits._replace(retries=0)
        request = partial(self._send, description, service, action, parameters)
        clock = self._governor.clock
        try:
            reply = Retry("AWS", limits, clock, self._governor.sleep).send(request, Policy(clock() + self._patience))
        except TaskError as error:
            if limits.retries and error.is_transient and not isinstance(error, RateLimitError):
                self._silent.add(place)
            raise
        self._silent.discard(place)
        return reply

    def _send(
        self,
        description: str,
        service: str,
        action: str,
        parameters: t.Mapping[str, object],
        *,
        before: t.Callable[[], None] = lambda: None,
        seconds: float = math.inf,
        is_write: bool = False,
    ) -> dict[str, object]:
        """Send a request, again while AWS refuses it for its rate: see `RateGovernor`.

        Args:
            description: What it is for, as a verb phrase.
            service: The service, as boto3 names it.
            action: The name of the action.
            parameters: Its parameters.
            before: Called each time right before it is sent.
            seconds: The most seconds until a reply is complete; the deadline and `timeout` may leave less.
            is_write: Whether it changes something.

        Raises:
            TaskError: If it fails.
        """
        name = f"{POLICY_NAMES.get(service, service)}:{action}"
        clock, deadline = self._governor.clock, DEADLINE.get()
        until, most = min(clock() + self._patience, deadline), CHANGE_SECONDS if is_write else min(seconds, self._limits.timeout)

        def request() -> dict[str, object]:
            before()
            # A write may wait for its turn for long, and gets its time even then.
            left = self._patience if is_write and deadline == math.inf else until - clock()
            with self._explained(description, name, is_write=is_write):
                return self._clients.send(service, action, min(most, max(SHORTEST_TIMEOUT, left)), parameters)

        return self._governor.send(*self.place, name, request, until - clock())

    @contextmanager
    def _explained(self, description: str, action: str, *, is_write: bool = False) -> t.Iterator[None]:
        """Turn the failure of a request into an error of this collection."""
        try:
            yield
        except TaskError:
            # A role could not be assumed again, so nothing was sent.
            raise
        except Exception as error:
            from .boto import FAILURES

            if not is_write and not isinstance(error, FAILURES):
                raise
            # After a write, a defect in this code also leaves the outcome unknown.
            raise aws_error(description, action, error, is_write=is_write, secrets=self.secrets, names=self.names) from error


def filters(name: str, values: t.Iterable[str | None]) -> list[dict[str, object]]:
    """Return the parameters of one or more requests, each with a filter of at most `MOST_VALUES` values."""
    given = list(values)
    starts = range(0, len(given), MOST_VALUES)
    return [{"Filters": [{"Name": name, "Values": given[start : start + MOST_VALUES]}]} for start in starts]


def _next_place(page: t.Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that ask for the page after one; empty for the last one. The records of Route 53 have no token."""
    if page.get("NextToken"):
        return {"NextToken": page["NextToken"]}
    if not page.get("IsTruncated"):
        return {}
    parts = ("RecordName", "RecordType", "RecordIdentifier")
    return {f"Start{part}": page[f"Next{part}"] for part in parts if page.get(f"Next{part}")}


@contextmanager
def connect(params: Parameters, unused_warn: Warn, /) -> t.Iterator[AwsSession]:
    """Yield a session for the options, with the credentials of `aws_account_id` if `accounts` or the role depend on it."""
    account = params["aws_account_id"]
    found, names = credentials_of(params, account), credential_names(params, account)
    session = AwsSession({**found, "wait_timeout": params["wait_timeout"]}, names=names)
    yield session.as_role(found["assume_role_arn"]) if found["assume_role_arn"] else session
