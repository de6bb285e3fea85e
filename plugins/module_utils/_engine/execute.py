# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running an Operation, from the options to the outcome, whichever shell asks for it."""

from __future__ import annotations

import time
import traceback
import typing as t

from .._http.errors import AtlasError
from .converge import Convergence
from .operation import Operation
from .options import Parameters
from .outcome import Outcome, Report
from .wait import Clock, Sleep


def execute(
    operation: type[Operation[t.Any, t.Any]],
    params: Parameters,
    *,
    check_mode: bool,
    report: Report = lambda line: None,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Outcome:
    """Run an Operation; a failure is an outcome, too, and not an exception.

    Args:
        operation: What to do.
        params: The options, validated against its argument spec and with their defaults.
        check_mode: Whether to predict only.
        report: Takes a line for the user while the task waits.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """
    outcome = Outcome()
    try:
        validate = operation.validate_prediction if check_mode else operation.validate
        params, outcome.warnings = validate(params)
        with operation.connect(params, outcome.warnings.append) as session:
            outcome.api_calls = session.calls
            try:
                task = operation(params, session, clock)
                run: Convergence = (operation.convergence or Convergence)(task, outcome, report, clock, sleep)
                if check_mode:
                    run.predict()
                else:
                    run.carry_out()
            finally:
                outcome.secrets.update(session.secrets)
    except AtlasError as error:
        outcome.failure = error.to_result()
    except Exception as error:
        # No thread could be started, no memory was left, or there is a defect here: the result still tells what was changed.
        failure = AtlasError(
            f"The task ended unexpectedly: {type(error).__name__}: {error}.",
            hint="Run it again. If this stays, report it with the traceback (-vvv).",
        )
        outcome.failure = {**failure.to_result(), "exception": traceback.format_exc()}
    return outcome
