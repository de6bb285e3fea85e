# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with AZURE: Azure Resource Manager (ARM) and Microsoft Graph."""

from __future__ import annotations

import time
import typing as t
from contextlib import closing
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

from .._clouds.azure import AZURE
from .._engine.operation import Warn, find_library
from .._engine.options import Parameters
from .._http.errors import ApiError, NotFoundError
from .._http.exchange import ApiCall, Reply
from .._http.inquiry import Inquiry
from .._http.pauses import DEFAULT_LIMITS, Clock, Limits, Sleep, stoppable_sleep
from .._http.session import CloudSession
from .._http.transport import REQUESTS_IMPORT_ERROR
from .._values.json_fields import objects_in
from .auth import Tokens
from .errors import GRAPH_HOST, azure_error

HOST = "management.azure.com"


# azure-identity is not loaded yet, which takes half a second.
LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR), find_library("azure-identity"))


class AzureSession(CloudSession):
    """The requests of one task to AZURE. Thread-safe.

    Args:
        params: The options, as `credentials.check_credentials` returns them.
        clock, sleep, calls, limits: As for CloudSession.
        directory_id: The directory whose tokens are wanted; None for that of the credentials.

    Attributes:
        shared: Asks what all VNets of the directory share.

    Raises:
        InvalidOptionError: If there are no credentials, or they are incomplete.
    """

    service = AZURE.name
    host = HOST

    def __init__(
        self,
        params: Parameters,
        clock: Clock = time.monotonic,
        sleep: Sleep = stoppable_sleep,
        calls: list[ApiCall] | None = None,
        *,
        directory_id: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(clock, sleep, calls, limits)
        self.shared: Inquiry[str] = Inquiry()
        self._tokens = Tokens(params, directory_id, self._send_for_token, self._retry.time_left)

    @property
    def secrets(self) -> set[str]:
        """The secrets known so far."""
        return set(self._tokens.secrets)

    def read(
        self,
        description: str,
        path: str,
        api_version: str | None = None,
        query: t.Mapping[str, str] | None = None,
        *,
        graph: bool = False,
    ) -> dict[str, object]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            path: Its path: its id in ARM, or what follows the version in Graph.
            api_version: The version of ARM's API for it; None for Graph.
            query: More parameters of the query.
            graph: Whether it is in Graph.

        Raises:
            TaskError: If it fails.
        """
        return self._read(description, _url(path, api_version, query, graph=graph))

    def find(
        self, absent: t.Container[str | None], description: str, path: str, api_version: str | None = None, *, graph: bool = False
    ) -> dict[str, object] | None:
        """Read an object as `read` does, and return None for a 404 with one of the codes in `absent`."""
        try:
            return self.read(description, path, api_version, graph=graph)
        except NotFoundError as error:
            if error.error_code in absent:
                return None
            raise

    def list(
        self,
        description: str,
        path: str,
        api_version: str | None = None,
        query: t.Mapping[str, str] | None = None,
        *,
        graph: bool = False,
    ) -> list[dict[str, object]]:
        """Read all objects of a list, on all its pages. The arguments are those of `read`.

        Raises:
            TaskError: If a page cannot be read, or is not a list of objects.
        """
        url = _url(path, api_version, query, graph=graph)
        pages = self._pages(description, url, lambda page: _next_page(page, url))
        read = partial(objects_in, key="value", is_always_there=True)
        return [dict(one) for page in pages for one in self.parsed(read, page, description)]

    def write(
        self,
        description: str,
        method: str,
        path: str,
        api_version: str | None = None,
        body: t.Mapping[str, object] | None = None,
        *,
        graph: bool = False,
    ) -> dict[str, object]:
        """Send a request that changes something, once, and return the object in the reply; empty for none after a DELETE.

        Args:
            description: What it does, as a verb phrase.
            method: The HTTP method.
            path, api_version, graph: As for `read`.
            body: The body, sent as JSON.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if AZURE may have carried it out.
        """
        return self._answer(description, method, _url(path, api_version, None, graph=graph), body)

    def _token(self, description: str, url: str) -> str:
        return self._tokens.get(description, f"https://{urlsplit(url).hostname}")

    def _refusal(self, description: str, method: str, url: str, reply: Reply, content: object) -> ApiError:
        return azure_error(description, method, url, reply, content, secrets=self.secrets)


def _url(path: str, api_version: str | None, query: t.Mapping[str, str] | None, *, graph: bool) -> str:
    root = f"https://{GRAPH_HOST}/v1.0/" if graph else f"https://{HOST}/"
    parameters = {**({"api-version": api_version} if api_version else {}), **(query or {})}
    # In Graph, a key stands in the path as (appId='…').
    where = quote(path.lstrip("/"), safe="/()='")
    return f"{root}{where}" + (f"?{urlencode(parameters, quote_via=quote)}" if parameters else "")


def _next_page(page: dict[str, object], first: str) -> str | None:
    """Return the address of the next page, which is at the host of the first one."""
    link = page.get("nextLink") or page.get("@odata.nextLink")
    if link is None:
        return None
    root = f"https://{urlsplit(first).hostname}"
    # Some of ARM's services write the port, too.
    if not isinstance(link, str) or not link.startswith((f"{root}/", f"{root}:443/")):
        raise ValueError(f"has a link to a next page that does not begin with {root}/")
    return link


def connect(params: Parameters, unused_warn: Warn, /) -> t.ContextManager[AzureSession]:
    """Return a session for the options, with tokens of `azure_directory_id`, which is closed at the end of a with statement."""
    return closing(AzureSession(params, directory_id=params.get("azure_directory_id")))
