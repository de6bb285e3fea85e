# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IP access list of a project: its path, field names, and what tells one entry from another.

Its rules are in https://www.mongodb.com/docs/atlas/security/ip-access-list/.
"""

from __future__ import annotations

import typing as t

from .._api.client import PAGE_SIZE, AtlasClient
from .._http.errors import AtlasApiError
from .._values.access_entries import key_of


class Entry(t.TypedDict):
    """An entry, with the names of the results; exactly one subject is not None, but that an address comes with its block."""

    cidr_block: str | None
    ip_address: str | None
    aws_security_group: str | None
    comment: str | None
    delete_after_date: str | None


# The API's name of each field, by its name in options and results.
FIELDS = {
    "cidr_block": "cidrBlock",
    "ip_address": "ipAddress",
    "aws_security_group": "awsSecurityGroup",
    "comment": "comment",
    "delete_after_date": "deleteAfterDate",
}
# Exactly one of them makes an entry.
SUBJECTS = ("cidr_block", "ip_address", "aws_security_group")
# What to do next, by error code.
HINTS = {
    "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED": "Remove entries that are no longer used: the access list of a project holds 200.",
    "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION": (
        "Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead."
    ),
    "DUPLICATE_ADDRESSES_IN_INPUT": "Give each entry once: an address and the block that holds it alone are the same entry.",
    "EXPIRATION_DATE_EXCEEDS_MAX": "Set delete_after_date within the next week.",
    "EXPIRATION_DATE_IN_PAST": "Set delete_after_date within the next week; the clock of Atlas counts.",
    "INVALID_IP_ADDRESS_OR_CIDR_NOTATION": "Check cidr_block and ip_address of the entries.",
    "INVALID_NETWORK_PERMISSION_COMMENT": "Shorten the comment: Atlas keeps 80 characters.",
    "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED": "Leave delete_after_date out for a security group.",
    "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY": "Leave delete_after_date out, or remove the entry first (state: absent).",
}
# The most entries that a project can have.
MOST_ENTRIES = 200
# The code with which Atlas answers for an entry that is not there.
GONE = frozenset(("ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND",))


def to_result(entry: t.Mapping[str, t.Any]) -> Entry:
    """Return an entry of the API with the names of the results."""
    return t.cast("Entry", {name: entry.get(key) for name, key in FIELDS.items()})


def _enumerated(names: t.Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


class AccessList:
    """The IP access list of one project.

    Args:
        client: Atlas.
        group_id: The project.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "accessList")

    def list_entries(self) -> dict[str, Entry]:
        """Return all entries by their names."""
        description = f"list the access list of project {self._group_id}"
        entries = self._client.get_all(self._path, {}, description, lambda one: key_of(to_result(one)))
        return {str(key_of(entry)): entry for entry in map(to_result, entries)}

    def create_entries(self, entries: t.Sequence[Entry]) -> None:
        """Add entries, or replace those that are there, all in one request: Atlas takes no two at once.

        Raises:
            AtlasApiError: If the list that Atlas replies with does not have all of them, too.
        """
        body = [{FIELDS[name]: value for name, value in entry.items() if value is not None} for entry in entries]
        wanted = [str(key_of(entry)) for entry in entries]
        description = f"allow {_enumerated(wanted)} in the access list of project {self._group_id}"
        # The reply is the first page of the list, and all that Atlas keeps fits on the largest one.
        query = {"itemsPerPage": str(PAGE_SIZE)}
        results = self._client.post(self._path, body, description, query=query, hints=HINTS).get("results")
        listed = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
        missing = [name for name in wanted if name not in {key_of(to_result(one)) for one in listed}]
        if missing:
            raise AtlasApiError(
                f"Failed to {description}: the reply is a list without {_enumerated(missing)}.",
                hint="Run the task again; if this stays, check that base_url is Atlas.",
                outcome_unknown=True,
            )

    def delete_entry(self, name: str) -> None:
        """Remove an entry.

        Raises:
            OvertakenError: If somebody else has removed it.
            AtlasError: If it cannot be removed.
        """
        description = f"remove {name} from the access list of project {self._group_id}"
        self._client.delete((*self._path, name), description, gone=GONE, hints=HINTS)

    def get_status(self, name: str) -> str:
        """Return whether an entry is in force yet: `PENDING`, `ACTIVE` or `FAILED`.

        Raises:
            AtlasNotFoundError: If there is no such entry.
        """
        description = f"read the status of {name} in the access list of project {self._group_id}"
        status = self._client.get((*self._path, name, "status"), description).get("STATUS")
        if not isinstance(status, str):
            raise AtlasApiError(f"Failed to {description}: the reply is not a status.", hint="Check base_url.")
        return status
