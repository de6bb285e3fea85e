# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks AZURE and GCP: several questions side by side, and no more of a cloud that cannot be asked."""

from __future__ import annotations

import threading
import typing as t
from contextlib import AbstractContextManager

from .._http.errors import AuthError, NoAnswerError, TaskError
from .._http.session import CloudSession
from .._http.threads import call_all

_Session = t.TypeVar("_Session", bound=CloudSession)
_Key = t.TypeVar("_Key")
_Value = t.TypeVar("_Value")

# How many questions to a cloud are asked at the same time.
_READERS = 8


class Asker(t.Generic[_Session]):
    """Asks a cloud with one set of credentials. Thread-safe.

    A failure that is not about one resource is the answer to all later questions, which are not sent. Until one is answered,
    they are sent one after the other, so that credentials that are refused are refused once.

    Args:
        open_session: Returns the session with the cloud.
        names: Returns a context manager that names options in errors as the task does.
        refusal: The class of the cloud's refusals that are about one resource, subscription or project.
        needs_one: Whether it is an error if the credentials cannot be used; otherwise, that is the answer to all questions.

    Raises:
        TaskError: If the credentials cannot be used, and that is an error.
    """

    def __init__(
        self,
        open_session: t.Callable[[], _Session],
        names: t.Callable[[], AbstractContextManager[None]],
        refusal: type[AuthError],
        *,
        needs_one: bool,
    ) -> None:
        self._names = names
        self._refusal = refusal
        self._failure: TaskError | None = None
        self._is_answered = False
        self._until_answered = threading.Lock()
        try:
            with names():
                self._session = open_session()
        except TaskError as error:
            if needs_one:
                raise
            self._failure = error

    def ask(self, request: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
        """Return what a request returns, which is called with the session and these arguments, or its TaskError."""
        if not self._is_answered:
            with self._until_answered:
                if not self._is_answered:
                    return self._send(request, *args)
        return self._send(request, *args)

    def _send(self, request: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
        if self._failure is not None:
            return self._failure
        try:
            with self._names():
                answer = request(self._session, *args)
        except TaskError as error:
            # A refusal by the cloud itself has a code.
            is_of_one = isinstance(error, self._refusal) and error.error_code is not None
            if isinstance(error, (NoAnswerError, AuthError)) and not is_of_one:
                # What was sent meanwhile may have failed for the same cause.
                self._failure = self._failure or error
                return self._failure
            answer = error
        self._is_answered = True
        return answer


def side_by_side(calls: t.Mapping[_Key, t.Callable[[], _Value]]) -> dict[_Key, _Value]:
    """Make calls in parallel, and return what each returns, by the same keys in the same order."""
    return call_all(calls, _READERS)
