# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the steps of a run are sent: one after the other in this thread, or side by side in threads."""

from __future__ import annotations

import typing as t

from .side import Call, ReplyValue, Target


class Sent(t.NamedTuple):
    """A step that was sent: its owner, and what its call has returned or raised."""

    target: Target
    reply: ReplyValue
    error: BaseException | None


class InTurn:
    """Sends one step at a time, in this thread."""

    def __init__(self) -> None:
        self._job: tuple[Target, Call] | None = None

    def submit(self, target: Target, call: Call) -> None:
        """Note a call for `next`."""
        self._job = (target, call)

    def next(self, seconds: float | None = None) -> Sent | None:
        """Make the call, and return how it has ended; None if there is none."""
        if self._job is None:
            return None
        (target, call), self._job = self._job, None
        try:
            return Sent(target, call(), None)
        except Exception as error:
            return Sent(target, None, error)

    def drain(self) -> list[Sent]:
        """Return nothing: the only call is over, or was interrupted."""
        return []


class InThreads:
    """Sends steps side by side.

    Args:
        limit: The most that are sent at the same time.
    """

    def __init__(self, limit: int) -> None:
        # Imported late: only lists send with threads, and a module's process compiles each file again.
        from .._http.threads import Workers

        self._workers: Workers[Target, ReplyValue] = Workers(limit)

    def submit(self, target: Target, call: Call) -> None:
        """Queue a call, which may take long: it never runs in this thread."""
        self._workers.submit(target, call, is_long=True)

    def next(self, seconds: float | None = None) -> Sent | None:
        """Wait until a call ends, and return how; None if none has ended in so many seconds."""
        ended = self._workers.next(seconds)
        if ended is None:
            return None
        return Sent(ended.key, None if ended.error is not None else ended.result(), ended.error)

    def drain(self) -> list[Sent]:
        """Start no more calls, wait for those that are running, and return how they have ended."""
        drained = self._workers.drain()
        return [Sent(one.key, None if one.error is not None else one.result(), one.error) for one in drained]
