# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients of boto3. Only this file imports boto3 and botocore."""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import re
import threading
import time
import traceback
import types
import typing as t

from .._clouds.aws import AWS
from .._engine.operation import find_library
from .._engine.options import parse_text
from .._http.deadline import Deadline, guarded
from .._http.errors import as_option
from .._http.exchange import ApiCall
from .._http.pauses import DEFAULT_LIMITS, Limits
from .errors import POLICY_NAMES, NoRegionError, foreign
from .options import NAMES

BOTO3_IMPORT_ERROR: str | None = None
# What boto3 and botocore raise when a request fails. Anything else is a defect.
FAILURES: tuple[type[Exception], ...] = ()
# botocore's descriptions of the services: reading them takes most of the time of a new session, and they hold no credentials.
# All else is new for each task: boto3's default session would keep the credentials of the first item of a loop.
LOADER: t.Any = None
try:
    import boto3.session  # type: ignore[import-untyped]
    import botocore.config  # type: ignore[import-untyped]
    import botocore.credentials  # type: ignore[import-untyped]
    import botocore.exceptions  # type: ignore[import-untyped]
    import botocore.loaders  # type: ignore[import-untyped]
    import botocore.parsers  # type: ignore[import-untyped]
    import botocore.session  # type: ignore[import-untyped]
except ImportError:
    BOTO3_IMPORT_ERROR = traceback.format_exc()
else:
    FAILURES = (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
        botocore.parsers.ResponseParserError,
        OSError,
        ValueError,
        # A reply of STS without its content, or a doubled element where botocore's parsers expect one.
        *(AttributeError, KeyError, TypeError),
    )

    class MfaCodeError(botocore.exceptions.CredentialRetrievalError):  # type: ignore[misc]
        """A role needs an MFA code."""

    def _refuse_mfa(unused_prompt: str) -> str:
        raise MfaCodeError(provider="the profile", error_msg="its role needs an MFA code, which a task does not ask for")

    class _Session(botocore.session.Session):  # type: ignore[misc]
        """A session whose requests all have a deadline, those of botocore itself for credentials included.

        Attributes:
            thread: What belongs to the current request of each thread.
        """

        thread: _Thread

        def create_client(self, *args: object, **kwargs: object) -> object:
            """Return a client, as botocore does."""
            return _bound(super().create_client(*args, **kwargs), self.thread)

        def _create_credential_resolver(self) -> t.Any:
            resolver = super()._create_credential_resolver()
            # Otherwise, it asks for the code at the terminal, and waits without an end.
            resolver.get_provider("assume-role")._prompter = _refuse_mfa
            return resolver

    LOADER = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH") or None)
    # Read here: of the accepter, Ansible loads the action plugin before it forks its workers, which have them already then.
    with contextlib.suppress(botocore.exceptions.BotoCoreError):
        LOADER.load_data("endpoints")
        for _service in ("sts", "ec2"):
            LOADER.load_service_model(_service, "service-2")

LIBRARIES = (find_library("boto3", BOTO3_IMPORT_ERROR),)

CONNECT_SECONDS = 10
# The deadline of a request is earlier, unless a version of botocore has none: see `_bound`.
READ_SECONDS = 60
# Whatever the environment and the profile say: AWS_RETRY_MODE, AWS_MAX_ATTEMPTS.
RETRY_MODE = "standard"
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Suffixes of boto3's AWS_ENDPOINT_URL_ variables. The option `endpoint_url` is for EC2; these services may have another one.
OWN_ENDPOINTS = {"sts": "STS", "route53": "ROUTE_53", "route53resolver": "ROUTE53RESOLVER", "service-quotas": "SERVICE_QUOTAS"}
# Replies in JSON do not name their action: their parsers have to check the content.
JSON_SERVICES = frozenset(("route53resolver", "service-quotas"))
SUCCESS = range(200, 300)
# boto3's names for a key, each with the option.
KEYS = {"aws_access_key_id": "access_key", "aws_secret_access_key": "secret_key", "aws_session_token": "session_token"}
# Using a boto3 client is thread-safe; making sessions and clients is not.
_MAKING = threading.RLock()


class ForeignReplyError(ValueError):
    """Something other than AWS has answered."""


def to_metadata(credentials: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the credentials of an assumed role, as STS returns them, in the words of botocore.

    Raises:
        ValueError: If they have expired already.
        Exception: Another one of `FAILURES`, if something is missing.
    """
    expires: datetime.datetime = credentials["Expiration"]
    if expires <= datetime.datetime.now(datetime.timezone.utc):
        raise ValueError(f"its credentials expire at {expires.isoformat()}, which is over by the clock of this host")
    names = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "token": "SessionToken"}
    return {**{name: str(credentials[one]) for name, one in names.items()}, "expiry_time": expires.isoformat()}


def _method(action: str) -> str:
    """Return the name that a client's method has for an action: `list_hosted_zones_by_vpc` for `ListHostedZonesByVPC`."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", action).lower()


class _Thread(threading.local):
    """What belongs to the current request of each thread: how many seconds it may take, its deadline, and when it was sent."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = Deadline()
        self.sent = 0.0


class _Bounded:
    """Sends the requests of a client of botocore, each within its seconds.

    Args:
        http: The client's own way to send them.
        thread: What belongs to the current request of each thread.
    """

    def __init__(self, http: t.Any, thread: _Thread) -> None:
        self._http = http
        self._thread = thread

    def send(self, request: t.Any) -> object:
        """Send a request once, and return the whole reply.

        Raises:
            Exception: One of `FAILURES`.
        """
        deadline, reply, cause = self._thread.deadline, None, None
        try:
            with deadline.running(self._thread.seconds):
                reply = self._http.send(request)
        except FAILURES as error:
            # After the deadline has shut the connection down, the library's error is not the cause.
            if not deadline.has_expired:
                # urllib3 blames the proxy whenever a connection through it ends, and TLS may fail in the middle of a reply.
                if deadline.was_sent and isinstance(error, botocore.exceptions.ConnectionError):
                    raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url) from error
                raise
            cause = error
        if deadline.has_expired:
            kind = botocore.exceptions.ReadTimeoutError if deadline.was_sent else botocore.exceptions.ConnectTimeoutError
            raise kind(endpoint_url=request.url) from cause
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _bound(client: t.Any, thread: _Thread) -> object:
    """Return a client of botocore, whose requests have a deadline from now on."""
    # A version of botocore without these has only the time-outs, which start again with every byte.
    with contextlib.suppress(AttributeError):
        endpoint = client._endpoint
        pools = endpoint.http_session._pool_classes_by_scheme
        # Not by the session: urllib3 keeps the connections of a pool until it is gone, and they would keep the clients, and
        # these the pool.
        pools.update(guarded(pools, lambda: thread.deadline))
        endpoint.http_session = _Bounded(endpoint.http_session, thread)
    return client


class Clients:
    """The clients of one boto3 session. Thread-safe.

    Args:
        params: The options for AWS.
        calls: The list that each request is added to.
        names: The names of these options in messages.
        limits: How long each request of botocore itself for credentials may take, and how often it is sent again.

    Raises:
        NoRegionError: If there is no region.
        InvalidOptionError: If the region is not a valid name.
    """

    def __init__(
        self,
        params: t.Mapping[str, t.Any],
        calls: list[ApiCall],
        names: t.Mapping[str, str] = NAMES,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._params = params
        self._calls = calls
        self._names = names
        self._limits = limits
        self._thread = _Thread(limits.timeout)
        # By service.
        self._clients: dict[str, object] = {}
        keys = {option: params[name] or None for option, name in KEYS.items()}
        self._session = self._make_session(**keys)
        self.region = self._find_region()

    def _make_session(self, provider: object = None, **keys: str | None) -> t.Any:
        """Return a new session of boto3.

        Args:
            provider: Loads the credentials; None for boto3's usual ways.
            **keys: A key, which comes before these.
        """
        with _MAKING:
            core = _Session()
            core.thread = self._thread
            core.register_component("data_loader", LOADER)
            # Those of our own clients are set when they are made; this is for those that look for the credentials.
            retries = {"mode": RETRY_MODE, "total_max_attempts": self._limits.retries + 1}
            core.set_default_client_config(botocore.config.Config(read_timeout=self._limits.timeout, retries=retries))
            if self._params["aws_ca_bundle"]:
                core.set_config_variable("ca_bundle", self._params["aws_ca_bundle"])
            if provider is not None:
                core.register_component("credential_provider", provider)
            made = boto3.session.Session(**keys, profile_name=self._params["profile"] or None, botocore_session=core)
            # Each boto3 session adds its folder to the loader's search paths once more.
            del LOADER.search_paths[len(dict.fromkeys(LOADER.search_paths)) :]
        return made

    def in_region(self, region: str | None) -> Clients:
        """Return clients with the same credentials, found or assumed, in another region; None for that of the environment.

        Raises:
            NoRegionError: If there is none.
        """
        other = copy.copy(self)
        other._params, other._clients = {**self._params, "region": region}, {}
        other.region = other._find_region()
        return other

    def _find_region(self) -> str:
        option = self._names["region"]
        sources = [(as_option(option), self._params["region"]), *((name, os.environ.get(name)) for name in REGION_VARIABLES)]
        name, value = next((one for one in sources if one[1]), ("The region of the profile", self._session.region_name))
        if not value:
            variables = " or ".join(REGION_VARIABLES)
            raise NoRegionError(
                "No region for AWS.",
                hint=f"Set {as_option(option)}, the environment variable {variables}, or a region in the profile.",
            )
        return parse_text(name, value, AWS.regions.parse)

    def find_secrets(self) -> set[str]:
        """Return the secrets in the credentials that boto3 has found."""
        credentials = self._session.get_credentials()
        if credentials is None:
            return set()
        frozen = credentials.get_frozen_credentials()
        return {one for one in (frozen.secret_key, frozen.token) if one}

    def with_credentials(self, get: t.Callable[[], dict[str, str]]) -> Clients:
        """Return clients with credentials that expire, in the same region.

        Args:
            get: Returns them as `to_metadata` does. It is called now, and when they expire soon, by the thread that needs them.

        Raises:
            Exception: What `get` raises.
        """
        found = botocore.credentials.RefreshableCredentials.create_from_metadata(
            get(), refresh_using=get, method="sts-assume-role"
        )
        other = copy.copy(self)
        # Requests for other credentials have a deadline of their own.
        other._thread, other._clients = _Thread(self._limits.timeout), {}
        other._session = other._make_session(types.SimpleNamespace(load_credentials=lambda: found))
        return other

    def send(self, service: str, action: str, seconds: float, parameters: t.Mapping[str, object]) -> dict[str, object]:
        """Send a request once, and return the reply.

        Args:
            service: The service, as boto3 names it.
            action: The name of the action, such as `DescribeVpcs`.
            seconds: The most seconds until the reply is complete.
            parameters: The parameters of the action.

        Raises:
            Exception: One of `FAILURES`.
        """
        client = self._get(service)
        self._thread.seconds = seconds
        try:
            return dict(getattr(client, _method(action))(**parameters) or {})
        finally:
            self._thread.seconds = self._limits.timeout

    def knows(self, service: str, shape: str, name: str) -> bool:
        """Whether botocore's description of a service has a member of a structure; it drops others from replies."""
        return name in self._get(service).meta.service_model.shape_for(shape).members

    def _get(self, service: str) -> t.Any:
        found = self._clients.get(service)
        if found is not None:
            # Who has a client does not wait for those of other accounts, each of which takes longer than most of its requests.
            return found
        with _MAKING:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> object:
        own_endpoint = os.environ.get(f"AWS_ENDPOINT_URL_{OWN_ENDPOINTS[service]}") if service in OWN_ENDPOINTS else None
        client = self._session.client(
            service,
            region_name=self.region,
            endpoint_url=own_endpoint or self._params["endpoint_url"] or None,
            config=botocore.config.Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=max(READ_SECONDS, self._limits.timeout),
                retries={"mode": RETRY_MODE, "total_max_attempts": 1},
                user_agent_extra="cloudpeer.atlas",
            ),
        )
        client.meta.events.register("before-send", self._record_start)
        client.meta.events.register("response-received", self._record_end)
        return client

    def _record_start(self, **unused: object) -> None:
        self._thread.sent = time.monotonic()

    def _record_end(self, event_name: str, response_dict: t.Mapping[str, t.Any] | None = None, **unused: object) -> None:
        service, action = event_name.split(".")[1:3]
        status = response_dict.get("status_code") if response_dict else None
        milliseconds = round((time.monotonic() - self._thread.sent) * 1000)
        method = "GET" if service == "route-53" else "POST"
        self._calls.append(ApiCall(method, f"{POLICY_NAMES.get(service, service)}:{action}", status, milliseconds))
        if service in JSON_SERVICES:
            return
        # The name has a prefix where a proxy has rewritten the reply.
        names = re.compile(rf"[<:]{action}Response\b".encode())
        if response_dict and status in SUCCESS and not names.search(response_dict["body"]):
            # botocore reads any XML as a reply with empty lists, or as the confirmation of a change.
            raise ForeignReplyError(foreign(action))
