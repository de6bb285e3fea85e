"""boto3 in tests: what it works out for each client and session is worked out once, and its requests are answered in memory."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from typing import Any

import botocore.awsrequest
import botocore.httpsession
from ansible_collections.cloudpeer.atlas.tests.support.memory import answer_in_memory
from ansible_collections.cloudpeer.atlas.tests.support.shared_botocore import share


@functools.cache
def quicken() -> None:
    """Change botocore for the rest of this process."""
    share()
    _answer_in_memory()


class _Raw(io.BytesIO):
    """The body of a reply, as botocore reads it."""

    def stream(self, **unused: Any) -> Iterator[bytes]:
        yield self.read()


def _answer_in_memory() -> None:
    """Have the requests answered in memory, where they can be, and make one TLS context, which nothing uses then."""
    botocore.httpsession.create_urllib3_context = functools.cache(botocore.httpsession.create_urllib3_context)
    send = botocore.httpsession.URLLib3Session.send

    def send_or_answer(self: Any, request: Any) -> Any:
        found = answer_in_memory(request.method, request.url, request.headers.items(), request.body)
        if found is None:
            return send(self, request)
        headers = botocore.awsrequest.HeadersDict(found.headers)
        reply = botocore.awsrequest.AWSResponse(request.url, found.status, headers, _Raw(found.body))
        return reply if request.stream_output else (reply.content, reply)[1]

    botocore.httpsession.URLLib3Session.send = send_or_answer
