# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks, a file a topic: importing this registers them, and gives what runs them."""

from __future__ import annotations

from . import access_list, azure, clients, clusters, connection, filters, gcp, limits, names, peer, private_strings, routes
from .check import run_checks

__all__ = (
    "access_list",
    "azure",
    "clients",
    "clusters",
    "connection",
    "filters",
    "gcp",
    "limits",
    "names",
    "peer",
    "private_strings",
    "routes",
    "run_checks",
)
