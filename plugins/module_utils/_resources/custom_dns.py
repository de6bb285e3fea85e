# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the clusters of a project on AWS have custom DNS, and with it connection strings that resolve to private addresses.

It is described in https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/group/endpoint-aws-clusters-dns.
"""

from __future__ import annotations

from .._api.client import AtlasClient
from .._http.errors import AtlasApiError


def is_custom_dns_enabled(client: AtlasClient, group_id: str) -> bool:
    """Return whether custom DNS is enabled in a project.

    Raises:
        AtlasError: If it cannot be read.
    """
    description = f"read the custom DNS of project {group_id}"
    enabled = client.get(("groups", group_id, "awsCustomDNS"), description).get("enabled")
    if not isinstance(enabled, bool):
        raise AtlasApiError(f"Failed to {description}: the reply does not say whether it is enabled.", hint="Check base_url.")
    return enabled
