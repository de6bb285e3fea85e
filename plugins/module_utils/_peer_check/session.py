# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The session of atlas_vpc_peer_check: Atlas, and AWS as often as there are credentials and regions."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager, nullcontext

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import clients
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Warn
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters

from .aws_options import NAMES


class CheckSession:
    """What one task talks to.

    Args:
        atlas: Atlas; None if its half is off.

    Attributes:
        calls: The requests to all services, in the order of their replies; the list grows.
    """

    def __init__(self, atlas: AtlasClient | None) -> None:
        self.atlas = atlas
        self.calls: list[t.Any] = atlas.calls if atlas is not None else []
        self._aws: list[AwsSession] = []

    def open_aws(self, credentials: Parameters) -> AwsSession:
        """Return a new session with AWS, whose requests are recorded here. Safe for threads.

        Raises:
            AtlasError: If the credentials cannot be used, or there is no region.
        """
        aws = AwsSession(credentials, calls=self.calls, names=NAMES)
        self._aws.append(aws)
        return aws

    @property
    def secrets(self) -> set[str]:
        """What must not be shown, as far as it is known by now."""
        found = set(self.atlas.secrets) if self.atlas is not None else set()
        return found.union(*(aws.secrets for aws in list(self._aws)))

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests to Atlas inside the block; see `Session`. Nothing is waited for, so AWS needs none."""
        with self.atlas.within(deadline) if self.atlas is not None else nullcontext():
            yield


@contextmanager
def connect(params: Parameters, warn: Warn, /) -> t.Iterator[CheckSession]:
    """Give a session for the options; Atlas is left alone if its half is off.

    Raises:
        InvalidOptionError: If the options of the connection, or the credentials, cannot be right.
    """
    if not params["atlas"]:
        yield CheckSession(None)
        return
    with clients.connect(params, warn) as atlas:
        yield CheckSession(atlas)
