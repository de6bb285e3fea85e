# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of Atlas: sends signed requests, retries them after transient failures, keeps the connections, and reads pages."""

from __future__ import annotations

import time
import typing as t
from contextlib import closing, contextmanager
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from .._http.errors import ApiError, NotFoundError, OvertakenError, TaskError, connection_error
from .._http.exchange import ApiCall, Reply
from .._http.pauses import DEADLINE, Clock, Policy, Retry, Sleep, check_stopped, stoppable_sleep, within
from .._http.redact import redacted
from .._http.transport import Prepared, Transport, TransportError
from .reply import CONNECTION_HINTS, odd_reply, read_reply
from .request import DEFAULT_VERSION, NOTHING, ApiSettings, Credential, Json, Request

if t.TYPE_CHECKING:
    from .._http.inquiry import Inquiry


# In seconds, the pause if the rate limit is used up.
RATE_LIMIT_PAUSE = 1.0


class Sender:
    """Sends requests over one kept connection, one at a time, but not always from the same thread.

    Args:
        settings: How to reach Atlas.
        credential: How to sign in.
        retry: When a request is sent again, and how long it may take.
        record: Receives each request that was sent.
    """

    def __init__(self, settings: ApiSettings, credential: Credential, retry: Retry, record: t.Callable[[ApiCall], None]) -> None:
        self._settings = settings
        self._credential = credential.for_connection()
        self._retry = retry
        self._is_bucket_empty = False
        self._transport = Transport(retry.clock, record, settings.validate_certs and (settings.ca_path or True))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _prepare(self, request: Request) -> Prepared:
        settings = self._settings
        data, headers = request.data() or None, request.all_headers(settings)
        return self._transport.prepare(request.method, request.url(settings), data, headers)

    def answer(self, request: Request) -> Json:
        """Send a request, with retries, and return the object in the reply.

        Raises:
            TaskError: If no reply confirms it; with `outcome_unknown` it may have been carried out nevertheless.
        """
        try:
            return self._repeat(request, self._send)
        except TaskError as error:
            # The server may echo the credentials.
            raise error.without_secrets(self._credential.secrets) from error.__cause__
        except Exception as error:
            if not (request.is_write and self._transport.was_sent):
                raise
            # A lack of memory, for instance. The outcome is unknown, which callers can handle.
            raise TaskError(
                f"{type(error).__name__} before the reply was read.",
                description=request.description,
                detail=redacted(str(error), self._credential.secrets) or None,
                hint="Run the task again.",
                outcome_unknown=True,
            ) from error

    def _repeat(self, request: Request, send: t.Callable[[Request], Reply]) -> Json:
        def last(failure: TaskError, may_be_done: bool) -> TaskError:
            # For a repeatable request, all retries are used up; callers must not add their own.
            is_transient = failure.is_transient and not request.is_repeatable
            return failure.with_outcome(unknown=may_be_done, is_transient=is_transient)

        policy = Policy(is_repeatable=request.is_repeatable, waits_for_rate=False, final=last)
        # A token is fetched inside the slot of the request that needs it, and does not count for the rate limit.
        governor = self._retry.governor if request.root is None else None
        if governor is not None:
            policy = policy._replace(turn=governor.slot, hold=lambda failure: governor.pause(failure.retry_after))
        return self._retry.send(lambda: read_reply(send(request), request, self._settings, self._credential.secrets), policy)

    def _send(self, request: Request) -> Reply:
        """Sign and send one request, as often as the credential asks for it."""
        prepared = self._prepare(request)
        reply: object = None
        with closing(self._credential.sign_in(prepared, self._retry.time_left)) as flow:
            while True:
                try:
                    wanted = flow.send(reply)
                except StopIteration:
                    return t.cast("Reply", reply)
                if isinstance(wanted, Request):
                    reply = self._answer_credential(wanted, request)
                else:
                    reply = self._send_signed(request, wanted)

    def _answer_credential(self, wanted: Request, request: Request) -> Json:
        """Return the object in the reply to `wanted`, which the credential needs before it can sign `request`."""
        wanted = wanted._replace(description=f"{request.description}, for which {wanted.description} is needed")
        try:
            return self._repeat(wanted, lambda one: self._exchange(one, self._prepare(one)))
        except TaskError as error:
            # The request that waits for the token was not sent.
            raise error.with_outcome(unknown=False) from error.__cause__

    def _send_signed(self, request: Request, prepared: Prepared) -> Reply:
        governor = self._retry.governor
        if self._is_bucket_empty and governor is None:
            # The next request would be refused. Atlas does not report how fast its bucket of tokens refills.
            self._retry.sleep(min(RATE_LIMIT_PAUSE, max(0.0, DEADLINE.get() - self._retry.clock())))
        reply = self._exchange(request, prepared)
        self._is_bucket_empty = reply.headers.get("RateLimit-Remaining") == "0"
        if self._is_bucket_empty and governor is not None and reply.status != 429:
            governor.pause(reply.retry_after, was_served=True)
        return reply

    def _exchange(self, request: Request, prepared: Prepared) -> Reply:
        """Send a request once, and record it."""
        check_stopped()
        path = urlsplit(request.url(self._settings)).path
        try:
            return self._transport.exchange(prepared, self._retry.time_left(), path)
        except TransportError as error:
            raise connection_error(
                request.description,
                error.failure,
                error,
                hints=CONNECTION_HINTS,
                where=self._settings.base_url,
                is_write=request.is_write,
                secrets=self._credential.secrets,
            ) from error


# The largest page of Atlas, and more pages than any of its lists has.
PAGE_SIZE = 500
MOST_PAGES = 100
# After this many requests in a row without an answer, nothing more is asked.
MOST_UNANSWERED = 8
Path = tuple[str, ...]
Codes = frozenset[str]
Hints = t.Mapping[str, str]


class AtlasClient:
    """Talks to one Atlas with one credential. Thread-safe: each running request has a connection to itself.

    Every `path` is a sequence of segments below `/api/atlas/<version>`, escaped one by one. `description` is a verb phrase for
    error messages: `list the … of project …`. `hints` says what to do next, by error code; `version` is the date of the v2
    resource.

    Every verb raises NoAnswerError if Atlas does not answer, and ApiError or a subclass if Atlas answers with an error, or the
    reply is not from its API. Retries are used up then. `outcome_unknown` is set if a change may have been made.

    Args:
        settings: How to reach Atlas.
        credential: How to sign in.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        settings: The settings.
        calls: The requests of this task; the list grows.
        secrets: What must not be shown; the list grows.
        kept: What resources keep for later tasks with this client, by path, with what tells whether it has changed.

    Raises:
        InvalidOptionError: If the settings are invalid.
    """

    within = staticmethod(within)

    def __init__(
        self, settings: ApiSettings, credential: Credential, *, clock: Clock = time.monotonic, sleep: Sleep = stoppable_sleep
    ) -> None:
        settings.validate()
        self.settings = settings
        self.secrets = credential.secrets
        self.calls: list[ApiCall] = []
        self.kept: dict[Path, t.Any] = {}
        self._retry = Retry("Atlas", settings.limits, clock, sleep)
        self._make_sender = partial(Sender, settings, credential, self._retry, self._record)
        # Each has a connection: as many as there are parallel requests. Those that are not in use; the last one was used last.
        self._free: list[Sender] = []
        # The paths of deletions whose outcome is unknown.
        self._perhaps_deleted: set[Path] = set()

    def close(self, but: int = 0) -> None:
        """Close the connections that are not in use, except the `but` last used ones."""
        while len(self._free) > but:
            self._free.pop(0).close()

    def _answer(self, request: Request) -> Json:
        """Return the object in the reply to a request, sent by the last used free sender or a new one.

        Raises:
            TaskError: As `Sender.answer` does.
        """
        try:
            sender = self._free.pop()
        except IndexError:
            sender = self._make_sender()
        try:
            return sender.answer(request)
        finally:
            self._free.append(sender)

    @contextmanager
    def recording(self) -> t.Iterator[list[ApiCall]]:
        """Begin a task: yield a list that collects the requests sent inside the block, and forget earlier deletions."""
        self.calls = []
        self._perhaps_deleted = set()
        try:
            yield self.calls
        finally:
            self.close(but=1)

    @contextmanager
    def side_by_side(self, parallel: int, longest_pause: float) -> t.Iterator[None]:
        """Let several threads send inside the block; after a rate limit error (429), all of them slow down.

        Args:
            parallel: The most requests that may run at once.
            longest_pause: The most seconds that all these pauses together may last. After that, a 429 is an error.
        """
        from .._http.threads import Governor

        self._retry.governor = Governor(parallel, longest_pause, self._retry.clock, self._retry.sleep)
        try:
            yield
        finally:
            self._retry.governor = None

    def _record(self, call: ApiCall) -> None:
        self.calls.append(call)

    def get(self, path: Path, description: str, *, hints: Hints = NOTHING, version: str = DEFAULT_VERSION) -> Json:
        """Return the object at `path`.

        Raises:
            NoAnswerError: If Atlas does not answer.
            ApiError: If Atlas refuses the request; a NotFoundError if it answers 404.
        """
        return self._answer(Request("GET", path, description, hints=hints, version=version))

    def find(self, path: Path, description: str, missing: Codes, **more: t.Any) -> Json | None:
        """Return the object at `path` as `get` does; None if Atlas answers 404 with a code in `missing`."""
        try:
            return self.get(path, description, **more)
        except NotFoundError as error:
            if error.error_code in missing:
                return None
            raise

    def get_all(
        self,
        path: Path,
        query: t.Mapping[str, str],
        description: str,
        key: t.Callable[[Json], object] = lambda one: one.get("id"),
        *,
        version: str = DEFAULT_VERSION,
    ) -> list[Json]:
        """Return the objects of all pages of the list at `path`, each once; `key` returns the text that identifies an object.

        A page is as long as Atlas lets it be, unless `query` has another `itemsPerPage`.

        Raises:
            NoAnswerError: If Atlas does not answer.
            ApiError: If Atlas refuses a request, or a page is malformed.
        """
        query = {"itemsPerPage": str(PAGE_SIZE), **query}
        request = Request("GET", path, description, query, expects_list=True, version=version)
        return collect_pages(self._answer, request, key)

    def post(
        self,
        path: Path,
        body: Json | list[Json],
        description: str,
        *,
        query: t.Mapping[str, str] = NOTHING,
        exists: Codes = frozenset(),
        hints: Hints = NOTHING,
    ) -> Json:
        """Create something below `path` and return the object in the reply: a page of a list if `body` is a list.

        The request is sent again only after a rate limit error (429).

        Raises:
            NoAnswerError: If Atlas does not answer.
            OvertakenError: If Atlas refuses it with a code in `exists`.
            ApiError: If Atlas refuses it with any other.
        """
        is_list = isinstance(body, list)
        return self._answer(Request("POST", path, description, query, body, expects_list=is_list, exists=exists, hints=hints))

    def patch(self, path: Path, body: Json, description: str, *, hints: Hints = NOTHING) -> Json:
        """Change the object at `path` and return the object in the reply. As in `post`, only a 429 is retried.

        Raises:
            TaskError: If Atlas does not answer (NoAnswerError), or refuses the change (ApiError).
        """
        return self._answer(Request("PATCH", path, description, body=body, hints=hints))

    def delete(self, path: Path, description: str, *, gone: Codes = frozenset(), hints: Hints = NOTHING) -> None:
        """Delete the object at `path`. If it is gone, and an earlier try of this task may have deleted it, that is a success.

        Raises:
            NoAnswerError: If Atlas does not answer.
            OvertakenError: If Atlas answers 404 or 409 with a code in `gone`, and no earlier try can be the reason.
            ApiError: If Atlas refuses it with any other.
        """
        try:
            self._answer(Request("DELETE", path, description, gone=gone, hints=hints))
        except TaskError as error:
            if isinstance(error, OvertakenError) and (error.outcome_unknown or path in self._perhaps_deleted):
                return
            if error.outcome_unknown:
                self._perhaps_deleted.add(path)
            raise


def inquiry() -> Inquiry[Path]:
    """Return an inquiry that stops after `MOST_UNANSWERED` requests in a row without an answer, since each takes long."""
    # A task for one connection asks nothing twice.
    from .._http.inquiry import Inquiry

    def refusal() -> TaskError:
        message = f"This was not asked, because Atlas has not answered {MOST_UNANSWERED} requests in a row."
        return TaskError(message, hint="Run the task again when Atlas answers.")

    return Inquiry(lambda error: error.is_unanswered, MOST_UNANSWERED, refusal)


def collect_pages(answer: t.Callable[[Request], Json], first: Request, key: t.Callable[[Json], object]) -> list[Json]:
    """Return the objects of all pages of a list, up to the page without a `next` link (the total count is an estimate).

    Objects may move between pages while these are read: duplicates (same `key`) are dropped.

    Args:
        answer: Sends a request, and returns the page in the reply.
        first: The request for the first page.
        key: Returns the text that identifies an object.

    Raises:
        ApiError: If a page is malformed, brings nothing new although there is a next one, or there are too many pages.
    """
    request, description = first, first.description
    found: dict[str, Json] = {}
    for unused in range(MOST_PAGES):
        known = len(found)
        page = answer(request)
        results = page.get("results")
        # Anything but a list is handled like a list with a malformed object.
        for one in results if isinstance(results, list) else [None]:
            identity = key(one) if isinstance(one, dict) else None
            if not isinstance(one, dict) or not isinstance(identity, str) or not identity:
                raise odd_reply(description, "is not a list of Atlas")
            found[identity] = one
        following = _next_page(page)
        if following is None:
            return list(found.values())
        if len(found) == known:
            # Following such pages would never end.
            raise ApiError("the pages of the list go round in a circle.", description=description, hint="Run the task again.")
        request = request._replace(query={**request.query, **following})
    raise ApiError("the list has no end.", description=description, hint="Check base_url.")


def _next_page(page: t.Mapping[str, object]) -> dict[str, str] | None:
    """Return the query of the next page, from Atlas's `next` link; None for the last page.

    Only the query of the link is used: base_url alone decides where credentials go.
    """
    links = page.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "next" and isinstance(link.get("href"), str):
            return dict(parse_qsl(link["href"].partition("?")[2], keep_blank_values=True))
    return None
