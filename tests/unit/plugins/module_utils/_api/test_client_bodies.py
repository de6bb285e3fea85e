"""How much of a reply is read, and what becomes of one that was compressed although nobody asked for it."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.tokens import ServiceAccount, TokenCache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError, NotFoundError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import MOST_BYTES
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.wire import UNAUTHORIZED, Reply, Wire, reply

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def raw_deflate(data: bytes) -> bytes:
    """Compress without the header that the standard wants, as some servers do."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def in_a_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


Compress = Callable[[bytes], bytes]
CODINGS: list[tuple[str, Compress]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    (" GZip ", gzip.compress),
    ("deflate", zlib.compress),
    ("Deflate", raw_deflate),
]
codings = pytest.mark.parametrize(("coding", "compress"), CODINGS, ids=["gzip", "x-gzip", "GZip", "deflate", "raw deflate"])


def encoded(body: bytes, coding: str, status: int = 200, **more: Any) -> Reply:
    return Reply(status, body, (("Content-Encoding", coding), ("Content-Type", "application/json")), **more)


#: A proxy's page is short, so the hint does not blame one.
TOO_LONG = ("is longer than 2 MiB, the most that a task reads", "If it comes from the service itself, report it")


def refused(wire: Wire, connect: Connect, told: str, hint: str = "Check", *, is_dropped: bool = True) -> None:
    """Check that a reply is refused, whatever was asked for, without another try, and what is left of it with its connection."""
    client = connect(wire.base_url)
    calls: list[tuple[bool, Callable[[], Any]]] = [
        (False, lambda: client.get(GROUP, "do it")),
        (True, lambda: client.post(GROUP, {}, "do it")),
        (True, lambda: client.delete(GROUP, "do it")),
    ]
    for number, (is_write, call) in enumerate(calls):
        with pytest.raises(TaskError, match=rf"^Failed to do it: the reply {told} \(HTTP 200\)\. {hint}") as caught:
            call()
        assert caught.type is ApiError
        assert caught.value.outcome_unknown == is_write
        assert (len(wire.requests), wire.connections) == (number + 1, number + 1 if is_dropped else 1)


def test_nothing_compressed_is_asked_for(serve: Serve) -> None:
    wire = serve(reply({"access_token": "t"}), reply({}))
    client = AtlasClient(ApiSettings(base_url=wire.base_url), ServiceAccount("id", "secret", TokenCache([], None, print)))
    client.get(GROUP, "read")
    client.close()
    assert [one.headers["accept-encoding"] for one in wire.requests] == ["identity"] * 2


@codings
@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_what_is_compressed_anyway_is_read(serve: Serve, connect: Connect, coding: str, compress: Compress, size: int) -> None:
    content = {"id": "x" * size}
    wire = serve(encoded(compress(json.dumps(content).encode()), coding))
    client = connect(wire.base_url)
    for unused in range(2):
        assert client.get(GROUP, "read") == content
    assert wire.connections == 1


@codings
def test_nothing_stays_nothing_however_it_is_compressed(serve: Serve, connect: Connect, coding: str, compress: Compress) -> None:
    wire = serve(
        encoded(compress(b""), coding), encoded(b"", coding), encoded(b"", coding, 204), encoded(compress(b"{}"), coding)
    )
    client = connect(wire.base_url)
    for unused in range(4):
        client.delete(GROUP, "remove")
    assert wire.connections == 1


@codings
def test_a_reply_of_the_greatest_length_is_read(serve: Serve, connect: Connect, coding: str, compress: Compress) -> None:
    body = b'{"id": "1"}'.ljust(MOST_BYTES)
    for one in (Reply(200, body), encoded(compress(body), coding)):
        assert connect(serve(one).base_url).get(GROUP, "read") == {"id": "1"}


@codings
def test_a_reply_that_grows_too_long_is_refused(serve: Serve, connect: Connect, coding: str, compress: Compress) -> None:
    wire = serve(encoded(compress(b'{"id": "1"}'.ljust(MOST_BYTES + 1)), coding))
    refused(wire, connect, *TOO_LONG, is_dropped=False)


LONG = b" " * (MOST_BYTES + (1 << 17))


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG,
        OK + b"Connection: close\r\n\r\n" + LONG,
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LONG), LONG),
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b" " * (1 << 16)) * 40 + b"0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(LONG) + LONG,
    ],
    ids=["length", "close", "chunk", "chunks", "compressed"],
)
def test_a_reply_that_is_too_long_as_it_comes_is_refused(serve: Serve, connect: Connect, raw: bytes) -> None:
    refused(serve(Reply(interim=raw)), connect, *TOO_LONG)


#: Twenty times what is allowed, in a few kilobytes. It is made when it is sent: making it takes half a second.
ZEROS = bytes(20 * MOST_BYTES)


@pytest.mark.parametrize(
    ("fields", "packed"),
    [
        (b"Content-Encoding: gzip", gzip.compress),
        (b"Content-Encoding: gzip, gzip", lambda zeros: gzip.compress(gzip.compress(zeros))),
        (b"Content-Encoding: deflate", zlib.compress),
        (b"Content-Encoding: deflate", raw_deflate),
        (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", lambda zeros: in_a_chunk(gzip.compress(zeros))),
        (b"Transfer-Encoding: chunked", lambda zeros: b"1" * len(zeros)),
    ],
    ids=["gzip", "twice", "deflate", "raw deflate", "chunked", "the length of a chunk"],
)
def test_no_reply_can_fill_the_memory(serve: Serve, connect: Connect, fields: bytes, packed: Compress) -> None:
    body = packed(ZEROS)
    length = b"" if b"chunked" in fields else b"\r\nContent-Length: %d" % len(body)
    raw = OK + fields + length + b"\r\n\r\n" + body
    client = connect(serve(Reply(interim=raw)).base_url, retries=0)
    tracemalloc.start()
    with pytest.raises(TaskError):
        client.post(GROUP, {}, "make it")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MOST_BYTES


@pytest.mark.parametrize(
    "coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "br, gzip", "identity, gzip", "gzip,", "aws-chunked", "x"]
)
def test_any_other_coding_is_refused_without_a_look_at_it(serve: Serve, connect: Connect, coding: str) -> None:
    wire = serve(encoded(gzip.compress(b'{"id": "1"}'), coding))
    refused(wire, connect, rf"is encoded in a way that was not asked for \({coding}\)")


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_what_is_not_compressed_may_say_so(serve: Serve, connect: Connect, coding: str) -> None:
    assert connect(serve(encoded(b'{"id": "1"}', coding)).base_url).get(GROUP, "read") == {"id": "1"}


WHOLE = gzip.compress(b'{"id": "1"}')


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", WHOLE[:-1]),
        ("gzip", WHOLE[:10]),
        ("gzip", WHOLE[:-8] + bytes(8)),
        ("gzip", WHOLE + b"\0"),
        ("gzip", WHOLE + WHOLE),
        ("gzip", b'{"id": "1"}'),
        ("gzip", zlib.compress(b"{}")),
        ("deflate", WHOLE),
        ("deflate", b'{"id": "1"}'),
        ("deflate", zlib.compress(b"{}")[:-1]),
        ("deflate", raw_deflate(b"{}")[:-1]),
        ("deflate", raw_deflate(b"{}") + b"{}"),
    ],
    ids=range(12),
)
def test_what_is_not_as_a_whole_what_it_claims_to_be_is_refused(serve: Serve, connect: Connect, coding: str, body: bytes) -> None:
    wire = serve(encoded(body, coding))
    with pytest.raises(ApiError, match="the reply is damaged: it cannot be decompressed"):
        connect(wire.base_url).get(GROUP, "read it")
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "body", [WHOLE[:-1], gzip.compress(bytes(MOST_BYTES + 1)), b"x"], ids=["damaged", "too long", "not compressed"]
)
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_refusal_stays_one_although_nobody_can_read_why(serve: Serve, connect: Connect, coding: str, body: bytes) -> None:
    unreadable = (("Content-Encoding", coding), *UNAUTHORIZED.headers)
    wire = serve(Reply(401, body, unreadable), encoded(body, coding, 404))
    with pytest.raises(NotFoundError, match=r"no reason given \(HTTP 404\)") as caught:
        connect(wire.base_url).delete(GROUP, "remove it")
    assert not caught.value.outcome_unknown
    assert [bool(one.authorization) for one in wire.requests] == [False, True]


def test_half_of_what_a_server_wrote_is_not_told(serve: Serve, connect: Connect) -> None:
    secret = "canary-" + "x" * 60
    wire = serve(encoded(b"{}", secret))
    with pytest.raises(ApiError, match="not asked for") as caught:
        connect(wire.base_url, private_key=secret).get(GROUP, "read it")
    assert "canary" not in str(caught.value)
