# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next, as data: by Atlas's error code, by HTTP status, and by what happened to a connection.

Codes that belong to one resource are in that resource's own HINTS and travel in its requests.
"""

from __future__ import annotations

import typing as t

# By the error code of a reply that any request can get: signing in, the project, the state of the service.
CODE_HINTS: t.Mapping[str, str] = {
    "GROUP_NOT_FOUND": "Check group_id (the project id, 24 hexadecimal digits) and that the API key belongs to its organization.",
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": (
        "Add the address of the host this task runs on to the access list of the API key (Organization Access Manager, "
        "API Keys); the project's own IP access list is another one and does not help."
    ),
    "NOT_IN_GROUP": "Invite the API key to the project group_id names, with a role that may manage network access.",
    "invalid_client": "Check client_id and client_secret, and that the secret has not expired.",
    "USER_UNAUTHORIZED": (
        "Check public_key and private_key (or client_id and client_secret, or access_token), and that they have a role in the "
        "project group_id names."
    ),
    "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES": "Atlas is being upgraded and takes no changes: run the task again later.",
}
# By the HTTP status, for codes that have no hint of their own.
STATUS_HINTS: t.Mapping[int, str] = {
    401: "Check public_key and private_key (or client_id and client_secret, or access_token): wrong, disabled or out of date?",
    403: "Check the roles of the API key in the project, and the API key's own access list.",
    406: "Atlas does not know the version of the API that was asked for: check base_url and api_version.",
    410: "Atlas no longer serves this version of the API: set v2 if api_version is v1.0, or else update the collection.",
    429: "Run fewer tasks at once, or raise retries.",
}
ConnectionFailure = t.Literal["untrusted", "no proxy", "no files", "unreachable", "silent", "broken"]
# By what happened to the connection: what to say of it, with a place for the base URL, and what to do next.
CONNECTION_HINTS: t.Mapping[ConnectionFailure, tuple[str, str]] = {
    "untrusted": (
        "cannot trust {where}",
        "Set ca_path to the certificates that sign it; validate_certs=false would trust anybody.",
    ),
    "no proxy": (
        "cannot reach {where} through the proxy",
        "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the task.",
    ),
    "no files": (
        "this host has too many files open to reach {where}",
        "The request was not sent. Raise the limit of open files (ulimit -n), or run fewer tasks at once.",
    ),
    "unreachable": ("cannot reach {where}", "Check base_url and the way to it (DNS, firewall, proxy)."),
    "silent": ("no answer in time from {where}", "Check base_url and the way to it (firewall, proxy), or raise timeout."),
    "broken": (
        "the connection to {where} broke before a whole reply came",
        "Run the task again; if it stays, look for a proxy in between.",
    ),
}
