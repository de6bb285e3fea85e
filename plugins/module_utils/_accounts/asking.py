# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks AZURE and GCP: several questions side by side, each once, and no more of a cloud that cannot be asked."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager
from functools import partial

from .._http.errors import AuthError, NoAnswerError, TaskError
from .._http.pauses import Inquiry
from .._http.session import CloudSession
from .._http.threads import call_all

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
