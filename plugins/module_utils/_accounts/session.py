# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of a task on both sides: Atlas, sessions with the clouds for each set of credentials, and what is asked there."""

from __future__ import annotations

import json
import typing as t
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from .._api.client import AtlasClient
from .._auth import clients
from .._engine.operation import Warn, check_libraries
from .._engine.options import Parameters
from .._http.errors import AuthError, NoAnswerError, TaskError
from .._http.exchange import ApiCall
from .._http.inquiry import Inquiry
from .._http.pauses import DEFAULT_LIMITS, Limits, within
from .._http.threads import call_all

if t.TYPE_CHECKING:
    from .._aws.rate import RateGovernor
    from .._aws.session import AwsSession
    from .._azure.session import AzureSession
    from .._gcp.session import GcpSession
    from .._http.session import CloudSession

_Session = t.TypeVar("_Session", bound="CloudSession")
_Key = t.TypeVar("_Key")
_Value = t.TypeVar("_Value")

# How many questions to a cloud are asked at the same time.
_READERS = 8
# Asks a cloud with one set of credentials: returns what a request returns, which is called with the session and the arguments,
# or its TaskError. The request and the arguments are the question.
Ask = t.Callable[..., t.Any]


def asking(
    open_session: t.Callable[[], CloudSession],
    names: t.Callable[[], AbstractContextManager[None]],
    refusal: type[AuthError],
    *,
    needs_one: bool,
) -> Ask:
    """Return what asks a cloud with one set of credentials.

    A failure that is not about one resource is the answer to all later questions, which are not sent. Until one is answered,
    they are sent one after the other.

    Args:
        open_session: Returns the session with the cloud.
        names: Returns a context manager that names options in errors as the task does.
        refusal: The class of the cloud's refusals that are about one resource, subscription or project.
        needs_one: Whether it is an error if the credentials cannot be used; otherwise, that is the answer to all questions.

    Raises:
        TaskError: If the credentials cannot be used, and that is an error.
    """
    try:
        with names():
            session = open_session()
    except TaskError as error:
        if needs_one:
            raise
        failure = error
        return lambda *unused: failure

    def is_general(error: TaskError) -> bool:
        # A refusal by the cloud itself has a code.
        is_of_one = isinstance(error, refusal) and error.error_code is not None
        return isinstance(error, (NoAnswerError, AuthError)) and not is_of_one

    def call(request: t.Callable[..., object], *args: object) -> object:
        with names():
            return request(session, *args)

    inquiry: Inquiry[tuple[object, ...]] = Inquiry(is_general, first_alone=True)
    return lambda *question: inquiry.answer(question, partial(call, *question))


def side_by_side(calls: t.Mapping[_Key, t.Callable[[], _Value]]) -> dict[_Key, _Value]:
    """Make calls in parallel, and return what each returns, by the same keys in the same order."""
    return call_all(calls, _READERS)


class AwsSessions:
    """The sessions of one task: one for each set of credentials and region. Thread-safe.

    Credentials are looked for once for all regions and roles, and a role is assumed once for all regions.

    Args:
        calls: The list that requests are added to.
        names: The names of the options in messages.
        governor: Waits for AWS's rate limits.
        limits: As for AwsSession.
    """

    def __init__(
        self, calls: list[ApiCall], names: t.Mapping[str, str], governor: RateGovernor, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        # Each file that is read costs time at the start of a task: those of a cloud are for tasks that use it.
        from .._aws.session import AwsSession

        self._open = partial(AwsSession, calls=calls, governor=governor, limits=limits)
        self._names = names
        # The first session for each set of credentials, with the region that was asked for.
        self._first: Inquiry[t.Hashable] = Inquiry()
        self._elsewhere: Inquiry[t.Hashable] = Inquiry()

    @property
    def secrets(self) -> set[str]:
        """The secrets that are known so far."""
        first = [*self._first.answers.values()]
        return {secret for one in first if not isinstance(one, TaskError) for secret in one[0].secrets}

    def open(self, params: Parameters, names: t.Mapping[str, str] | None = None) -> AwsSession:
        """Return the session for some options; the same one for the same credentials and region.

        Args:
            params: The options for AWS, with `wait_timeout` where the task has that.
            names: Their names in messages, where they differ from those of the task.

        Raises:
            TaskError: If there is no region, the credentials cannot be read, or the role cannot be assumed.
        """
        from .._aws.errors import NoRegionError

        known, region = tuple((name, value) for name, value in sorted(params.items()) if name != "region"), params["region"]
        try:
            first, its_region = self._first.ask(known, lambda: (self._make(params, names), region))
        except NoRegionError:
            # Another entry with these credentials may name its region.
            self._first.forget(known)
            raise
        return first if region == its_region else self._elsewhere.ask((known, region), partial(first.in_region, region))

    def _make(self, params: Parameters, names: t.Mapping[str, str] | None) -> AwsSession:
        role = params["assume_role_arn"]
        if role:
            # Others may assume their roles with the same credentials.
            return self.open({**params, "assume_role_arn": None}, names).as_role(role, names)
        return self._open(params, names=names or self._names)


class CheckSession:
    """The services that one task talks to.

    Args:
        atlas: The client for Atlas; None if its half is off.
        parallel: How many requests that write are sent at the same time in each account and region of AWS; None for the usual.
        limits: The options `timeout` and `retries`, for the clouds; the client for Atlas has its own.

    Attributes:
        calls: The requests to all services, in the order of their replies; the list grows.
    """

    within = staticmethod(within)

    def __init__(self, atlas: AtlasClient | None, parallel: int | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self.atlas = atlas
        self.calls: list[ApiCall] = atlas.calls if atlas is not None else []
        self._parallel = parallel
        self._limits = limits
        self._aws: AwsSessions | None = None
        # The sessions with GCP and AZURE, by credentials.
        self._others: Inquiry[str] = Inquiry()
        # What asks them.
        self._asks: Inquiry[str] = Inquiry()

    @property
    def aws(self) -> AwsSessions:
        """The sessions with AWS, whose requests are recorded here."""
        if self._aws is None:
            from .._aws.rate import READERS, RateGovernor
            from .credentials import AWS_NAMES

            self._aws = AwsSessions(self.calls, AWS_NAMES, RateGovernor(parallel=self._parallel or READERS), self._limits)
        return self._aws

    def open_gcp(self, credentials: Parameters) -> GcpSession:
        """Return the session with GCP for credentials, whose requests are recorded here. Thread-safe.

        Raises:
            TaskError: If the credentials cannot be used, or google-auth is missing.
        """

        def make() -> GcpSession:
            # Only some tasks need google-auth, and it is slow to load.
            from .._clouds.gcp import GCP
            from .._gcp.session import LIBRARIES, GcpSession

            check_libraries(LIBRARIES, GCP)
            return GcpSession(credentials, calls=self.calls, limits=self._limits)

        return self._open(make, credentials)

    def open_azure(self, credentials: Parameters, directory_id: str | None) -> AzureSession:
        """Return the session with AZURE for credentials, whose requests are recorded here. Thread-safe.

        Args:
            credentials: The options for AZURE.
            directory_id: The directory of the VNets; None for that of the credentials.

        Raises:
            TaskError: If the credentials cannot be used, or azure-identity is missing.
        """

        def make() -> AzureSession:
            from .._azure.session import LIBRARIES, AzureSession
            from .._clouds.azure import AZURE

            check_libraries(LIBRARIES, AZURE)
            return AzureSession({**credentials, "directory_id": directory_id}, calls=self.calls, limits=self._limits)

        return self._open(make, credentials, str(directory_id).lower())

    def _open(self, make: t.Callable[[], _Session], credentials: Parameters, directory: str = "") -> _Session:
        return self._others.ask(_key(credentials, directory), make)

    def ask_gcp(self, credentials: Parameters, *, needs_one: bool) -> Ask:
        """Return what asks GCP with credentials; see `asking`.

        Raises:
            TaskError: If the credentials cannot be used, and that is an error.
        """
        from .._gcp.session import GcpDeniedError
        from .credentials import gcp_names

        make = partial(asking, partial(self.open_gcp, credentials), gcp_names, GcpDeniedError, needs_one=needs_one)
        return self._asks.ask(_key(credentials), make)

    def ask_azure(self, credentials: Parameters, directory_id: str | None, *, needs_one: bool) -> Ask:
        """Return what asks AZURE with credentials in a directory; see `asking`.

        Raises:
            TaskError: If the credentials cannot be used, and that is an error.
        """
        from .credentials import azure_names

        open_session = partial(self.open_azure, credentials, directory_id)
        # A subscription of another directory refuses credentials that others take.
        make = partial(asking, open_session, azure_names, AuthError, needs_one=needs_one)
        return self._asks.ask(_key(credentials, str(directory_id).lower()), make)

    @property
    def secrets(self) -> set[str]:
        """The secrets known so far."""
        found = set(self.atlas.secrets) if self.atlas is not None else set()
        return found.union(self._aws.secrets if self._aws is not None else (), *(one.secrets for one in self._opened()))

    def close(self) -> None:
        """Close the sessions with AZURE and GCP."""
        for one in self._opened():
            one.close()

    def _opened(self) -> list[CloudSession]:
        answers = [*self._others.answers.values()]
        if not answers:
            return []
        from .._http.session import CloudSession

        return [one for one in answers if isinstance(one, CloudSession)]

    @contextmanager
    def side_by_side(self, parallel: int, longest_pause: float) -> t.Iterator[None]:
        """Let several threads send to Atlas inside the block; see `AtlasClient.side_by_side`."""
        with self.atlas.side_by_side(parallel, longest_pause) if self.atlas is not None else nullcontext():
            yield


def _key(credentials: Parameters, directory: str = "") -> str:
    return json.dumps([dict(credentials), directory], sort_keys=True, default=str)


@contextmanager
def connect(params: Parameters, warn: Warn, /) -> t.Iterator[CheckSession]:
    """Yield a session for the options, without Atlas if its half is off.

    Raises:
        InvalidOptionError: If the options of the connection to Atlas, or the credentials, are invalid.
    """
    limits = Limits(params["timeout"], params["retries"])
    limits.validate()
    with clients.connect(params, warn) if params["atlas"] else nullcontext() as atlas:
        session = CheckSession(atlas, params.get("parallel"), limits)
        try:
            yield session
        finally:
            session.close()
