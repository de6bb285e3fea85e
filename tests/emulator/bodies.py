"""Reading what a client sends."""

from __future__ import annotations

from starlette.requests import Request

MAX_BODY = 1 << 20
#: What of a body that is too large is still read, so that the client gets to see the answer.
_MAX_DRAINED = 16 << 20


async def read_body(request: Request) -> bytes | None:
    """Read the whole body, so that the connection can be used again; None if it is too large.

    Raises:
        ClientDisconnect: When the client went away.
    """
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY:
            parts.append(chunk)
        elif size > _MAX_DRAINED:
            break
    return b"".join(parts) if size <= MAX_BODY else None
