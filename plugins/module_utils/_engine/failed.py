# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step that has failed: whether another look may help, and how long to wait before it. Pure."""

from __future__ import annotations

import typing as t

from .._http.errors import AtlasError, OvertakenError
from .._http.pauses import backoff
from .plan import Step

# The seconds to pause before each look after a creation that got no clear answer: what lists show may lag behind.
CREATION_PAUSES = (2.0, 4.0)


def may_pass(step: Step, error: AtlasError) -> bool:
    """Return whether a step that has failed may do after another look."""
    # A removal that got an odd answer can be asked for again; one that got none has been, by the client.
    is_odd_removal = step.action == "delete" and error.outcome_unknown and not error.is_unanswered
    return error.is_transient or isinstance(error, OvertakenError) or is_odd_removal


def pauses_before_look(step: Step, error: AtlasError, failures: int, retries: int) -> t.Sequence[float]:
    """Return the seconds to pause before each look after a step has failed.

    Args:
        step: The step.
        error: Why it failed.
        failures: How often it has failed, this time included.
        retries: How often it may be tried again.
    """
    is_overtaken = isinstance(error, OvertakenError)
    if step.action == "create" and (error.outcome_unknown or is_overtaken):
        return CREATION_PAUSES
    if is_overtaken or (failures > retries and not error.outcome_unknown):
        return (0.0,)
    return (backoff(failures - 1),)
