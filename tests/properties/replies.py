"""Replies of any kind, from those that Atlas could give to bytes that are no HTTP; and options that a playbook could give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

CHALLENGE = 'Digest realm="MMS Public API", domain="", nonce="n0", algorithm=MD5, qop="auth", stale=false'
ID, OTHER_ID = "0123456789abcdef01234567", "0123456789abcdef01234568"
VPC, ACCOUNT = "vpc-0a1b2c3d4e5f67890", "123456789012"
#: Becomes another id each time that a reply is sent.
NEW_ID = "a-new-id-each-time"

# Lone surrogates, too: JSON's escapes can write them.
text = st.text(st.characters(exclude_categories=()), max_size=12)
numbers = st.integers() | st.floats() | st.just(10**400)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
ids = st.sampled_from([ID, OTHER_ID, NEW_ID])
blocks = st.sampled_from(["10.15.0.0/16", "192.168.248.0/21", "10.15.1.0/24", "10.0.0.1", "::/0", "10.15.0.1/16", "x", ""])
states = st.sampled_from(["INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE", "FAILED", "TERMINATING", "NEW"])
regions = st.sampled_from(["US_EAST_1", "us-east-1", "eu-west-1", "nowhere", ""])
dates = st.sampled_from(["2030-01-31T12:00:00Z", "2030-01-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
PEER: Mapping[str, Any] = {
    "id": ids,
    "providerName": st.sampled_from(["AWS", "AZURE", "GCP"]),
    "azureSubscriptionId": st.just("2a9b7c1e-0000-4000-8000-00000000000e"),
    "vnetName": st.sampled_from(["shop", "SHOP"]),
    "resourceGroupName": st.sampled_from(["net", "other"]),
    "gcpProjectId": st.just("my-sample-project-191923"),
    "networkName": st.just("shop"),
    "status": st.sampled_from(["ADDING_PEER", "WAITING_FOR_USER", "AVAILABLE", "FAILED", "DELETING", "DELETION_FAILED", "NEW"]),
    "errorState": st.none() | text,
    "errorMessage": st.none() | text,
    "vpcId": st.just(VPC),
    "awsAccountId": st.just(ACCOUNT),
    "routeTableCidrBlock": blocks,
    "containerId": ids,
    "accepterRegionName": st.none() | regions,
    "connectionId": st.none() | st.just("pcx-1"),
    "statusName": states,
    "errorStateName": st.none() | st.sampled_from(["REJECTED", "ODD"]),
}
CONTAINER: Mapping[str, Any] = {
    "id": ids,
    "providerName": st.sampled_from(["AWS", "AZURE", "GCP"]),
    "regionName": regions,
    "region": st.sampled_from(["EUROPE_NORTH", "US_EAST_2", "nowhere"]),
    "regions": st.lists(st.sampled_from(["EUROPE_WEST_3", "nowhere"]), max_size=2),
    "atlasCidrBlock": blocks,
    "vpcId": st.none() | st.just(VPC),
    "gcpProjectId": st.none() | st.just("p-abcdefghijklmnopqrstuvwx"),
    "networkName": st.none() | st.just("nt-5356823b3794dee37132bb7b-abcdefgh"),
    "provisioned": st.booleans(),
}
ENTRY: Mapping[str, Any] = {
    "cidrBlock": blocks,
    "ipAddress": st.sampled_from(["10.0.0.1", "::1", ""]),
    "awsSecurityGroup": st.none() | st.just("sg-0a1b2c3d"),
    "comment": text,
    "deleteAfterDate": dates,
    "STATUS": st.sampled_from(["PENDING", "ACTIVE", "FAILED", "ODD"]),
}
HARDWARE = st.fixed_dictionaries({"instanceSize": st.just("M10")}, optional={"nodeCount": numbers})
CONFIG = st.fixed_dictionaries(
    {"providerName": st.sampled_from(["AWS", "TENANT"])},
    optional={"regionName": regions, "electableSpecs": HARDWARE | json_values},
)
CLUSTER: Mapping[str, Any] = {
    "id": ids,
    "name": st.just("shop"),
    "stateName": st.sampled_from(["IDLE", "CREATING", "NEW"]),
    "paused": st.booleans(),
    "connectionStrings": st.fixed_dictionaries(
        {},
        optional={
            "standard": st.sampled_from(["mongodb://a:27017,b:27017/?ssl=true", "mongodb://", "x"]) | json_values,
            "standardSrv": st.just("mongodb+srv://a") | json_values,
            "private": st.just("mongodb://a-pri:27017"),
        },
    ),
    "replicationSpecs": st.lists(
        st.fixed_dictionaries({"regionConfigs": st.lists(CONFIG, max_size=2) | json_values}), max_size=2
    ),
    "providerSettings": st.fixed_dictionaries({"backingProviderName": st.just("AWS"), "regionName": regions}),
}
CODES = st.sampled_from(
    [
        "PEER_NOT_FOUND",
        "PEER_ALREADY_EXISTS",
        "PEER_ALREADY_EXISTS_AZURE",
        "AZURE_CUSTOMER_NETWORK_UNREACHABLE",
        "PEER_ALREADY_REQUESTED_DELETION",
        "CLOUD_PROVIDER_CONTAINER_NOT_FOUND",
        "CONTAINER_ALREADY_EXISTS",
        "CONTAINERS_IN_USE",
        "CLUSTER_NOT_FOUND",
        "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
        "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND",
        "OVERLAPPING_ATLAS_CIDR_BLOCK",
        "UNEXPECTED_ERROR",
        "RATE_LIMITED",
    ]
)
ERROR: Mapping[str, Any] = {
    "error": st.just(400),
    "errorCode": CODES,
    "detail": text,
    "reason": text,
    "parameters": st.lists(text, max_size=2),
    "badRequestDetail": st.fixed_dictionaries({"fields": st.lists(json_values, max_size=2)}),
}


def objects(fields: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return objects of a kind, mostly right, now and then with a field that is missing or of any shape."""
    right = st.fixed_dictionaries(dict(fields))
    wrong = st.dictionaries(st.sampled_from([*fields]), json_values, min_size=1, max_size=2)
    lacking = st.sampled_from([*fields])
    return st.one_of(
        right,
        st.builds(lambda one, other: {**one, **other}, right, wrong),
        st.builds(lambda one, name: {key: value for key, value in one.items() if key != name}, right, lacking),
    )


resources = objects(PEER) | objects(CONTAINER) | objects(ENTRY) | objects(CLUSTER)
links = st.lists(
    st.fixed_dictionaries(
        {
            "rel": st.sampled_from(["next", "self"]) | json_values,
            "href": st.sampled_from(["https://elsewhere.example/?pageNum=2", "?a=b&envelope=false", "/x"])
            | text.map("?a={}".format)
            | json_values,
        }
    )
    | json_values,
    max_size=2,
)
pages = st.fixed_dictionaries(
    {
        "links": links | st.just([]) | json_values,
        "results": st.lists(objects(PEER), max_size=2)
        | st.lists(objects(CONTAINER), max_size=2)
        | st.lists(objects(ENTRY), max_size=2)
        | st.lists(objects(CLUSTER), max_size=2)
        # A page of something else, or of nothing that is known.
        | st.lists(resources | json_values, max_size=3),
        "totalCount": st.integers(0, 3) | json_values,
    }
) | st.lists(resources, max_size=2).map(lambda results: {"results": results, "links": []})
contents = st.one_of(pages, resources, objects(ERROR), json_values)
enveloped = st.fixed_dictionaries(
    {"status": st.sampled_from([200, 204, 302, 404, 429, 500, True]) | json_values, "content": contents}
)

bodies = st.one_of(
    contents.map(lambda content: json.dumps(content).encode()),
    enveloped.map(lambda content: json.dumps(content).encode()),
    contents.map(lambda content: json.dumps(content).encode()[:-1]),
    st.binary(max_size=40),
    st.sampled_from([b"", b"{}", b"[]", b"<html>", b"[" * 100_000, b"1" * 5000, b"\xff\xfe{\x00}\x00", b'{"id": NaN}']),
)
statuses = st.sampled_from([200] * 6 + [201, 202, 204, 400, 401, 403, 404, 409, 429, 500, 503]) | st.integers(0, 999)
# As http.client reads them: any byte but those that end a line, and a line that is folded.
values = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20) | st.just("a\r\n b")
challenges = st.one_of(
    st.just(CHALLENGE),
    st.just(CHALLENGE.replace("false", "true")),
    st.builds(
        'Digest realm="{}", nonce="{}", algorithm={}, qop="{}", opaque="{}", userhash={}, stale=true'.format,
        values,
        values,
        st.sampled_from(["MD5", "SHA-256-sess", "SHA-512-256", "md5", "x"]) | values,
        st.sampled_from(["auth", "auth-int", "", "auth,auth-int"]) | values,
        values,
        st.sampled_from(["true", "false"]),
    ),
    st.builds("{} {}={}, Basic realm=x".format, values, values, values),
    values,
)
waits = st.sampled_from(
    ["0", "1", "-1", "1e9", "9" * 400, "\u00b2", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +1400"]
)
places = st.sampled_from(["https://elsewhere.example/", "//elsewhere.example", "http://[", "/", "http://\u00b2:\u00b2/"])
types = st.sampled_from(
    ["application/json", "text/html; charset=utf-7", "text/plain; charset=\u00ff", ";", "application/vnd.atlas+json"]
)
headers = st.lists(
    st.one_of(
        st.tuples(st.just("WWW-Authenticate"), challenges),
        st.tuples(st.just("Authentication-Info"), st.just('nextnonce="n1"') | values),
        st.tuples(st.just("Retry-After"), waits | values),
        st.tuples(st.just("Location"), places | values),
        st.tuples(st.just("Content-Type"), types | values),
        st.tuples(st.sampled_from(["RateLimit-Limit", "RateLimit-Remaining"]), st.sampled_from(["0", "1", "-1"]) | values),
        st.tuples(st.just("Content-Encoding"), st.sampled_from(["gzip", "deflate", "identity", "zstd", "x"])),
        st.tuples(st.just("Transfer-Encoding"), st.sampled_from(["chunked", "gzip, chunked", "x"])),
        st.tuples(st.just("Content-Length"), st.sampled_from(["0", "1", "-1", "9" * 30, "x", "1, 2"])),
        st.tuples(st.just("Connection"), st.sampled_from(["close", "keep-alive", "upgrade"])),
        st.tuples(st.just("Set-Cookie"), st.just("a=b; Path=/") | values),
        st.tuples(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8), values),
    ),
    max_size=4,
)


def message(status: int, fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return a reply as it goes over the wire; without another word about it, its body ends with the connection."""
    lines = [f"HTTP/1.1 {status} Word", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


messages = st.builds(message, statuses, headers, bodies)
good_messages = st.builds(
    message, st.just(200), st.just([("Content-Type", "application/json")]), pages.map(lambda one: json.dumps(one).encode())
)
refused = st.builds(
    message, st.just(401), st.tuples(st.just("WWW-Authenticate"), challenges).map(lambda one: [one]), st.just(b"{}")
)
raw = st.one_of(
    messages,
    good_messages,
    refused,
    st.binary(max_size=60),
    st.builds(lambda whole, length: whole[:length], messages, st.integers(0, 80)),
    st.sampled_from(
        [
            b"",
            b"HTTP/1.1 200\r\n",
            b"HTTP/9.9 abc x\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
        ]
    ),
)
scripts = st.lists(raw, min_size=1, max_size=8)
