# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking the questions of several surveys, side by side."""

from __future__ import annotations

import typing as t
from functools import partial

from ..._http.errors import AtlasError
from ..._http.threads import Workers
from .survey import Survey

# How many requests are sent to AWS at the same time. AWS counts them by account and region.
READERS = 8


def carry_out(surveys: t.Sequence[Survey]) -> None:
    """Ask all questions of some surveys, round by round; an answer may be the AtlasError why there is none."""
    for number in range(max((len(survey.rounds) for survey in surveys), default=0)):
        with Workers[t.Any, t.Any](READERS) as workers:
            for survey in surveys:
                for key, question in survey.rounds[number]().items():
                    # Answers stay in the order of the questions, whichever comes first.
                    survey.answers[key] = None
                    workers.submit((survey, key), partial(_answer, question))
            for ended in workers.results():
                survey, key = ended.key
                survey.answers[key] = ended.result()


def _answer(question: t.Callable[[], t.Any]) -> t.Any:
    try:
        return question()
    except AtlasError as error:
        return error
