# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Atlas as the service that a task talks to: the checks of its options, and its clients."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Library, Service

from .clients import connect, validate

ATLAS = Service(Library("requests", REQUESTS_IMPORT_ERROR), validate, connect)
