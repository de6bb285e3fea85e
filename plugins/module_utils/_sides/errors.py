# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of tasks on connections, beside those of `_http/errors.py`."""

from __future__ import annotations

from .._clouds.cloud import Peer
from .._http.errors import InvalidOptionError, TaskError, as_option


class OtherCloudError(TaskError):
    """`peer_id` names a connection on another cloud provider.

    Attributes:
        peer: The connection.
    """

    def __init__(self, peer: Peer, provider_name: str) -> None:
        super().__init__(
            f"peer_id names VPC peering connection {peer['id']} on {peer['provider_name']}, and the other options are for "
            f"{provider_name}.",
            hint="Correct peer_id or the other options, or give peer_id alone.",
        )
        self.peer = peer


class HolderError(InvalidOptionError):
    """A connection that has failed holds a block.

    Attributes:
        peer_id: Its id.
    """

    def __init__(self, text: str, peer_id: str) -> None:
        super().__init__(text)
        self.peer_id = peer_id
        self.hint = self._hint(f"it with {as_option('peer_id')}: {peer_id} and {as_option('state')}: absent")

    def from_project(self) -> HolderError:
        """Return this error for a task without options for one connection."""
        return self.with_hint(self._hint(f"{self.peer_id} from the project"))

    def _hint(self, what: str) -> str:
        return f"If it is no longer needed, remove {what}; then run this again."


class RoleError(TaskError):
    """Atlas has no rights on the customer's network; the message says how to give them.

    Attributes:
        brief: What to say of several networks, for which the message would be long, and its commands wrong.
        commands: The commands to paste; empty for none.
        where: Where results have the commands of each network, to follow `brief`.
    """

    where = " (see handover)"

    def __init__(self, text: str, *, description: str | None, hint: str, brief: str, commands: str) -> None:
        super().__init__(text, description=description, hint=f"{hint} To paste: {commands}" if commands else hint)
        self.brief = brief
        self.commands = commands

    def in_brief(self) -> RoleError:
        """Return this error as one of several networks."""
        return self._with(text=f"{self.brief}{self.where}.", sentences=(), hint=None)

    def with_commands_in(self, where: str) -> RoleError:
        """Return this error for results that have the commands in another place."""
        return self._with(where=where)
