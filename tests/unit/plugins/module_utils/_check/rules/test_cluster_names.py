"""Who answers for a name in a VPC, by the developer guide of Route 53 and RFC 4592."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import HostedZone, Record, ResolverRule
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.cluster_names import (
    Name,
    answering,
    names_of,
    records_for,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import cluster, with_private_string

HOST = "a.shop.example.com"


def test_each_string_needs_its_hosts_and_its_service() -> None:
    needed = {kind: [name.text for name in names] for kind, names in names_of(with_private_string(cluster())).items()}
    assert list(needed) == ["standard_srv", "private_srv", "standard", "private"]
    hosts = [f"shop-shard-00-0{number}.abcde.mongodb.net" for number in range(3)]
    private = [f"shop-shard-00-0{number}-pri.abcde.mongodb.net" for number in range(3)]
    assert needed["standard"] == hosts
    assert needed["standard_srv"] == ["_mongodb._tcp.shop.abcde.mongodb.net", *hosts]
    assert needed["private_srv"] == ["_mongodb._tcp.shop-pri.abcde.mongodb.net", *private]
    assert names_of(cluster(connection_strings=None)) == {}


@pytest.mark.parametrize(
    ("zones", "rules", "answer"),
    [
        ([], {}, None),
        (["example.org", "b.shop.example.com", "hop.example.com"], {}, None),
        (["com", "shop.example.com", "example.com"], {}, "shop.example.com"),
        (["A.shop.Example.com"], {}, "A.shop.Example.com"),
        ([""], {}, ""),
        # "How VPC Resolver determines whether the domain name in a query matches any rules": the most specific one.
        ([], {".": "FORWARD", "example.com.": "SYSTEM"}, None),
        ([], {"example.com.": "FORWARD", "com.": "SYSTEM"}, "example.com."),
        # "Private hosted zones and Route 53 VPC Resolver rules": the rule takes precedence over a zone of the same domain. A zone
        # has a rule of its own, so a narrower one is the most specific.
        (["example.com"], {"example.com.": "FORWARD"}, "example.com."),
        (["shop.example.com"], {"example.com.": "FORWARD"}, "shop.example.com"),
        (["com"], {"example.com.": "SYSTEM", ".": "FORWARD"}, "com"),
        (["com"], {"example.com.": "DELEGATE", ".": "RECURSIVE"}, "com"),
    ],
)
def test_the_most_specific_answers(zones: list[str], rules: dict[str, str], answer: str | None) -> None:
    found = answering(
        [HOST],
        [HostedZone(f"Z{number}", name, "123456789012") for number, name in enumerate(zones)],
        [ResolverRule(f"rr-{kind}", domain, kind) for domain, kind in rules.items()],
    ).get(HOST)
    name = found.domain_name if isinstance(found, ResolverRule) else found.name if found is not None else None
    assert name == answer


@pytest.mark.parametrize(
    ("records", "has"),
    [
        ([(HOST, "A")], True),
        ([(HOST, "AAAA")], True),
        ([(HOST, "CNAME")], True),
        ([(HOST, "SRV")], False),
        ([("b.shop.example.com", "A")], False),
        ([("*.shop.example.com", "A")], True),
        # "Using an asterisk (*)": it holds for several levels, and not for a name that has a record of another type.
        ([("*.example.com", "A")], True),
        ([("*.example.com", "A"), (HOST, "TXT")], False),
        ([("*.example.com", "SRV")], False),
        # RFC 4592: a nearer domain is in the way, also one that only has names below it.
        ([("*.example.com", "A"), ("shop.example.com", "TXT")], False),
        ([("*.example.com", "A"), ("b.shop.example.com", "A")], False),
        ([("*.example.com", "A"), ("x.a.shop.example.com", "A")], False),
        ([("*.com", "A")], False),
    ],
)
def test_a_zone_has_a_name_by_a_record_or_a_wildcard(records: list[tuple[str, str]], has: bool) -> None:
    name, zone = Name(HOST, frozenset(("A", "AAAA", "CNAME"))), HostedZone("Z1", "example.com", "123456789012")
    assert bool(records_for(name, zone, [Record(*one) for one in records])) is has


def test_a_zone_of_the_root_may_have_a_wildcard() -> None:
    name = Name(HOST, frozenset(("A",)))
    assert records_for(name, HostedZone("Z1", "", "123456789012"), [Record("*", "A")]) == [Record("*", "A")]


def test_all_record_sets_of_a_name_answer_for_it() -> None:
    """Weighted ones, for example, and those of both kinds of addresses; not those of a wildcard beside them."""
    name, zone = Name(HOST, frozenset(("A", "AAAA"))), HostedZone("Z1", "example.com", "123456789012")
    own = [Record(HOST, "A", ("10.0.0.1",)), Record(HOST, "A", ("10.0.0.2",)), Record(HOST, "AAAA", ("2001:db8::1",))]
    assert records_for(name, zone, [*own, Record(HOST, "TXT"), Record("*.example.com", "A", ("10.0.0.3",))]) == own
