# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with AWS: it sends requests, and turns failures into errors of this collection."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager
from functools import partial

from .._engine.operation import Warn
from .._engine.options import Parameters
from .._http.errors import StoppedError, TaskError
from .._http.exchange import ApiCall
from .._http.pauses import repeat
from .boto import FAILURES, READ_SECONDS, Clients, policy_name
from .errors import aws_error
from .options import NAMES, SECRET_OPTIONS
from .rate import RateGovernor

# Short, since some networks reach EC2 but not STS, and only a check needs the answer.
IDENTITY_SECONDS = 5
SHORTEST_SECONDS = 1.0
READ_RETRIES = 4
# In seconds: how long a task without the option `wait_timeout` waits for each request that is refused for its rate.
PATIENCE = 120.0


class AwsSession:
    """The requests of one task to AWS. Its reading methods are thread-safe.

    Args:
        params: The options, with `wait_timeout` where the task has that.
        calls: The list that requests are added to; None for a new one.
        names: The names of the options in messages.
        governor: Waits for AWS's rate limits, on its clock; None for a new one. The sessions of one task share it.

    Attributes:
        calls: The requests sent so far.
        secrets: The secrets known so far.
        region: The region of all requests.
        names: The names of the options in messages.

    Raises:
        TaskError: If there is no region, the credentials cannot be read, or the role cannot be assumed.
    """

    def __init__(
        self,
        params: Parameters,
        *,
        calls: list[ApiCall] | None = None,
        names: t.Mapping[str, str] = NAMES,
        governor: RateGovernor | None = None,
    ) -> None:
        self.calls: list[ApiCall] = [] if calls is None else calls
        wait_timeout = params.get("wait_timeout")
        self.names = names if wait_timeout is None else {**names, "wait_timeout": "wait_timeout"}
        self.secrets: set[str] = {params[name] for name in SECRET_OPTIONS if params[name]}
        self._patience = PATIENCE if wait_timeout is None else wait_timeout
        self._governor = governor or RateGovernor()
        self._deadline: float | None = None
        with self._explained("use the credentials for AWS", "sts:GetCallerIdentity"):
            self._clients = Clients(params, self.calls, names)
            found = self._clients.find_secrets()
        self.secrets |= found
        self.region = self._clients.region
        # Whose limits the requests count for: the account, or as long as that is not known, the credentials.
        self._account = str(hash(frozenset(found)))
        role = params["assume_role_arn"]
        if role:
            description = f"assume the role {role}"
            reply = self._read(description, "sts", "AssumeRole", RoleArn=role, RoleSessionName="cloudpeer.atlas")
            with self._explained(description, "sts:AssumeRole"):
                self.secrets |= self._clients.use_role(reply["Credentials"])
            self._account = role.split(":")[4]

    def read(self, description: str, action: str, name: str, values: t.Iterable[str]) -> list[dict[str, t.Any]]:
        """Read objects from EC2, on all pages of the reply.

        Args:
            description: What it is for, as a verb phrase.
            action: The name of the action, such as `DescribeVpcs`; its reply has the objects under `Vpcs`.
            name: The filter by which the objects are chosen, such as `vpc-id`.
            values: The values that the filter accepts.

        Raises:
            TaskError: If it fails.
        """
        pages = self.read_pages(description, "ec2", action, Filters=[{"Name": name, "Values": list(values)}])
        return [one for page in pages for one in page.get(action.removeprefix("Describe")) or []]

    def read_pages(self, description: str, service: str, action: str, **parameters: t.Any) -> list[dict[str, t.Any]]:
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
                with self._explained(description, f"{policy_name(service)}:{action}"):
                    raise ValueError(f"the next page of the reply to {action} is the same one")
        return pages

    def knows(self, service: str, shape: str, name: str) -> bool:
        """Whether this version of botocore knows a member of a structure in the replies of a service; see `Clients.knows`."""
        return self._clients.knows(service, shape, name)

    def write(
        self, description: str, action: str, before: t.Callable[[], None] = lambda: None, **parameters: t.Any
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
        """Return the account that the credentials belong to; None if AWS does not say.

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

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block; see `Session`."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def _read(self, description: str, service: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request that changes nothing; outside of waits, which poll anyway, again after transient failures."""
        retries = READ_RETRIES if self._deadline is None else 0
        request = partial(self._send, description, service, action, parameters)
        clock = self._governor.clock
        return repeat("AWS", request, retries, clock() + self._patience, clock, self._governor.sleep)

    def _send(
        self,
        description: str,
        service: str,
        action: str,
        parameters: t.Mapping[str, t.Any],
        *,
        before: t.Callable[[], None] = lambda: None,
        seconds: float = READ_SECONDS,
        is_write: bool = False,
    ) -> dict[str, t.Any]:
        """Send a request, again while AWS refuses it for its rate, until the deadline or `wait_timeout`.

        Args:
            description: What it is for, as a verb phrase.
            service: The service, as boto3 names it.
            action: The name of the action.
            parameters: Its parameters.
            before: Called each time right before it is sent.
            seconds: The most seconds until a reply is complete; the deadline may leave less.
            is_write: Whether it changes something.

        Raises:
            TaskError: If it fails.
        """
        name = f"{policy_name(service)}:{action}"
        clock = self._governor.clock
        until = clock() + self._patience
        if self._deadline is not None:
            until = min(until, self._deadline)

        def request() -> dict[str, t.Any]:
            left = max(SHORTEST_SECONDS, until - clock())
            with self._explained(description, name, is_write=is_write):
                return self._clients.send(service, action, min(seconds, left), parameters)

        return self._governor.send(self._account, self.region, name, request, until, before)

    @contextmanager
    def _explained(self, description: str, action: str, *, is_write: bool = False) -> t.Iterator[None]:
        """Turn the failure of a request into an error of this collection."""
        try:
            yield
        except Exception as error:
            if not is_write and not isinstance(error, FAILURES):
                raise
            # After a write, a defect in this code also leaves the outcome unknown.
            raise aws_error(description, action, error, is_write=is_write, secrets=self.secrets, names=self.names) from error


def _next_place(page: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the parameters that ask for the page after one; empty for the last one. The records of Route 53 have no token."""
    if page.get("NextToken"):
        return {"NextToken": page["NextToken"]}
    if not page.get("IsTruncated"):
        return {}
    parts = ("RecordName", "RecordType", "RecordIdentifier")
    return {f"Start{part}": page[f"Next{part}"] for part in parts if page.get(f"Next{part}")}


@contextmanager
def connect(params: Parameters, unused_warn: Warn, /) -> t.Iterator[AwsSession]:
    """Yield a session for the options."""
    yield AwsSession(params)
