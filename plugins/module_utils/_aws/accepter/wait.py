# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting for a VPC peering connection in AWS: for it to appear, to be active, or to tell its blocks."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import StatusHistory, WaitTimeoutError, wait_until

from ..network import Network
from ..objects import PeeringConnection
from ..session import AwsSession
from .view import ACTIVE, ENDED, INITIATING, PENDING

# Atlas tells the id of a connection a moment before AWS shows it to the other account.
LONGEST_APPEARANCE = 60
# How long AWS may take to tell the blocks of a connection that was just accepted, where the task does not wait for more.
LONGEST_PROVISIONING = 30
UNKNOWN = "unknown"
Seen = t.Optional[PeeringConnection]


class ConnectionWaiter:
    """Waits by reading the connection again and again.

    Args:
        context: The running task, with the options for waiting.
        network: The network of the account.
    """

    def __init__(self, context: Context[AwsSession], network: Network) -> None:
        self._context = context
        self._network = network
        self._id: str = context.params["connection_id"]
        self._history = StatusHistory(self._id, f"it to be {ACTIVE}", context.report, context.clock)
        self._last: Seen = None
        # The last failure to get an answer, if nothing has been read since.
        self._silence: AtlasError | None = None

    def until_requested(self, seen: Seen) -> Seen:
        """Wait until AWS shows the connection, and until it can be accepted.

        Returns:
            The connection; None if it has not appeared.

        Raises:
            AtlasError: When AWS shows it and does not go on with it.
        """
        self._note(seen)
        timeout = self._context.params["wait_timeout"]
        if seen is None:
            try:
                seen = self._wait(lambda one: one is not None, min(LONGEST_APPEARANCE, timeout))
            except WaitTimeoutError:
                if self._silence is not None:
                    raise self._silence from None
                return None
        if seen is not None and seen.status == INITIATING:
            seen = self._reach(lambda one: one is not None and one.status != INITIATING, PENDING)
        return seen

    def until_active(self, seen: PeeringConnection) -> PeeringConnection:
        """Wait until the connection carries traffic, and return it; no request if it does already.

        Raises:
            AtlasError: When the time is up.
        """
        self._note(seen)
        if seen.status == ACTIVE:
            return seen
        # Whoever called says what an ended one means.
        return self._reach(lambda one: one is not None and (one.status == ACTIVE or one.status in ENDED), ACTIVE)

    def until_told(self, seen: PeeringConnection) -> PeeringConnection:
        """Wait a moment until AWS tells the requester's blocks, and return the connection, be it without them."""
        self._note(seen)
        try:
            self._wait(
                lambda one: one is not None and bool(one.requester.cidr_blocks or one.status in ENDED), LONGEST_PROVISIONING
            )
        except WaitTimeoutError:
            if self._silence is not None:
                raise self._silence from None
        return self._last or seen

    def _note(self, seen: Seen) -> None:
        self._last = seen
        self._history.note(seen.status if seen is not None else UNKNOWN)

    def _look(self) -> Seen:
        try:
            self._note(self._network.get_connection(self._id))
        except AtlasError as error:
            if not error.is_transient:
                raise
            self._silence = error
        else:
            self._silence = None
        return self._last

    def _wait(self, is_done: t.Callable[[Seen], bool], timeout: float) -> Seen:
        context = self._context
        with context.client.within(context.clock() + timeout):
            return wait_until(
                self._look,
                is_done,
                timeout=timeout,
                longest_interval=context.params["wait_sleep"],
                clock=context.clock,
                sleep=context.sleep,
            )

    def _reach(self, is_done: t.Callable[[Seen], bool], goal: str) -> PeeringConnection:
        try:
            return t.cast("PeeringConnection", self._wait(is_done, self._context.params["wait_timeout"]))
        except WaitTimeoutError as error:
            status = error.last.status if error.last is not None else UNKNOWN
            silence = f" AWS did not answer at last: {self._silence.detail}." if self._silence is not None else ""
            raise AtlasError(
                f"The VPC peering connection {self._id} is still {status} after {error.waited:.0f} seconds of waiting for it "
                f"to be {goal}.{silence}",
                detail=f"last status {status}",
                hint="Raise wait_timeout, or run the task again later: it goes on from there.",
            ) from error
