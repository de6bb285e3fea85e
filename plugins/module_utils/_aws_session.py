# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""AWS as the service that a task talks to: from the options to a boto3 session of its own. The only file that imports boto3."""

from __future__ import annotations

import math
import os
import time
import traceback
import typing as t
from contextlib import contextmanager

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws_errors import aws_error
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws_options import validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._reply import ApiCall
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import to_aws_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Library, Parameters, Service, Warn

BOTO3_IMPORT_ERROR: str | None = None
try:
    import boto3.session  # type: ignore[import-untyped]
    import botocore.config  # type: ignore[import-untyped]
    import botocore.loaders  # type: ignore[import-untyped]
    import botocore.session  # type: ignore[import-untyped]
except ImportError:
    BOTO3_IMPORT_ERROR = traceback.format_exc()
    LOADER: t.Any = None
else:
    # botocore's descriptions of the services, which take most of the time that a session takes, and hold no credentials. All
    # else is made anew for each task: the default session would keep the credentials of the first item of a loop.
    LOADER = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))

CONNECT_SECONDS = 10
READ_SECONDS = 60
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


class AwsSession:
    """The requests of one task to AWS: its credentials, its region, and what was sent.

    Args:
        params: The options.
        clock: A monotonic clock, in seconds.

    Raises:
        AtlasError: When there is no region, or no credentials.
    """

    def __init__(self, params: Parameters, clock: t.Callable[[], float] = time.monotonic) -> None:
        self.calls: list[ApiCall] = []
        self.secrets: set[str] = {params[name] for name in ("access_key", "secret_key", "session_token") if params[name]}
        self._params = params
        self._clock = clock
        self._deadline: float | None = None
        self._started = 0.0
        # By service, and by whether requests are repeated: the bounds of a request belong to its client.
        self._clients: dict[tuple[str, bool], tuple[int, t.Any]] = {}
        # Credentials of an assumed role; without them, the session's own are used.
        self._role: dict[str, str] = {}
        try:
            self._session = self._make_session()
            self.region = self._find_region()
            self._keep_secret(self._session.get_credentials())
        except AtlasError:
            raise
        except Exception as error:
            raise self._failure("use the credentials for AWS", "sts:GetCallerIdentity", error) from error
        if params["assume_role_arn"]:
            self._assume_role(params["assume_role_arn"])

    def read(self, doing: str, action: str, key: str, **parameters: t.Any) -> list[dict[str, t.Any]]:
        """Read objects from EC2, all pages of them.

        Args:
            doing: What it is for, as a verb phrase.
            action: The name of the action, such as C(DescribeVpcs).
            key: Where in the reply the objects are.
            parameters: What goes along.
        """
        try:
            client = self._client("ec2")
            pages = client.get_paginator(_method(action)).paginate(**parameters)
            return [one for page in pages for one in page.get(key) or []]
        except Exception as error:
            raise self._failure(doing, f"ec2:{action}", error) from error

    def read_one(self, doing: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request to EC2 that changes nothing, and return its reply."""
        try:
            return dict(getattr(self._client("ec2"), _method(action))(**parameters) or {})
        except Exception as error:
            raise self._failure(doing, f"ec2:{action}", error) from error

    def write(self, doing: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Send a request to EC2 that changes something, once.

        botocore repeats a request whose reply was lost. Between its tries, a route can become somebody else's, and the repeated
        DeleteRoute or ReplaceRoute would take that one. So here, nothing is repeated: whoever called looks again first.
        """
        try:
            return dict(getattr(self._client("ec2", once=True), _method(action))(**parameters) or {})
        except Exception as error:
            raise self._failure(doing, f"ec2:{action}", error, is_write=True) from error

    def read_account_id(self) -> str:
        """Return the account that the credentials belong to.

        Raises:
            AtlasError: When AWS does not say.
        """
        try:
            return str(self._client("sts").get_caller_identity()["Account"])
        except Exception as error:
            raise self._failure("find out whose credentials these are", "sts:GetCallerIdentity", error) from error

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block; see C(_task.Session)."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def _make_session(self) -> t.Any:
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        return boto3.session.Session(
            aws_access_key_id=self._params["access_key"] or None,
            aws_secret_access_key=self._params["secret_key"] or None,
            aws_session_token=self._params["session_token"] or None,
            profile_name=self._params["profile"] or None,
            botocore_session=core,
        )

    def _find_region(self) -> str:
        sources = [("region", self._params["region"]), *((name, os.environ.get(name)) for name in REGION_VARIABLES)]
        name, value = next(((name, value) for name, value in sources if value), ("region", self._session.region_name))
        if not value:
            raise InvalidOptionError(
                "No region for AWS.",
                hint=f"Set region, {' or '.join(f'the environment variable {one}' for one in REGION_VARIABLES)}, "
                "or a region in the profile.",
            )
        return to_aws_region(name, value)

    def _client(self, service: str, *, once: bool = False) -> t.Any:
        """Return a client; one that repeats nothing where that is asked for, or where the time is bounded."""
        seconds = READ_SECONDS
        if self._deadline is not None:
            once, seconds = True, min(READ_SECONDS, max(1, math.ceil(self._deadline - self._clock())))
        known = self._clients.get((service, once))
        if known is not None and known[0] == seconds:
            return known[1]
        config = botocore.config.Config(
            connect_timeout=min(CONNECT_SECONDS, seconds),
            read_timeout=seconds,
            user_agent_extra="cloudpeer.atlas",
            **({"retries": {"total_max_attempts": 1}} if once else {}),
        )
        own_endpoint = os.environ.get("AWS_ENDPOINT_URL_STS") if service == "sts" else None
        client = self._session.client(
            service,
            region_name=self.region,
            endpoint_url=own_endpoint or self._params["endpoint_url"] or None,
            verify=self._params["aws_ca_bundle"] or None,
            config=config,
            **self._role,
        )
        client.meta.events.register("before-send", self._note_start)
        client.meta.events.register("response-received", self._note_end)
        self._clients[service, once] = seconds, client
        return client

    def _assume_role(self, arn: str) -> None:
        try:
            reply = self._client("sts").assume_role(RoleArn=arn, RoleSessionName="cloudpeer.atlas")
            given = reply["Credentials"]
        except Exception as error:
            raise self._failure(f"assume the role {arn}", "sts:AssumeRole", error) from error
        names = {
            "aws_access_key_id": "AccessKeyId",
            "aws_secret_access_key": "SecretAccessKey",
            "aws_session_token": "SessionToken",
        }
        self._role = {name: str(given[key]) for name, key in names.items()}
        self.secrets.update(self._role.values())
        self._clients.clear()

    def _keep_secret(self, credentials: t.Any) -> None:
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            self.secrets.update(filter(None, (frozen.access_key, frozen.secret_key, frozen.token)))

    def _failure(self, doing: str, action: str, error: Exception, *, is_write: bool = False) -> AtlasError:
        return aws_error(doing, action, error, is_write=is_write, secrets=self.secrets)

    def _note_start(self, **unused: t.Any) -> None:
        self._started = time.monotonic()

    def _note_end(self, event_name: str, response_dict: t.Mapping[str, t.Any] | None = None, **unused: t.Any) -> None:
        service, action = event_name.split(".")[1:3]
        status = response_dict.get("status_code") if response_dict else None
        milliseconds = round((time.monotonic() - self._started) * 1000)
        self.calls.append(ApiCall("POST", f"{service}:{action}", status, milliseconds))


def _method(action: str) -> str:
    """Return the name that a client's method has for an action: C(describe_vpcs) for C(DescribeVpcs)."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in action).lstrip("_")


@contextmanager
def connect(params: Parameters, unused_warn: Warn) -> t.Iterator[AwsSession]:
    """Give a session for the options."""
    yield AwsSession(params)


AWS = Service(Library("boto3", BOTO3_IMPORT_ERROR), validate, connect)
