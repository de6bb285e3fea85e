"""An AWS that reads off what it answers: hundreds of healthy networks in any number of accounts, at next to no cost.

moto takes most of the time where many accounts are read; this one knows no more than the requests of a check, and it changes
nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ansible_collections.cloudpeer.atlas.tests.support.aws_front import SIGNED
from ansible_collections.cloudpeer.atlas.tests.support.boto import quicken
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, Sent, answered_in_memory

ATLAS_ACCOUNT, ATLAS_VPC = "648473448017", "vpc-0f9e8d7c6b5a43210"
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_ACCOUNT = re.compile(r"\d{12}")
_ALL = "<cidrBlock>0.0.0.0/0</cidrBlock>"


@dataclass(frozen=True)
class Network:
    """A VPC with a connection and all that it needs.

    Attributes:
        account, region: Where it is.
        vpc_id, block: The VPC.
        connection_id, atlas_block: The connection.
        is_routed: Whether its table has the route to Atlas.
    """

    account: str
    region: str
    vpc_id: str
    block: str
    connection_id: str
    atlas_block: str
    is_routed: bool = True

    @property
    def suffix(self) -> str:
        """The digits of the ids of all that is in it."""
        return self.vpc_id.partition("-")[2]


@dataclass
class ScriptedAws:
    """What it has, and what was asked.

    Attributes:
        networks: All networks.
        seconds: The time before each reply.
        refused: Accounts whose roles may not be assumed.
        denied: Actions that are denied to all.
        is_expired: Whether all credentials have expired.
        asked: How often each action was asked, by account, region and action.
        url: Where it listens.
    """

    networks: list[Network]
    seconds: float = 0.0
    refused: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    is_expired: bool = False
    asked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    url: str = ""

    def count(self, action: str) -> int:
        """Return how often an action was asked, by all accounts in all regions."""
        return sum(number for key, number in self.asked.items() if key[2] == action)

    def answer(self, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Return the status, the type and the body of a reply."""
        scope = SIGNED.search(headers.get("authorization", ""))
        if scope is None:
            return 403, "text/xml", b"<ErrorResponse><Error><Code>MissingAuthenticationToken</Code></Error></ErrorResponse>"
        account = _ACCOUNT.search(scope["key"])
        place, service = (account.group() if account else "", scope["region"]), scope["service"]
        if self.is_expired:
            return _expired(service)
        if service == "route53":
            return self._route53(place, target)
        if "x-amz-target" in headers:
            return self._json(place, headers["x-amz-target"].partition(".")[2], json.loads(body))
        fields = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        action = fields["Action"]
        self.asked[(*place, action)] += 1
        if action in self.denied:
            return _refusal(action, f"User: arn:aws:iam::{place[0]}:role/network is not authorized to perform: ec2:{action}")
        if service == "sts":
            return self._sts(place[0], action, fields)
        return self._ec2(place, action, fields)

    def _sts(self, account: str, action: str, fields: Mapping[str, str]) -> tuple[int, str, bytes]:
        if action == "AssumeRole":
            wanted = fields["RoleArn"].split(":")[4]
            if wanted in self.refused:
                return _refusal(action, f"User: arn:aws:iam::{account}:user/me is not authorized to assume {fields['RoleArn']}")
            keys = f"<AccessKeyId>ASIA{wanted}ROLE</AccessKeyId><SecretAccessKey>secret-of-{wanted}-0123456789</SecretAccessKey>"
            more = "<Expiration>2099-01-01T00:00:00Z</Expiration>"
            inner = f"<Credentials>{keys}<SessionToken>token-of-{wanted}-0123456789</SessionToken>{more}</Credentials>"
        else:
            inner = f"<Account>{account}</Account><Arn>arn:aws:iam::{account}:role/network</Arn><UserId>me</UserId>"
        first = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        return 200, "text/xml", f"{first}<{action}Result>{inner}</{action}Result></{action}Response>".encode()

    def _route53(self, place: tuple[str, str], target: str) -> tuple[int, str, bytes]:
        self.asked[(*place, "ListHostedZonesByVPC")] += 1
        text = (
            '<ListHostedZonesByVPCResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
            "<HostedZoneSummaries/><MaxItems>100</MaxItems></ListHostedZonesByVPCResponse>"
        )
        return (200, "text/xml", text.encode()) if "hostedzonesbyvpc" in target else (404, "text/xml", b"")

    def _json(self, place: tuple[str, str], action: str, fields: Mapping[str, Any]) -> tuple[int, str, bytes]:
        self.asked[(*place, action)] += 1
        replies: dict[str, Any] = {
            "ListResolverRules": {"ResolverRules": [], "MaxResults": 100},
            "ListResolverRuleAssociations": {"ResolverRuleAssociations": [], "MaxResults": 100},
            "GetServiceQuota": {"Quota": {"QuotaCode": fields.get("QuotaCode"), "Value": 50.0}},
        }
        return 200, "application/x-amz-json-1.1", json.dumps(replies[action]).encode()

    def _ec2(self, place: tuple[str, str], action: str, fields: Mapping[str, str]) -> tuple[int, str, bytes]:
        here = [one for one in self.networks if (one.account, one.region) == place]
        asked = {value for key, value in fields.items() if key.startswith("Filter.1.Value")}
        inner = _EC2[action]([one for one in here if not asked or one.vpc_id in asked], fields)
        text = f'<{action}Response xmlns="{_NAMESPACE}"><requestId>00000000</requestId>{inner}</{action}Response>'
        return 200, "text/xml", text.encode()


def _expired(service: str) -> tuple[int, str, bytes]:
    """Return a refusal of credentials that have expired. Source: "Common errors" in the API references of these services."""
    if service == "ec2":
        return 400, "text/xml", b"<Response><Errors><Error><Code>RequestExpired</Code></Error></Errors></Response>"
    if service in ("route53", "sts"):
        return 403, "text/xml", b"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"
    return 400, "application/x-amz-json-1.1", json.dumps({"__type": "ExpiredTokenException"}).encode()


def _refusal(action: str, detail: str) -> tuple[int, str, bytes]:
    """Return a refusal, as EC2 and STS write it."""
    if action == "AssumeRole":
        error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{escape(detail)}</Message></Error>"
        text = f"<ErrorResponse>{error}</ErrorResponse>"
    else:
        error = f"<Error><Code>UnauthorizedOperation</Code><Message>{escape(detail)}</Message></Error>"
        text = f"<Response><Errors>{error}</Errors><RequestID>00000000</RequestID></Response>"
    return 403, "text/xml", text.encode()


def _set(name: str, items: Iterator[str]) -> str:
    return f"<{name}>{''.join(f'<item>{one}</item>' for one in items)}</{name}>"


_Maker = Callable[[Sequence[Network], Mapping[str, str]], str]


def _each(name: str, make: Callable[[Network], str]) -> _Maker:
    return lambda networks, unused: _set(name, (make(one) for one in networks))


def _connection(one: Network) -> str:
    options = "<peeringOptions><allowDnsResolutionFromRemoteVpc>true</allowDnsResolutionFromRemoteVpc></peeringOptions>"
    mine = f"<ownerId>{one.account}</ownerId><vpcId>{one.vpc_id}</vpcId><region>{one.region}</region>"
    theirs = f"<ownerId>{ATLAS_ACCOUNT}</ownerId><vpcId>{ATLAS_VPC}</vpcId><region>{one.region}</region>"
    return (
        f"<vpcPeeringConnectionId>{one.connection_id}</vpcPeeringConnectionId><status><code>active</code><message>Active</message></status>"
        f"<requesterVpcInfo>{theirs}<cidrBlock>{one.atlas_block}</cidrBlock>{options}</requesterVpcInfo>"
        f"<accepterVpcInfo>{mine}<cidrBlock>{one.block}</cidrBlock>{options}</accepterVpcInfo>"
        "<tagSet><item><key>Name</key><value>atlas</value></item></tagSet>"
    )


def _vpc(one: Network) -> str:
    return (
        f"<vpcId>{one.vpc_id}</vpcId><ownerId>{one.account}</ownerId><state>available</state><cidrBlock>{one.block}</cidrBlock>"
        "<dhcpOptionsId>dopt-00000000</dhcpOptionsId><tagSet><item><key>Name</key><value>net</value></item></tagSet>"
    )


def _subnet(one: Network) -> str:
    return (
        f"<subnetId>subnet-{one.suffix}</subnetId><vpcId>{one.vpc_id}</vpcId><state>available</state>"
        f"<cidrBlock>{one.block}</cidrBlock><tagSet/>"
    )


def _table(one: Network) -> str:
    local = (
        f"<item><destinationCidrBlock>{one.block}</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>"
    )
    to_atlas = (
        f"<item><destinationCidrBlock>{one.atlas_block}</destinationCidrBlock>"
        f"<vpcPeeringConnectionId>{one.connection_id}</vpcPeeringConnectionId><state>active</state><origin>CreateRoute</origin></item>"
    )
    main = f"<item><routeTableAssociationId>rtbassoc-{one.suffix}</routeTableAssociationId><main>true</main></item>"
    routes = local + to_atlas if one.is_routed else local
    return (
        f"<routeTableId>rtb-{one.suffix}</routeTableId><vpcId>{one.vpc_id}</vpcId><routeSet>{routes}</routeSet>"
        f"<associationSet>{main}</associationSet><propagatingVgwSet/><tagSet/>"
    )


def _acl(one: Network) -> str:
    rules = [
        f"<item><ruleNumber>{number}</ruleNumber><protocol>-1</protocol><ruleAction>{action}</ruleAction>"
        f"<egress>{egress}</egress>{_ALL}</item>"
        for egress in ("true", "false")
        for number, action in ((100, "allow"), (32767, "deny"))
    ]
    subnet = f"<subnetId>subnet-{one.suffix}</subnetId>"
    of = f"<item><networkAclAssociationId>aclassoc-{one.suffix}</networkAclAssociationId>{subnet}</item>"
    return (
        f"<networkAclId>acl-{one.suffix}</networkAclId><vpcId>{one.vpc_id}</vpcId><default>true</default>"
        f"<entrySet>{''.join(rules)}</entrySet><associationSet>{of}</associationSet><tagSet/>"
    )


def _interface(one: Network) -> str:
    address = one.block.rpartition(".")[0] + ".9"
    return (
        f"<networkInterfaceId>eni-{one.suffix}</networkInterfaceId><subnetId>subnet-{one.suffix}</subnetId><vpcId>{one.vpc_id}</vpcId>"
        f"<interfaceType>interface</interfaceType><groupSet><item><groupId>sg-{one.suffix}</groupId></item></groupSet>"
        f"<attachment><instanceId>i-{one.suffix}</instanceId></attachment>"
        f"<privateIpAddressesSet><item><privateIpAddress>{address}</privateIpAddress></item></privateIpAddressesSet>"
    )


def _group(one: Network) -> str:
    rule = "<item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>"
    return (
        f"<groupId>sg-{one.suffix}</groupId><groupName>app</groupName><vpcId>{one.vpc_id}</vpcId>"
        f"<ipPermissions/><ipPermissionsEgress>{rule}</ipPermissionsEgress>"
    )


def _dhcp(unused: Sequence[Network], unused_fields: Mapping[str, str]) -> str:
    value = "<valueSet><item><value>AmazonProvidedDNS</value></item></valueSet>"
    servers = f"<dhcpConfigurationSet><item><key>domain-name-servers</key>{value}</item></dhcpConfigurationSet>"
    return f"<dhcpOptionsSet><item><dhcpOptionsId>dopt-00000000</dhcpOptionsId>{servers}</item></dhcpOptionsSet>"


def _attribute(unused: Sequence[Network], fields: Mapping[str, str]) -> str:
    return f"<vpcId>{fields['VpcId']}</vpcId><{fields['Attribute']}><value>true</value></{fields['Attribute']}>"


_EC2: dict[str, _Maker] = {
    "DescribeVpcPeeringConnections": _each("vpcPeeringConnectionSet", _connection),
    "DescribeVpcs": _each("vpcSet", _vpc),
    "DescribeSubnets": _each("subnetSet", _subnet),
    "DescribeRouteTables": _each("routeTableSet", _table),
    "DescribeNetworkAcls": _each("networkAclSet", _acl),
    "DescribeNetworkInterfaces": _each("networkInterfaceSet", _interface),
    "DescribeSecurityGroups": _each("securityGroupInfo", _group),
    "DescribeDhcpOptions": _dhcp,
    "DescribeVpcAttribute": _attribute,
}


async def _serve(aws: ScriptedAws, listening: Callable[[str, Callable[[], Any]], Any]) -> None:
    """Serve until what `listening` gets with the address is called, in any thread."""
    loop, until = asyncio.get_running_loop(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.strip().lower(): value.strip() for name, _colon, value in (one.partition(":") for one in head[1:] if one)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await asyncio.sleep(aws.seconds)
                status, kind, content = aws.answer(head[0].split(" ")[1], headers, body)
                first = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
                writer.write(first.encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    listening(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: loop.call_soon_threadsafe(until.set))
    await until.wait()
    server.close()


@contextmanager
def scripted_aws(networks: list[Network], seconds: float = 0.0) -> Iterator[ScriptedAws]:
    """Run it in a thread of this process; it answers in memory unless its replies take time."""
    quicken()
    aws, ready = ScriptedAws(networks, seconds), threading.Event()
    ends: list[Callable[[], Any]] = []

    def listening(url: str, end: Callable[[], Any]) -> None:
        aws.url = url
        ends.append(end)
        ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(_serve(aws, listening)), daemon=True)
    thread.start()
    assert ready.wait(10)

    turn = threading.Lock()

    def answer(sent: Sent) -> Reply | None:
        if aws.seconds:
            return None
        with turn:
            status, kind, content = aws.answer(sent.target, sent.headers, sent.body)
        return Reply(status, content, (("Content-Type", kind),))

    try:
        with answered_in_memory(aws.url, answer):
            yield aws
    finally:
        ends[0]()
        thread.join(10)
