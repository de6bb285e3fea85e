"""Compares every v2 request that the collection sends to an emulator of this process with the published description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import openapi_core
import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.exchange import AtlasExchange
from ansible_collections.cloudpeer.atlas.tests.emulator.replies import Reply
from ansible_collections.cloudpeer.atlas.tests.properties import openapi
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

V2 = "application/vnd.atlas.2023-01-01+json"
#: Of the resources that have changed since. For the others, the description has the version.
VERSIONS = {"clusters": "application/vnd.atlas.2024-08-05+json", "flexClusters": "application/vnd.atlas.2024-11-13+json"}
#: Those whose description is not at hand.
UNDESCRIBED = ("flexClusters", "awsCustomDNS")
ROOT = "/api/atlas/v2"
SUCCESSES = ("200", "201", "202", "204")
#: Of Atlas, as the description has its form.
ID = re.compile(r"\b[0-9a-f]{24}\b")


class Requests:
    """The requests of the collection, each compared once."""

    def __init__(self) -> None:
        described = openapi.mended(openapi.load())
        paths = described["paths"].items()
        self._versions = {re.sub(r"\{\w+\}", "[^/]+", path): _dated(operations) for path, operations in paths}
        self._description = _without_security(described)
        clusters = openapi.find(openapi.CLUSTERS)
        self._clusters = clusters and _without_security(openapi.mended(clusters))
        self._seen: set[tuple[str, ...]] = set()
        self.faults: list[str] = []

    def compare(self, exchange: AtlasExchange) -> None:
        """Compare a request, unless another program sent it, or one like it was compared before."""
        headers = exchange._request.headers
        path = exchange.origin_path
        if not headers.get("user-agent", "").startswith("cloudpeer.atlas/") or not path.startswith(ROOT):
            return
        body, kind = exchange._body or b"", headers.get("content-type", "")
        request = (exchange.method, path, exchange.query, body.decode(), kind, headers.get("accept", ""))
        # To compare one takes longer than to answer it, and an id is as good as another.
        alike = tuple(ID.sub("id", part) for part in request)
        if alike in self._seen:
            return
        self._seen.add(alike)
        fault = self._fault(*request)
        if fault:
            self.faults.append(f"{exchange.method} {path}?{exchange.query} {body!r}: {fault}")

    def _fault(self, method: str, path: str, query: str, body: str, kind: str, accept: str) -> str | None:
        resource = "".join(path.removeprefix(ROOT).split("/")[3:4])
        described = next((dated for form, dated in self._versions.items() if re.fullmatch(form, path)), {V2})
        if accept not in ({VERSIONS[resource]} if resource in VERSIONS else described):
            return f"Accept is {accept}"
        if bool(body) != bool(kind):
            return "Content-Type goes with a body"
        query_parameters = parse_qsl(query, keep_blank_values=True)
        if len(dict(query_parameters)) != len(query_parameters):
            return "a parameter stands twice in the query"
        sent = MockRequest(
            "https://cloud.mongodb.com",
            method.lower(),
            path,
            args=dict(query_parameters),
            data=body.encode() or None,
            **({"content_type": kind} if kind else {}),
        )
        is_in_other_part = resource == "clusters" or path.removeprefix(ROOT) in ("/groups", "/orgs")
        description = self._clusters if is_in_other_part else self._description
        if resource in UNDESCRIBED or not description:
            return None
        try:
            description.validate_request(sent)
        except OpenAPIError as error:
            causes = getattr(error.__cause__, "schema_errors", [])
            return "; ".join([str(error), *(one.message for one in causes)])
        return None


def _dated(operations: dict[str, Any]) -> set[str]:
    """Return the media types of what a path answers if all is well, but for previews, which have no date."""
    replies = [one["responses"].get(status, {}) for one in operations.values() if isinstance(one, dict) for status in SUCCESSES]
    return {kind for reply in replies for kind in reply.get("content", {}) if "preview" not in kind}


def _without_security(description: dict[str, Any]) -> Any:
    """Return a description without credentials: the library does not know digest, and the emulator checks them."""
    for operations in description["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation["security"] = []
    config = openapi_core.Config(extra_media_type_deserializers=dict.fromkeys([V2, *VERSIONS.values()], json.loads))
    return openapi_core.OpenAPI.from_dict(description, config=config)


@contextmanager
def compared() -> Iterator[Requests]:
    """Compare what the emulators of this process are sent, for the length of a with statement.

    Raises:
        pytest.skip.Exception: Where the description is not at hand.
    """
    requests, answer = Requests(), AtlasExchange._answer

    def compare_and_answer(self: AtlasExchange) -> Reply:
        requests.compare(self)
        return answer(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AtlasExchange, "_answer", compare_and_answer)
        yield requests
