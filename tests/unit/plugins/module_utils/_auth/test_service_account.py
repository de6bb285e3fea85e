# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service account as a credential: how long its token is used, and which replies have none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.service_account import ServiceAccount


@pytest.mark.parametrize(
    ("reply", "lifetime"),
    [
        ({"expires_in": 1800}, 1800),
        ({"expires_in": 1800.5, "token_type": "bearer"}, 1800.5),
        ({"expires_in": "1800"}, 1800),
        ({}, 3600),
        ({"expires_in": None}, 3600),
        ({"expires_in": 3601}, 3600),
        ({"expires_in": "31536000"}, 3600),
        ({"expires_in": float("inf")}, 3600),
        ({"expires_in": 10**400}, 3600),
    ],
    ids=range(9),
)
def test_a_token_lasts_as_long_as_is_said_and_at_most_an_hour(reply: dict[str, Any], lifetime: float) -> None:
    """RFC 6749, 5.1, leaves the lifetime to the documentation; the Go library of OAuth reads it from text as well."""
    now, fetched = 1000.0, []
    account = ServiceAccount("id", "secret", None, lambda: now)

    def fetch(form: Any, authorization: str) -> dict[str, Any]:
        fetched.append(form)
        return {"access_token": "token", **reply}

    for moment in (1000.0, 1000.0 + lifetime - 301, 1000.0 + lifetime - 299):
        now = moment
        account.prepare(fetch, 1)
        assert account.authorization("GET", "/", b"") == "Bearer token"
    assert len(fetched) == 2


@pytest.mark.parametrize(
    "reply",
    [
        {},
        *({"access_token": token} for token in (5, "", "a b", "a\nb", "\u00fc", "\ud800", "t\x7f", "x" * 100_000, ["t"])),
        *({"access_token": "t", "expires_in": end} for end in ("soon", 0, -1, float("nan"), "nan", [3600], {})),
    ],
    ids=range(17),
)
def test_a_reply_that_is_no_token_is_told(reply: dict[str, Any]) -> None:
    with pytest.raises(AtlasApiError, match="the reply of Atlas has none"):
        ServiceAccount("id", "secret", None).prepare(lambda form, authorization: reply, 1)
