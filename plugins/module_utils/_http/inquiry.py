# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks each question once, whichever threads need the answer."""

from __future__ import annotations

import threading
import typing as t

from .errors import TaskError
from .pauses import value_or_error

_Key = t.TypeVar("_Key", bound=t.Hashable)
_Result = t.TypeVar("_Result")


class Inquiry(t.Generic[_Key]):
    """Asks each question once, even if several threads ask at the same time. Thread-safe.

    Args:
        is_general: Whether a failure concerns all questions, and not only its own; None if no failure does.
        most: The number of general failures in a row after which nothing more is asked.
        refusal: Returns the answer to all later questions, until a question that was already asked gets an answer; None if
            the first general failure is that answer.
        first_alone: Whether questions are asked in turn until one gets an answer, so that wrong credentials are refused once.

    Attributes:
        answers: The answer to each question, or its TaskError.
    """

    def __init__(
        self,
        is_general: t.Callable[[TaskError], bool] | None = None,
        most: int = 1,
        refusal: t.Callable[[], TaskError] | None = None,
        *,
        first_alone: bool = False,
    ) -> None:
        self.answers: dict[_Key, t.Any] = {}
        self._is_general = is_general or (lambda error: False)
        self._most = most
        self._refusal = refusal
        self._is_alone = first_alone
        self._alone = threading.Lock()
        self._changing = threading.Lock()
        self._asking: dict[_Key, threading.Lock] = {}
        # The general failures in a row.
        self._failures: list[TaskError] = []

    def ask(self, question: _Key, call: t.Callable[[], _Result]) -> _Result:
        """Return the answer to a question, as `answer` does.

        Raises:
            TaskError: If the answer is one.
        """
        found = self.answer(question, call)
        if isinstance(found, TaskError):
            raise found
        return found

    def answer(self, question: _Key, call: t.Callable[[], _Result]) -> _Result | TaskError:
        """Return the answer to a question, or its TaskError.

        Args:
            question: The question.
            call: Asks it, unless it was asked before.
        """
        with self._turn(question):
            if question not in self.answers:
                self.answers[question] = self._ask_in_turn(call)
            found: _Result | TaskError = self.answers[question]
            return found

    def forget(self, question: _Key) -> None:
        """Forget the answer to a question, because it may have changed."""
        with self._turn(question):
            self.answers.pop(question, None)

    def _turn(self, question: _Key) -> threading.Lock:
        with self._changing:
            return self._asking.setdefault(question, threading.Lock())

    def _ask_in_turn(self, call: t.Callable[[], _Result]) -> _Result | TaskError:
        if self._is_alone:
            with self._alone:
                if self._is_alone:
                    return self._ask(call)
        return self._ask(call)

    def _ask(self, call: t.Callable[[], _Result]) -> _Result | TaskError:
        with self._changing:
            if len(self._failures) >= self._most:
                return self._refusal() if self._refusal else self._failures[0]
        answer = value_or_error(call)
        with self._changing:
            if isinstance(answer, TaskError) and self._is_general(answer):
                self._failures.append(answer)
                # What was asked meanwhile may have failed for the same cause.
                return answer if self._refusal else self._failures[0]
            if self._refusal:
                self._failures.clear()
            self._is_alone = False
        return answer
