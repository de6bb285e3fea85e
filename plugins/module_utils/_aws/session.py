# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""AWS as the service that a task talks to: the requests of one task, and what goes wrong with them."""

from __future__ import annotations

import math
import time
import typing as t
from contextlib import contextmanager

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.call import ApiCall
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Warn
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters

from .boto import (
    FAILURES,
    READ_SECONDS,
    Clients,
)
from .errors import aws_error
from .options import SECRET_OPTIONS

# Some networks have a way to EC2 and none to STS. Nothing but a check depends on the answer.
IDENTITY_SECONDS = 5


class AwsSession:
    """The requests of one task to AWS.

    Args:
        params: The options.
        clock: A monotonic clock, in seconds.

    Raises:
        AtlasError: If there is no region, the credentials cannot be read, or the role cannot be assumed.
    """

    def __init__(self, params: Parameters, clock: t.Callable[[], float] = time.monotonic) -> None:
        self.calls: list[ApiCall] = []
        self.secrets: set[str] = {params[name] for name in SECRET_OPTIONS if params[name]}
        self._clock = clock
        self._deadline: float | None = None
        description, action = "use the credentials for AWS", "sts:GetCallerIdentity"
        try:
            self._clients = Clients(params, self.calls)
            self.secrets |= self._clients.find_secrets()
            if params["assume_role_arn"]:
                description, action = f"assume the role {params['assume_role_arn']}", "sts:AssumeRole"
                self.secrets |= self._clients.assume_role(params["assume_role_arn"])
        except FAILURES as error:
            raise self._failure(description, action, error) from error

    @property
    def region(self) -> str:
        """The region of all requests."""
        return self._clients.region

    def read(self, description: str, action: str, key: str, **parameters: t.Any) -> list[dict[str, t.Any]]:
        """Read objects from EC2, all pages of them.

        Args:
            description: What it is for, as a verb phrase.
            action: The name of the action, such as `DescribeVpcs`.
            key: Where in the reply the objects are.
            parameters: What goes along.
        """
        try:
            pages = self._client("ec2").get_paginator(_method(action)).paginate(**parameters)
            return [one for page in pages for one in page.get(key) or []]
        except FAILURES as error:
            raise self._failure(description, f"ec2:{action}", error) from error

    def read_one(self, description: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request to EC2 that changes nothing, and return its reply."""
        try:
            return dict(getattr(self._client("ec2"), _method(action))(**parameters))
        except FAILURES as error:
            raise self._failure(description, f"ec2:{action}", error) from error

    def write(self, description: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request to EC2 that changes something, once.

        botocore repeats a request whose reply was lost. Between its tries, a route can become somebody else's, and the repeated
        DeleteRoute or ReplaceRoute would take that one. So nothing is repeated here: whoever called looks again first.
        """
        client = self._client("ec2", once=True)
        try:
            return dict(getattr(client, _method(action))(**parameters) or {})
        except Exception as error:
            # A defect, too, leaves open what came of it.
            raise self._failure(description, f"ec2:{action}", error, is_write=True) from error

    def read_account_id(self) -> str:
        """Return the account that the credentials belong to.

        Raises:
            AtlasError: If AWS does not say.
        """
        try:
            with self.within(self._clock() + IDENTITY_SECONDS):
                return str(self._client("sts").get_caller_identity()["Account"])
        except FAILURES as error:
            raise self._failure("find out whose credentials these are", "sts:GetCallerIdentity", error) from error

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block; see `_task.Session`."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def _client(self, service: str, *, once: bool = False) -> t.Any:
        if self._deadline is None:
            return self._clients.get(service, once=once)
        seconds = min(READ_SECONDS, max(1, math.ceil(self._deadline - self._clock())))
        return self._clients.get(service, seconds=seconds, once=True)

    def _failure(self, description: str, action: str, error: Exception, *, is_write: bool = False) -> AtlasError:
        return aws_error(description, action, error, is_write=is_write, secrets=self.secrets)


def _method(action: str) -> str:
    """Return the name that a client's method has for an action: `describe_vpcs` for `DescribeVpcs`."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in action).lstrip("_")


@contextmanager
def connect(params: Parameters, unused_warn: Warn, /) -> t.Iterator[AwsSession]:
    """Give a session for the options."""
    yield AwsSession(params)
