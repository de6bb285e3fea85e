# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with GCP: it sends requests, and turns failures into errors of this collection."""

from __future__ import annotations

import time
import typing as t
from contextlib import closing
from urllib.parse import quote, urlencode

from .._clouds.gcp import GCP
from .._engine.libraries import find_library
from .._engine.operation import Warn
from .._engine.options import Parameters
from .._http.errors import ApiError
from .._http.exchange import ApiCall, Reply
from .._http.pauses import DEFAULT_LIMITS, Clock, Limits, Sleep, stoppable_sleep
from .._http.session import CloudSession
from .._http.transport import REQUESTS_IMPORT_ERROR
from .auth import GOOGLE_AUTH_IMPORT_ERROR, Tokens
from .errors import gcp_error

LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR), find_library("google-auth", GOOGLE_AUTH_IMPORT_ERROR))

HOST = "compute.googleapis.com"
ROOT = f"https://{HOST}/compute/v1/"


class GcpSession(CloudSession):
    """The requests of one task to GCP. Thread-safe.

    Args:
        params: The options, as `options.validate` returns them.
        clock, sleep, calls, limits: As for CloudSession.

    Raises:
        TaskError: If the credentials cannot be read.
    """

    service = GCP.name
    host = HOST

    def __init__(
        self,
        params: Parameters,
        clock: Clock = time.monotonic,
        sleep: Sleep = stoppable_sleep,
        calls: list[ApiCall] | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(clock, sleep, calls, limits)
        self._tokens = Tokens(params, self._send_for_token, limits.retries)

    @property
    def secrets(self) -> set[str]:
        """The secrets known so far."""
        return set(self._tokens.secrets)

    def read(self, description: str, path: str, query: t.Mapping[str, str] | None = None) -> dict[str, object]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            path: Its path below `ROOT`.
            query: The parameters of the query.

        Raises:
            TaskError: If it fails.
        """
        return self._read(description, _url(path, query))

    def pages(self, description: str, path: str, query: t.Mapping[str, str] | None = None) -> t.Iterator[dict[str, object]]:
        """Yield each page of a list, read like an object."""

        def next_of(page: dict[str, object]) -> str | None:
            token = page.get("nextPageToken")
            if token is not None and not isinstance(token, str):
                raise ValueError("has a nextPageToken that is not a text")
            return _url(path, {**(query or {}), "pageToken": token}) if token else None

        return self._pages(description, _url(path, query), next_of)

    def write(self, description: str, path: str, body: t.Mapping[str, object], request_id: str) -> dict[str, object]:
        """Send a request that changes something, once, and return the object in the reply.

        Args:
            description: What it does, as a verb phrase.
            path: Its path below `ROOT`.
            body: The body, sent as JSON.
            request_id: A UUID. GCP carries out only the first of several requests with the same id.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if GCP may have carried it out.
        """
        return self._answer(description, "POST", _url(path, {"requestId": request_id}), body)

    def _token(self, description: str, unused_url: str) -> str:
        return self._tokens.get(description)

    def _refusal(self, description: str, method: str, unused_url: str, reply: Reply, content: object) -> ApiError:
        return gcp_error(description, reply.status, content, is_write=method != "GET", secrets=self.secrets)


def _url(path: str, query: t.Mapping[str, str] | None) -> str:
    return ROOT + quote(path) + (f"?{urlencode(query)}" if query else "")


def connect(params: Parameters, unused_warn: Warn, /) -> t.ContextManager[GcpSession]:
    """Return a session for the options, which is closed at the end of a with statement."""
    return closing(GcpSession(params))
