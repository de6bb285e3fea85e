# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with AWS: it sends requests, and turns failures into errors of this collection."""

from __future__ import annotations

import math
import re
import time
import typing as t
from contextlib import contextmanager

from .._engine.operation import Warn
from .._engine.options import Parameters
from .._http.exchange import ApiCall
from .boto import FAILURES, READ_SECONDS, Clients, policy_name
from .errors import aws_error
from .options import NAMES, SECRET_OPTIONS

# Short, since some networks reach EC2 but not STS, and only a check needs the answer.
IDENTITY_SECONDS = 5


class AwsSession:
    """The requests of one task to AWS. Its reading methods are thread-safe.

    Args:
        params: The options.
        clock: A monotonic clock, in seconds.
        calls: The list that requests are added to; None for a new one.
        names: The names of the options in messages.

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
        clock: t.Callable[[], float] = time.monotonic,
        *,
        calls: list[ApiCall] | None = None,
        names: t.Mapping[str, str] = NAMES,
    ) -> None:
        self.calls: list[ApiCall] = [] if calls is None else calls
        self.names = names
        self.secrets: set[str] = {params[name] for name in SECRET_OPTIONS if params[name]}
        self._clock = clock
        self._deadline: float | None = None
        with self._explained("use the credentials for AWS", "sts:GetCallerIdentity"):
            self._clients = Clients(params, self.calls, names)
            self.secrets |= self._clients.find_secrets()
        self.region = self._clients.region
        role = params["assume_role_arn"]
        if role:
            with self._explained(f"assume the role {role}", "sts:AssumeRole"):
                self.secrets |= self._clients.assume_role(role)

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
        with self._explained(description, f"{policy_name(service)}:{action}"):
            client, method = self._client(service), _method(action)
            if client.can_paginate(method):
                return list(client.get_paginator(method).paginate(**parameters))
            # For some lists, botocore has no paginator.
            pages = [dict(getattr(client, method)(**parameters))]
            while token := pages[-1].get("NextToken"):
                pages.append(dict(getattr(client, method)(**{**parameters, "NextToken": token})))
                if pages[-1].get("NextToken") == token:
                    raise ValueError(f"the next page of the reply to {action} is the same one")
            return pages

    def write(self, description: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request to EC2 that changes something, once, and return its reply.

        botocore would retry a request whose reply is lost. Meanwhile another program can create a route, which the second
        DeleteRoute or ReplaceRoute would hit. So callers read again before they retry.

        Raises:
            TaskError: If it fails.
        """
        client = self._client("ec2", once=True)
        with self._explained(description, f"ec2:{action}", is_write=True):
            return dict(getattr(client, _method(action))(**parameters) or {})

    def find_account_id(self) -> str | None:
        """Return the account that the credentials belong to; None if AWS does not say.

        This needs no permission. No answer means that STS cannot be reached, or that the credentials are wrong: EC2 says so next.
        """
        try:
            return str(self._client("sts", seconds=IDENTITY_SECONDS, once=True).get_caller_identity()["Account"])
        except FAILURES:
            return None

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block; see `Session`."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def _client(self, service: str, *, seconds: int = READ_SECONDS, once: bool = False) -> t.Any:
        if self._deadline is not None:
            seconds, once = min(seconds, max(1, math.ceil(self._deadline - self._clock()))), True
        return self._clients.get(service, seconds=seconds, once=once)

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


def _method(action: str) -> str:
    """Return the name that a client's method has for an action: `list_hosted_zones_by_vpc` for `ListHostedZonesByVPC`."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", action).lower()


@contextmanager
def connect(params: Parameters, unused_warn: Warn, /) -> t.Iterator[AwsSession]:
    """Yield a session for the options."""
    yield AwsSession(params)
