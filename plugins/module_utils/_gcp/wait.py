# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for GCP: until it accepts a change, until its operation has ended, until the peering is active."""

from __future__ import annotations

import contextlib

from .._engine.options import Parameters
from .._engine.wait import Wait, WaitTimeoutError, time_is_up
from .._http.errors import ApiError, TaskError, UndoneError
from .errors import PeeringBusyError
from .network import ACTIVE, CONSENSUS, Peering
from .networks import Networks
from .plan import NetworkState


class PeeringWaiter:
    """Makes the waits of a task.

    Args:
        params: The options, as `options.validate` returns them.
        networks: Reads the network.
    """

    def __init__(self, params: Parameters, networks: Networks) -> None:
        self._params = params
        self._networks = networks
        self._where: str = params["local"]
        self._is_absent: bool = params["state"] == "absent"

    def _look(self) -> NetworkState:
        return self._networks.look(may_be_missing=self._is_absent)

    def until_free(self) -> Wait[NetworkState]:
        """Return the wait for GCP to accept a change: it makes one at a time to the peerings of both networks."""
        refusals: list[TaskError] = []

        def refused(last: NetworkState, error: TaskError) -> NetworkState | None:
            if not isinstance(error, PeeringBusyError):
                return None
            refusals.append(error)
            return last

        def late(last: NetworkState, error: WaitTimeoutError) -> TaskError:
            may_be_done = error.unanswered is not None and error.unanswered.outcome_unknown
            if not refusals:
                return time_is_up(error, f"the network {self._where} could be changed").with_outcome(unknown=may_be_done)
            refusal = refusals[-1].with_message(f"{refusals[-1].message} It was still refused after {error.waited:.0f} seconds.")
            hint = "Wait for the other operation, then run the task again, or raise wait_timeout."
            return refusal.with_hint(hint).with_outcome(unknown=may_be_done)

        return Wait(
            "the end of another operation",
            poll=lambda last: self._look(),
            is_done=lambda last: True,
            late=late,
            refused=refused,
        )

    def until_done(self) -> Wait[NetworkState]:
        """Return the wait for the operation that a change has begun, and then for the network to show the change."""

        def is_done(last: NetworkState) -> bool:
            running = last.running
            if running is not None and running.is_done and running.error is not None:
                raise self._operation_error(running.error, running.error_code, last)
            return running is not None and running.is_done

        def late(last: NetworkState, error: WaitTimeoutError) -> TaskError:
            return time_is_up(error, f"GCP's operation on the network {self._where} ended")

        return Wait(
            "the end of GCP's operation",
            poll=self._networks.follow,
            is_done=is_done,
            late=late,
            is_patient=True,
            then=lambda last: self._after_operation(),
        )

    def _operation_error(self, text: str, code: str | None, last: NetworkState) -> ApiError:
        """Return the error for an operation that has ended with one. Only the network shows whether it had an effect."""
        kind = ApiError
        with contextlib.suppress(TaskError):
            if not self._is_done(self._look()):
                kind = UndoneError
        return kind(
            f"GCP did not change the peerings of the network {self._where}: {text.rstrip('. ')} ({code}).",
            error_code=code,
            detail=text,
            hint=consensus_hint(self._networks.find_mirror(last)) or "Run the task again; if it stays, correct what GCP names.",
        )

    def _is_done(self, state: NetworkState) -> bool:
        """Return whether a network shows the change."""
        return (self._networks.find_mirror(state) is None) == self._is_absent

    def _after_operation(self) -> Wait[NetworkState]:
        return Wait(
            "the network",
            poll=lambda last: self._look(),
            is_done=self._is_done,
            late=lambda last, error: time_is_up(error, f"the network {self._where} showed the change"),
            is_patient=True,
            polls_at_once=True,
            then=self.until_active,
        )

    def until_active(self, state: NetworkState) -> Wait[NetworkState] | None:
        """Return the wait for the peering to be active, which needs Atlas's half; None if the task does not wait."""
        if not self._params["wait"] or self._is_absent:
            return None

        def is_done(last: NetworkState) -> bool:
            mirror = self._networks.find_mirror(last)
            if mirror is None:
                raise ApiError(
                    f"The peering with {self._params['remote']} was removed from {self._where} while it was waited for.",
                    hint="Find out who removes it, then run the task again.",
                )
            return mirror.state == ACTIVE

        def late(last: NetworkState, error: WaitTimeoutError) -> TaskError:
            mirror = self._networks.find_mirror(last)
            shown = "unknown" if mirror is None else f"{mirror.state}: {mirror.state_details or 'no details'}"
            return time_is_up(error, f"the peering with {self._params['remote']} was {ACTIVE} ({shown})")

        return Wait(ACTIVE, poll=lambda last: self._look(), is_done=is_done, late=late, is_patient=True)


def consensus_hint(peering: Peering | None) -> str:
    """Return what to do about a removal that both sides have to agree to; empty for any other peering.

    Source: `updateStrategy` in the description of the Compute Engine API v1.
    """
    if peering is None or peering.update_strategy != CONSENSUS:
        return ""
    return (
        f"The peering {peering.name} has updateStrategy CONSENSUS: both sides have to request its removal "
        "(gcloud compute networks peerings request-delete) before it can be removed."
    )
