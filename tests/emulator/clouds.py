"""What stands behind the containers and peers of one cloud provider: made up here; see `aws`, `azure` and `gcp`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .ids import new_aws_id

if TYPE_CHECKING:
    from .containers import Container
    from .peer import Peer


class CloudUnreachableError(Exception):
    """The cloud gives no answer now; what was asked for has to be asked for again later."""


class CloudRefusalError(Exception):
    """The cloud does not do this, and says why."""


class Cloud:
    """A cloud that exists in name only: everything asked of it is done, and nothing happens there by itself."""

    #: Whether its methods may take long, so that they have to be kept off the event loop.
    slow = False

    def provision(self, container: Container) -> None:
        """Make the network behind a container, unless it is there.

        Raises:
            CloudUnreachableError: When it has to be tried again.
        """
        container.network_id = container.network_id or container.kind.new_network_id(container)

    def release(self, container: Container) -> None:
        """Remove the network behind a container."""
        container.network_id = None

    def begin(self, peer: Peer) -> None:
        """React to the request for a connection, before it is answered.

        Raises:
            ApiError: When Atlas refuses the request because of what is on the other side.
        """
        # Atlas has to have a network before it can connect it to another one.
        with contextlib.suppress(CloudUnreachableError):
            self.provision(peer.container)

    def connect(self, peer: Peer) -> str:
        """Do Atlas's part of a connection, and return the connection's id in the cloud.

        Raises:
            CloudRefusalError: When there is no such other side.
            CloudUnreachableError: When it has to be tried again.
        """
        return new_aws_id("pcx")

    def disconnect(self, peer: Peer) -> None:
        """Remove the connection of a peer, if there is one.

        Raises:
            CloudRefusalError: When the cloud does not let Atlas do that.
            CloudUnreachableError: When it has to be tried again.
        """

    def look(self, peers: Sequence[Peer]) -> Mapping[str, str]:
        """Tell what has become of connections.

        Args:
            peers: Those that have a connection which should live.

        Returns:
            By the id of each peer that there is news about, `ACCEPTED` or the error that ended it.

        Raises:
            CloudUnreachableError: When nothing can be told now.
        """
        return {}

    def foreign_group(self, groups: Sequence[str], peers: Sequence[Peer]) -> str | None:
        """Return the first of some security groups that cannot be used; None if all can, or nobody knows.

        Args:
            groups: Their ids, with or without the account's id and a slash in front.
            peers: The connections that they can be known through.

        Raises:
            CloudUnreachableError: When nothing can be told now.
        """
        return None

    def accept(self, peer: Peer) -> bool:
        """Accept a connection as the owner of the other side; False if that is not possible any more.

        Raises:
            CloudUnreachableError: When it has to be tried again.
        """
        return True

    def end(self, peer: Peer, error: str) -> bool:
        """Let a connection end for a reason; False if that is not possible any more.

        Raises:
            CloudUnreachableError: When it has to be tried again.
        """
        return True

    def reset(self) -> None:
        """Remove everything that was made."""


Clouds = Mapping[str, Cloud]
ACCEPTED = "ACCEPTED"
