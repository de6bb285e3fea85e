# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's custom DNS: whether clusters on AWS have connection strings with private addresses."""

from __future__ import annotations

from .._api.client import AtlasClient
from .._api.reply import check_written
from .._http.errors import ApiError
from .._values.json_fields import JsonObject

# The role that the documentation of the API names; reading takes less.
_HINTS = {"USER_UNAUTHORIZED": "Give the API key or service account the role Project Atlas Admin in the project."}


def is_custom_dns_enabled(client: AtlasClient, group_id: str) -> bool:
    """Return whether custom DNS is enabled in a project.

    Raises:
        TaskError: If it cannot be read.
    """
    description = f"read the custom DNS of project {group_id}"
    enabled = _enabled_in(client.get(_path(group_id), description))
    if enabled is None:
        raise ApiError("the reply does not say whether it is enabled.", description=description, hint="Check base_url.")
    return enabled


def update_custom_dns(client: AtlasClient, group_id: str, *, enabled: bool) -> None:
    """Enable or disable the custom DNS of a project.

    Raises:
        TaskError: If Atlas refuses it, or does not confirm it (`outcome_unknown`).
    """
    description = f"{'enable' if enabled else 'disable'} the custom DNS of project {group_id}"
    sent = {"enabled": enabled}
    shown = {"enabled": _enabled_in(client.patch(_path(group_id), sent, description, hints=_HINTS))}
    check_written(description, shown, sent)


def _path(group_id: str) -> tuple[str, ...]:
    return ("groups", group_id, "awsCustomDNS")


def _enabled_in(reply: JsonObject) -> bool | None:
    enabled = reply.get("enabled")
    return enabled if isinstance(enabled, bool) else None
