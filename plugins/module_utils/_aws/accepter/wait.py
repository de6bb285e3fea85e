# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for a VPC peering connection in AWS: until it appears, is active, or shows its blocks."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._engine.options import Parameters
from ..._engine.wait import Wait, WaitTimeoutError
from ..._http.errors import RateLimitError, TaskError
from ..objects import ACTIVE, ENDED, INITIATING, PENDING, PeeringConnection
from .checks import check_usable, find_block
from .network import Network
from .view import View

# Seconds. Atlas returns the id of a connection a moment before AWS shows it to the other account.
LONGEST_APPEARANCE = 60
# Seconds that AWS may take to show the blocks of a connection after its acceptance.
LONGEST_PROVISIONING = 30
UNKNOWN = "unknown"


class ConnectionWaiter:
    """Makes the waits for the connection, which poll AWS.

    Args:
        params: The options, with those for waiting.
        network: The network of the account.

    Attributes:
        is_stale: Whether this task has accepted the connection and not read it since.
    """

    def __init__(self, params: Parameters, network: Network) -> None:
        self._params = params
        self._network = network
        self._id: str = params["connection_id"]
        self.is_stale = False

    def until_requested(self) -> Wait[View]:
        """Return the wait for AWS to show the connection, and then for it to be acceptable."""
        seconds = min(LONGEST_APPEARANCE, self._params["wait_timeout"])
        wait = self._until(lambda unused: True, PENDING)
        return replace(wait, late=_late_only_if_unanswered, seconds=seconds, then=self._until_acceptable)

    def _until_acceptable(self, view: View) -> Wait[View] | None:
        if view.connection is None or view.connection.status != INITIATING:
            return None
        return self._until(lambda one: one.status != INITIATING, PENDING)

    def until_settled(self, *, needs_block: bool) -> Wait[View]:
        """Return the wait for the connection to reach the state that the task waits for, and for its block to be shown.

        Args:
            needs_block: Whether AWS has to show the block, because routes are made next.

        Raises:
            TaskError: From the wait, if the connection has ended meanwhile, or its block is another one.
        """

        def is_done(connection: PeeringConnection) -> bool:
            return not self._params["wait"] or connection.status in (ACTIVE, *ENDED)

        def until_block(view: View) -> Wait[View] | None:
            connection = view.connection
            return self._until_block() if connection is not None and not connection.requester.cidr_blocks else None

        return replace(self._until_checked(is_done), polls_at_once=self.is_stale, then=until_block if needs_block else None)

    def _until_block(self) -> Wait[View]:
        """Return the wait for AWS to show the requester's blocks. A timeout alone is no failure."""
        wait = self._until_checked(lambda one: bool(one.requester.cidr_blocks) or one.status in ENDED)
        return replace(wait, late=_late_only_if_unanswered, seconds=LONGEST_PROVISIONING)

    def _until_checked(self, is_done: t.Callable[[PeeringConnection], bool]) -> Wait[View]:
        """Return a wait that checks at its end that the connection is usable, and has the block of the options."""
        wait = self._until(is_done, ACTIVE)

        def is_usable(view: View) -> bool:
            if view.connection is None or not wait.is_done(view):
                return False
            check_usable(self._params, view, will_wait=False)
            find_block(self._params, view.connection)
            return True

        return replace(wait, is_done=is_usable)

    def _until(self, is_done: t.Callable[[PeeringConnection], bool], goal: str) -> Wait[View]:
        def late(view: View, error: WaitTimeoutError) -> TaskError:
            return late_error(self._id, view.connection, goal, error)

        return Wait(
            f"it to be {goal}",
            self._poll,
            lambda view: view.connection is not None and is_done(view.connection),
            late,
            is_patient=True,
        )

    def _poll(self, view: View) -> View:
        connection = self._network.get_connection(self._id)
        is_stale, self.is_stale = self.is_stale, False
        if is_stale and (connection is None or connection.status == PENDING):
            # For a moment, AWS may still show the state before the acceptance.
            return view
        return replace(view, connection=connection)


def late_error(connection_id: str, connection: PeeringConnection | None, goal: str, error: WaitTimeoutError) -> TaskError:
    """Return the error for a connection that is not in the awaited state when the time is up.

    Args:
        connection_id: Its id.
        connection: The connection as AWS has shown it last; None if it has not.
        goal: The state that was waited for.
        error: How long it was waited for, and the last poll without an answer.
    """
    status = connection.status if connection is not None else UNKNOWN
    unanswered, silence = error.unanswered, ""
    if isinstance(unanswered, RateLimitError):
        silence = f" {unanswered}"
    elif unanswered is not None:
        silence = f" AWS did not answer at last: {unanswered.detail}."
    return TaskError(
        f"The VPC peering connection {connection_id} is still {status} after {error.waited:.0f} seconds of waiting for it "
        f"to be {goal}.{silence}",
        detail=f"last status {status}",
        hint="Raise wait_timeout, or run the task again later: it goes on from there.",
    )


def _late_only_if_unanswered(unused_view: View, error: WaitTimeoutError) -> TaskError | None:
    """Return the error of the last request. If it was answered, None: callers check the state themselves."""
    return error.unanswered if isinstance(error.unanswered, TaskError) else None
