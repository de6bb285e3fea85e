# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Atlas as the service that a task talks to: the checks of its options, and its clients."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.transport import REQUESTS_IMPORT_ERROR

from .clients import ClientPool

# The clients of this process. The items of a loop share them, and they end with the process.
POOL = ClientPool()


@contextmanager
def connect(params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
    """Lease a client, which records the requests of this task.

    Raises:
        InvalidOptionError: When the options of the connection, or the credentials, cannot be right.
    """
    with POOL.lease(params, warn) as client, client.recording():
        yield client


LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR),)
