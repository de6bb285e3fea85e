"""AWS that refuses, loses replies and takes its time, for tests with boto3: moto, behind a front that answers as AWS does.

What moto 5.2.5 does not do, and AWS does: unknown connections are an error, filters of connections count, blocks are told of
active connections only, an accepted connection is provisioned first, each account has its own tags, a request expires, a route to
what is not active is a black hole, routes can be propagated, VPCs can be shared, and lists come in pages.
"""

from __future__ import annotations

import json
import re
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ansible_collections.cloudpeer.atlas.tests.emulator.ratelimit import Rate, TokenBucket
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Reply, Sent, forward, serving

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15"
EXPIRATION = "2026-08-01T12:00:00.000Z"
# The lists that the accepter reads, by action.
SETS = {
    "DescribeNetworkInterfaces": "networkInterfaceSet",
    "DescribeRouteTables": "routeTableSet",
    "DescribeSecurityGroups": "securityGroupInfo",
    "DescribeVpcPeeringConnections": "vpcPeeringConnectionSet",
    "DescribeVpcs": "vpcSet",
}
ON_ROUTE_53 = ("GetHostedZone", "ListHostedZonesByVPC", "ListResourceRecordSets")
READS = ("Describe", "Get", "Assume", "List")
#: How many requests AWS takes for each account, region and action: so many at once, and then so many a second. Source: "Request
#: throttling for the Amazon EC2 API", https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
RATES = {"Describe*": (100, 20), "CreateTags": (100, 10), "*Route": (50, 5), "Accept*": (50, 5), "Modify*": (50, 5)}
#: Who signs a request, where and for which service ("Elements of an AWS API request signature" in AWS's guide on signing).
SIGNED = re.compile(r"Credential=(?P<key>[^/]+)/[0-9]+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
ET.register_namespace("", NAMESPACE)


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def text(element: ET.Element, *path: str) -> str:
    found = element.find("/".join(map(tag, path)))
    return (found.text or "") if found is not None else ""


def put(element: ET.Element, name: str, value: str) -> None:
    """Give an element a child with a text."""
    child = element.find(tag(name))
    if child is None:
        child = ET.SubElement(element, tag(name))
    child.text = value


def refusal(code: str, message: str = "AWS says no.", status: int = 400) -> Reply:
    """Return an error as EC2 writes it."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"
    return Reply(status, body.encode(), (("Content-Type", "text/xml"),))


def action_of(sent: Sent, fields: dict[str, str]) -> str:
    """Return what a request asks for: EC2 and STS have it in the body, Route 53 in the path, and the others in a header."""
    if sent.path.endswith("/hostedzonesbyvpc"):
        return "ListHostedZonesByVPC"
    if "/hostedzone/" in sent.path:
        return "ListResourceRecordSets" if "/rrset" in sent.path else "GetHostedZone"
    return fields.get("Action") or sent.headers.get("x-amz-target", "").rpartition(".")[2]


def denial(action: str) -> Reply:
    """Return how AWS refuses an action to those who may not do it, as its service writes that."""
    if action.startswith("ListResolver") or action == "GetServiceQuota":
        body = {"__type": "AccessDeniedException", "Message": "You are not authorized."}
        return Reply(400, json.dumps(body).encode(), (("Content-Type", "application/x-amz-json-1.1"),))
    if action in ON_ROUTE_53:
        space = "https://route53.amazonaws.com/doc/2013-04-01/"
        error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>You are not authorized.</Message></Error>"
        body = f'<ErrorResponse xmlns="{space}">{error}<RequestId>r</RequestId></ErrorResponse>'
        return Reply(403, body.encode(), (("Content-Type", "text/xml"),))
    return refusal("UnauthorizedOperation", "You are not authorized.", 403)


class Call(NamedTuple):
    """One request: whose it was (empty for who has only a role to assume), where, and for what."""

    account: str
    region: str
    service: str
    action: str


@dataclass
class Rule:
    """What happens to the next requests for an action.

    Attributes:
        action: The action, in which `*` stands for any characters.
        account: Whose requests; None for those of all.
        reply: Sent in place of AWS's; None lets AWS's through.
        forward: Whether AWS does what is asked, even so.
        before: Called before AWS is asked.
        skip: How many requests pass first.
        times: How many requests it is for after that.
    """

    action: str
    reply: Reply | None = None
    forward: bool = False
    before: Callable[[], Any] = lambda: None
    skip: int = 0
    times: int = 1_000_000
    account: str | None = None

    def is_about(self, call: Call) -> bool:
        """Tell whether the rule is about a request, and not spent."""
        return self.times > 0 and self.account in (None, call.account) and fnmatchcase(call.action, self.action)


@dataclass
class Front:
    """What stands before moto.

    Attributes:
        calls: The requests, as `actions` and `requests` have them.
        accounts: The account of each access key; those of roles that are assumed through the front come by themselves.
        limits: How many requests for an action AWS takes for each account and region, as in `RATES`; none by default.
        clock: On which these limits live.
        status: The state of a connection in place of moto's, with AWS's message, by id.
        hidden: Connections that AWS does not show at all, by id: for how many more looks.
        provisioning: How many looks it takes after the acceptance until a connection is active.
        routes: More routes, by table: the fields of a route as the API names them.
        owners: Owners in place of moto's, by VPC.
        interfaces: Fields of network interfaces in place of moto's, as the API names them, by interface.
        zone_owner: The owner of all private zones in place of moto's.
        shows_tags: Whether a connection is shown with its tags, as AWS does it; moto itself shows those of the requester alone.
        page_size: How many objects a page of a list has.
    """

    upstream: str
    url: str = ""
    actions: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    rules: list[Rule] = field(default_factory=list)
    status: dict[str, tuple[str, str]] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    provisioning: int = 1
    routes: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    zone_owner: str = ""
    shows_tags: bool = True
    page_size: int = 1000
    _settling: dict[str, int] = field(default_factory=dict)
    _tags: dict[str, dict[str, str]] = field(default_factory=dict)
    _buckets: dict[Call, TokenBucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def writes(self) -> list[str]:
        """The actions that change something, in their order."""
        return [one for one in self.actions if not one.startswith(READS)]

    def forget(self) -> None:
        self.actions.clear()
        self.requests.clear()
        self.calls.clear()

    def rule(self, action: str, reply: Reply | None = None, **how: Any) -> None:
        """Have something happen to the next requests for an action."""
        self.rules.append(Rule(action, reply, **how))

    def lose(self, action: str, **how: Any) -> None:
        """Have AWS do what the next request asks, and lose the reply."""
        self.rule(action, DROP, forward=True, **{"times": 1, **how})

    def deny(self, account: str, *actions: str) -> None:
        """Let an account have no right to actions, in which `*` stands for any characters."""
        for action in actions:
            self.rule(action, denial(action), account=account)

    def answer_in_memory(self, sent: Sent) -> Reply | None:
        """Answer a request; None if it takes the wire, because its reply is lost or drips."""
        return self._answer(sent, on_wire=False)

    def answer(self, sent: Sent) -> Reply:
        """Answer a request that came over the wire."""
        found = self._answer(sent, on_wire=True)
        assert found is not None
        return found

    def _answer(self, sent: Sent, *, on_wire: bool) -> Reply | None:
        fields = dict(parse_qsl(sent.body.decode(), keep_blank_values=True)) if sent.body[:1] != b"{" else {}
        action = action_of(sent, fields)
        call = self._call(sent, action)
        with self._lock:
            coming = next((one for one in self.rules if one.is_about(call)), None)
            if not on_wire and coming is not None and coming.reply is not None and not coming.reply.is_whole:
                return None
            self.actions.append(action)
            self.requests.append(fields)
            self.calls.append(call)
            rule = self._take(coming)
            is_refused = not self._grants(call)
        if is_refused:
            return refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
        if rule is not None:
            rule.before()
            if rule.reply is not None:
                if rule.forward:
                    self._ask(sent, fields, action)
                return rule.reply
        return self._ask(sent, fields, action)

    def _call(self, sent: Sent, action: str) -> Call:
        signed = SIGNED.search(sent.authorization or "")
        parts = signed.groupdict() if signed else {"key": "", "region": "", "service": ""}
        return Call(self.accounts.get(parts["key"], ""), parts["region"], parts["service"], action)

    @staticmethod
    def _take(rule: Rule | None) -> Rule | None:
        """Return what happens to a request that a rule is about, and count it."""
        if rule is None or rule.skip:
            if rule is not None:
                rule.skip -= 1
            return None
        rule.times -= 1
        return rule

    def _grants(self, call: Call) -> bool:
        """Tell whether AWS takes one more request, and count it."""
        rate = next((one for action, one in self.limits.items() if fnmatchcase(call.action, action)), None)
        if rate is None:
            return True
        if call not in self._buckets:
            self._buckets[call] = TokenBucket(Rate(*rate), self.clock)
        return self._buckets[call].take().granted

    def _ask(self, sent: Sent, fields: dict[str, str], action: str) -> Reply:
        """Let moto answer, and make AWS's answer of it."""
        if action in ("CreateTags", "DeleteTags"):
            self._tag(fields, is_gone=action == "DeleteTags")
        reply = forward(self.upstream, sent)
        if action == "AssumeRole":
            key = re.search(rb"<AccessKeyId>([^<]+)<", reply.body)
            if key is not None:
                self.accounts[key[1].decode()] = fields["RoleArn"].split(":")[4]
        if action == "ListHostedZonesByVPC" and self.zone_owner:
            owner = f"<OwningAccount>{self.zone_owner}</OwningAccount>".encode()
            reply.body = re.sub(b"<OwningAccount>[0-9]+</OwningAccount>", owner, reply.body)
        if reply.status != 200 or sent.headers.get("host") is None or action not in (*SETS, "AcceptVpcPeeringConnection"):
            return reply
        root = ET.fromstring(reply.body)
        if action == "AcceptVpcPeeringConnection":
            shown = root.find(tag("vpcPeeringConnection"))
            assert shown is not None
            self._settling[text(shown, "vpcPeeringConnectionId")] = self.provisioning
            self._show_connection(shown, looked=False)
        else:
            refused = self._show(action, root, fields)
            if refused is not None:
                return refused
        reply.body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return reply

    def _tag(self, fields: dict[str, str], *, is_gone: bool) -> None:
        tags = self._tags.setdefault(fields["ResourceId.1"], {})
        for key, name in fields.items():
            number = re.fullmatch(r"Tag\.(\d+)\.Key", key)
            value = fields.get(f"Tag.{number[1]}.Value", "") if number else ""
            if number and not is_gone:
                tags[name] = value
            elif number and tags.get(name) == value:
                del tags[name]

    def _show(self, action: str, root: ET.Element, fields: dict[str, str]) -> Reply | None:
        """Make AWS's list of moto's; return a refusal if AWS would have refused."""
        found = root.find(tag(SETS[action]))
        assert found is not None
        items = list(found)
        if action == "DescribeVpcPeeringConnections":
            refused = self._choose_connections(items, fields)
            if refused is not None:
                return refused
        for item in items:
            if action == "DescribeVpcPeeringConnections":
                self._show_connection(item, looked=True)
            elif action == "DescribeRouteTables":
                self._show_table(item)
            elif action == "DescribeVpcs" and text(item, "vpcId") in self.owners:
                put(item, "ownerId", self.owners[text(item, "vpcId")])
            elif action == "DescribeNetworkInterfaces":
                for name, value in self.interfaces.get(text(item, "networkInterfaceId"), {}).items():
                    put(item, name, value)
        start = int(fields.get("NextToken", "0"))
        for old in list(found):
            found.remove(old)
        found.extend(items[start : start + self.page_size])
        if len(items) > start + self.page_size:
            put(root, "nextToken", str(start + self.page_size))
        return None

    def _choose_connections(self, items: list[ET.Element], fields: dict[str, str]) -> Reply | None:
        by_id = {text(one, "vpcPeeringConnectionId"): one for one in items}
        for unseen in [one for one in by_id if self.hidden.get(one)]:
            del by_id[unseen]
        named = [value for key, value in fields.items() if key.startswith("VpcPeeringConnectionId.")]
        filtered = [value for key, value in fields.items() if key.startswith("Filter.1.Value.")]
        if filtered:
            assert fields["Filter.1.Name"] == "vpc-peering-connection-id"
        wanted = named or filtered
        for one in wanted:
            if self.hidden.get(one):
                self.hidden[one] -= 1
            if one in named and one not in by_id:
                return refusal("InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{one}' does not exist")
        items[:] = [by_id[one] for one in wanted if one in by_id] if wanted else by_id.values()
        return None

    def _show_connection(self, item: ET.Element, *, looked: bool) -> None:
        connection_id = text(item, "vpcPeeringConnectionId")
        status = item.find(tag("status"))
        assert status is not None
        code, message = text(status, "code"), text(status, "message")
        left = self._settling.get(connection_id, 0)
        if code == "active" and left:
            code, message = "provisioning", "Provisioning"
            self._settling[connection_id] -= looked
        code, message = self.status.get(connection_id, (code, message))
        put(status, "code", code)
        put(status, "message", message)
        for side in ("requesterVpcInfo", "accepterVpcInfo"):
            info = item.find(tag(side))
            assert info is not None
            block = info.find(tag("cidrBlock"))
            if code != "active" and block is not None:
                info.remove(block)
            elif block is not None:
                known = ET.SubElement(info, tag("cidrBlockSet"))
                for one in self.blocks.get(text(info, "vpcId"), [block.text or ""]):
                    put(ET.SubElement(known, tag("item")), "cidrBlock", one)
        if code in ("pending-acceptance", "initiating-request"):
            put(item, "expirationTime", EXPIRATION)
        tags = item.find(tag("tagSet"))
        assert tags is not None
        # Those of the requester's account are moto's.
        for old in list(tags):
            tags.remove(old)
        for key, value in self._tags.get(connection_id, {}).items() if self.shows_tags else ():
            pair = ET.SubElement(tags, tag("item"))
            put(pair, "key", key)
            put(pair, "value", value)

    def _show_table(self, item: ET.Element) -> None:
        routes = item.find(tag("routeSet"))
        assert routes is not None
        for route in routes:
            target = text(route, "vpcPeeringConnectionId")
            if self.hidden.get(target) or self.status.get(target, ("active", ""))[0] != "active":
                put(route, "state", "blackhole")
        for fields in self.routes.get(text(item, "routeTableId"), []):
            route = ET.SubElement(routes, tag("item"))
            for name, value in {"state": "active", "origin": "CreateRoute", **fields}.items():
                put(route, name, value)


@contextmanager
def fronting(upstream: str) -> Iterator[Front]:
    """Run a front before an AWS."""
    front = Front(upstream)
    with serving() as wire:
        wire.answer = front.answer  # type: ignore[method-assign]
        front.url = wire.base_url
        wire.answer_in_memory = front.answer_in_memory  # type: ignore[method-assign]
        yield front
