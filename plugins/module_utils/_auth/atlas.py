# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Atlas as what an Operation talks to: its library, and its clients."""

from __future__ import annotations

from .clients import LIBRARIES, connect

__all__ = ["LIBRARIES", "connect"]
