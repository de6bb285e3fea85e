"""Lines to hand over: with all names, quoted for a shell, in the form that each tool takes."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    DhcpOptions,
    HostedZone,
    ResolverRule,
    Route,
    Subnet,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, ZoneContents
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.common import aws, az, gcloud, together
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, owner_of, run_checks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import parse_firewalls
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_NETWORK,
    ATLAS_PROJECT,
    GCP_PROJECT,
    GROUP,
    NETWORK,
    NSG_ID,
    SUBSCRIPTION,
    TABLE_ID,
    VNET,
    azure_container,
    healthy_azure,
    healthy_gcp,
    mirror,
    nsg,
    route_table,
    security_rule,
    vnet_peering,
    vnet_subnet,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ACL_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    MAIN_TABLE_ID,
    SUBNET_IDS,
    VPC_ID,
    acl,
    cluster,
    connection,
    container,
    group,
    healthy,
    interface,
    peer,
    table,
    with_private_string,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import TABLE_ID as OWN_TABLE_ID
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._check.test_situations_names import (
    TO_HOME,
    two_regions,
    wide,
)

AT = f"--name atlas-peering --vnet-name {VNET} --resource-group {GROUP}"
OF = f"--subscription {SUBSCRIPTION}"
IN_GROUP = f"--resource-group {GROUP}"
MIRROR = f"atlas-{ATLAS_NETWORK} --project={GCP_PROJECT} --network={NETWORK}"
CREATE = f"gcloud compute networks peerings create {MIRROR} --peer-project={ATLAS_PROJECT} --peer-network={ATLAS_NETWORK}"
DELETE = f"gcloud compute networks peerings delete {MIRROR}"
OPEN = [AclRule(200, one, True, "-1", "0.0.0.0/0", None) for one in (True, False)]
#: The pages of the flags that lines for gcloud have, read on 2026-11-30 (Google Cloud SDK reference).
#: https://cloud.google.com/sdk/gcloud/reference/compute/…, with the command's words as its parts.
GCLOUD = {
    "networks/peerings/create": {"project", "network", "peer-project", "peer-network"},
    "networks/peerings/delete": {"project", "network"},
    "firewall-rules/create": {"project", "network", "direction", "action", "rules", "destination-ranges", "priority"},
    "network-firewall-policies/rules/create": {
        "project",
        "firewall-policy",
        "global-firewall-policy",
        "action",
        "direction",
        "layer4-configs",
        "dest-ip-ranges",
    },
}


def with_main(*routes: Route, **changes: Any) -> ConnectionFacts:
    lists = changes.pop("list_routes", ())
    own = table(OWN_TABLE_ID, subnet_ids=SUBNET_IDS[:1])
    return healthy(route_tables=[own, table(MAIN_TABLE_ID, *routes, is_main=True, list_routes=lists)], **changes)


def with_zone(name: str, owner: str = ACCOUNT_ID) -> ConnectionFacts:
    """Return facts with a private zone that has no names."""
    return healthy(zones=[HostedZone("Z1", name, owner)], zone_contents={"Z1": ZoneContents([], False)})


def firewalls(rule: dict[str, Any], kind: str | None = None, name: str = "110123456789") -> ConnectionFacts:
    """Return facts with a rule of the network, or of a policy."""
    block = {"destIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]}
    in_policy = {"priority": 10, "action": "deny", "direction": "EGRESS", "match": block}
    policies = [{"type": kind, "name": name, "shortName": "org", "priority": 1, "rules": [in_policy]}] if kind else []
    reply = {"firewalls": [] if kind else [rule], "firewallPolicys": policies}
    return healthy_gcp(gcp_firewalls=parse_firewalls(reply, policies_first=False))


DENY = {
    "name": "deny",
    "priority": 1000,
    "direction": "EGRESS",
    "disabled": False,
    "denied": [{"IPProtocol": "all"}],
    "destinationRanges": ["0.0.0.0/0"],
}
IN_MAIN = f"--route-table-id {MAIN_TABLE_ID} --destination-cidr-block"
TO_ATLAS = f"--vpc-peering-connection-id {CONNECTION_ID} --region us-east-1"
TO_POLICY = f"--layer4-configs=tcp:27015-27017 --dest-ip-ranges={ATLAS_BLOCK}"
LINES: dict[str, tuple[ConnectionFacts, str, list[str]]] = {
    "accept": (
        healthy(peer=peer(status_name="PENDING_ACCEPTANCE"), connection=connection(status="pending-acceptance")),
        "P101",
        [f"aws ec2 accept-vpc-peering-connection {TO_ATLAS}"],
    ),
    "route of others": (with_main(Route("192.168.248.0/22", "tgw-1")), "P601", []),
    "no route": (
        with_main(Route("192.168.248.0/22", "tgw-1", is_blackhole=True)),
        "P601",
        [
            f"aws ec2 create-route {IN_MAIN} {ATLAS_BLOCK} {TO_ATLAS}",
            f"aws ec2 replace-route {IN_MAIN} 192.168.248.0/22 {TO_ATLAS}",
        ],
    ),
    "black hole": (
        with_main(Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True, is_blackhole=True)),
        "P602",
        [
            f"aws ec2 delete-route {IN_MAIN} {ATLAS_BLOCK} --region us-east-1",
            f"aws ec2 create-route {IN_MAIN} {ATLAS_BLOCK} {TO_ATLAS}",
        ],
    ),
    "left over": (
        with_main(
            Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True),
            list_routes=(Route("pl-0a1b2c3d4e5f60001", "pcx-0a1b2c3d4e5f6000f", is_peering=True, is_blackhole=True),),
            prefix_lists={"pl-0a1b2c3d4e5f60001": ["10.98.0.0/16"]},
            statuses={},
        ),
        "P606",
        [
            f"aws ec2 delete-route --route-table-id {MAIN_TABLE_ID}"
            " --destination-prefix-list-id pl-0a1b2c3d4e5f60001 --region us-east-1"
        ],
    ),
    "names": (
        healthy(dns_attributes={"enable_dns_support": False, "enable_dns_hostnames": False}),
        "P501",
        [
            f"aws ec2 modify-vpc-attribute --vpc-id {VPC_ID} --enable-dns-{one} '{{\"Value\": true}}' --region us-east-1"
            for one in ("support", "hostnames")
        ],
    ),
    "forwarding": (
        healthy(
            resolver_rules=[ResolverRule("rslvr-rr-1", "mongodb.net", "FORWARD")],
            clusters=[with_private_string(cluster())],
        ),
        "P503",
        [f"aws route53resolver disassociate-resolver-rule --vpc-id {VPC_ID} --resolver-rule-id rslvr-rr-1 --region us-east-1"],
    ),
    "forwarding of more": (
        healthy(resolver_rules=[ResolverRule("rslvr-rr-1", ".", "FORWARD")], clusters=[with_private_string(cluster())]),
        "P503",
        [
            f"aws route53resolver associate-resolver-rule --vpc-id {VPC_ID} --region us-east-1"
            f' --resolver-rule-id "$(aws route53resolver create-resolver-rule --creator-request-id atlas-{VPC_ID}'
            ' --rule-type SYSTEM --domain-name mongodb.net --query ResolverRule.Id --output text --region us-east-1)"'
        ],
    ),
    "zone": (
        with_zone("abcde.mongodb.net"),
        "P503",
        # There are three ways to mend it, and one of them takes all other names of the zone from the VPC.
        [],
    ),
    "no DHCP options": (
        healthy(dhcp_options=DhcpOptions("default", ())),
        "P502",
        [
            f"aws ec2 associate-dhcp-options --vpc-id {VPC_ID} --region us-east-1 --dhcp-options-id"
            ' "$(aws ec2 create-dhcp-options --dhcp-configurations Key=domain-name-servers,Values=AmazonProvidedDNS'
            ' --query DhcpOptions.DhcpOptionsId --output text --region us-east-1)"'
        ],
    ),
    "encryption": (
        healthy(vpc=dataclasses.replace(healthy().aws.vpc, refuses_peerings=True, encryption_id="vpcec-0a1b2c3d4e5f60001")),
        "P406",
        [
            "aws ec2 modify-vpc-encryption-control --vpc-encryption-control-id vpcec-0a1b2c3d4e5f60001 --mode enforce"
            " --vpc-peering-exclusion enable --region us-east-1"
        ],
    ),
    "ACL": (
        healthy(network_acls=[acl(*OPEN, AclRule(100, True, False, "-1", "0.0.0.0/0", None))]),
        "P701",
        [
            f"aws ec2 create-network-acl-entry --network-acl-id {ACL_ID} --rule-number 99 --rule-action allow --protocol 6"
            f" --port-range From=27015,To=27017 --cidr-block {ATLAS_BLOCK} --egress --region us-east-1"
        ],
    ),
    "no free number": (
        healthy(network_acls=[acl(*OPEN, AclRule(1, True, False, "-1", "0.0.0.0/0", None))]),
        "P701",
        [],
    ),
    "group": (
        healthy(interfaces=[interface()], security_groups={GROUP_ID: dataclasses.replace(group(), egress=())}),
        "P703",
        [
            f"aws ec2 authorize-security-group-egress --group-id {GROUP_ID} --protocol tcp --port 27015-27017"
            f" --cidr {ATLAS_BLOCK} --region us-east-1"
        ],
    ),
    "Disconnected": (
        healthy_azure(vnet_peerings=[vnet_peering(state="Disconnected")]),
        "A401",
        [f"az network vnet peering delete {AT} {OF}"],
    ),
    "user route": (
        healthy_azure(vnet_tables={TABLE_ID: route_table((ATLAS_BLOCK, "VirtualAppliance"))}),
        "A601",
        [f"az network route-table route delete --name route-0 --route-table-name rt-apps {IN_GROUP} {OF}"],
    ),
    "all peerings": (
        healthy_azure(vnet_tables={TABLE_ID: route_table(disablePeeringRoute="All")}),
        "A601",
        [
            f"az resource update --ids {TABLE_ID} --api-version 2025-07-01"
            f" --set properties.disablePeeringRoute=None --force-string {OF}"
        ],
    ),
    "NSG": (
        healthy_azure(vnet_nsgs={NSG_ID: nsg(security_rule("deny", 200))}),
        "A701",
        [
            f"az network nsg rule create --name allow-atlas-192-168-248-0-21-199 --priority 199 --nsg-name nsg-apps {IN_GROUP}"
            " --direction Outbound --access Allow --protocol Tcp"
            f" --destination-address-prefixes {ATLAS_BLOCK} --destination-port-ranges 27015-27017 {OF}"
        ],
    ),
    "no mirror": (healthy_gcp(gcp_networks={NETWORK: ()}), "G401", [CREATE]),
    "mirror elsewhere": (
        healthy_gcp(gcp_networks={NETWORK: (), "default": (mirror(),)}),
        "G402",
        [DELETE.replace(f"--network={NETWORK}", "--network=default"), CREATE],
    ),
    "no routes of subnets": (
        healthy_gcp(gcp_networks={NETWORK: (mirror(exchanges_subnets=False),)}),
        "G403",
        [DELETE, CREATE],
    ),
    "firewall": (
        firewalls(DENY),
        "G701",
        [
            f"gcloud compute firewall-rules create allow-atlas-192-168-248-0-21-999 --project={GCP_PROJECT} --network={NETWORK}"
            f" --direction=EGRESS --action=ALLOW --rules=tcp:27015-27017 --destination-ranges={ATLAS_BLOCK} --priority=999"
        ],
    ),
    "policy of the network": (
        firewalls(DENY, "NETWORK", "mine"),
        "G701",
        [
            "gcloud compute network-firewall-policies rules create 9 --firewall-policy=mine --global-firewall-policy"
            f" --project={GCP_PROJECT} --action=allow --direction=EGRESS {TO_POLICY}"
        ],
    ),
    "policy of the organization": (
        firewalls(DENY, "HIERARCHY"),
        "G701",
        # Without targets, it would hold for all machines there. Source: `targetResources` of FirewallPolicyRule in Compute's API.
        [],
    ),
    "policy of Google": (firewalls(DENY, "SYSTEM"), "G701", []),
}


def ways_back(current: str, *blocks: str) -> ConnectionFacts:
    """Return facts with subnets, to which Atlas routes one block."""
    subnets = [Subnet(name, VPC_ID, block) for name, block in zip(SUBNET_IDS, (current, *blocks))]
    return healthy({"cidr_block": None}, subnets=subnets, peer=peer(route_table_cidr_block=current))


def first(facts: ConnectionFacts, code: str) -> Finding:
    return next(one for one in run_checks(facts) if one.code == code and one.severity in ("fail", "warn"))


@pytest.mark.parametrize("name", LINES)
def test_a_finding_has_the_lines_of_its_fix(name: str) -> None:
    facts, code, lines = LINES[name]
    assert list(first(facts, code).commands) == lines


def test_gcloud_takes_the_flags() -> None:
    lines = [line for _facts, _code, lines in LINES.values() for line in lines if line.startswith("gcloud ")]
    seen: dict[str, set[str]] = {}
    for words in map(shlex.split, lines):
        path = "/".join(words[2 : words.index("create" if "create" in words else "delete") + 1])
        seen.setdefault(path, set()).update(word[2:].partition("=")[0] for word in words if word.startswith("--"))
    assert seen == GCLOUD


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[2J", "a\u202eb", "", None, "-x", "@/etc/passwd", "file:///etc/passwd"])
def test_a_name_that_is_not_taken_as_it_is_gives_no_line(value: str | None) -> None:
    assert az("network vnet show", "s", name=value) == ()
    assert gcloud("networks describe", value, project="p") == ()
    assert together(("one",), aws("ec2 describe-vpcs", healthy(), vpc_id=value)) == ()


def test_names_are_quoted() -> None:
    name = "it's; $(rm -r ~) `x` a"
    [line] = az("network vnet show", "s", name=name, all=True)
    assert shlex.split(line) == ["az", "network", "vnet", "show", "--name", name, "--all", "--subscription", "s"]
    [line] = gcloud("networks describe", "n", project=name)
    assert shlex.split(line)[-1] == f"--project={name}"


def test_names_of_others_are_quoted_or_give_no_line() -> None:
    """What a network has anybody may have named."""

    def commands_for(name: str) -> tuple[str, ...]:
        return first(healthy_azure(vnet_peerings=[vnet_peering(state="Disconnected", name=name)]), "A401").commands

    hostile = 'a b\'; "$(id)" `id` !! \\ # | & > x'
    [line] = commands_for(hostile)
    assert shlex.split(line)[shlex.split(line).index("--name") + 1] == hostile
    assert [commands_for(name) for name in ("-o", "a\nb", "a\u2028b", "@x")] == [(), (), (), ()]


def test_security_groups_of_one_name_have_a_line_each() -> None:
    ids = [NSG_ID, NSG_ID.replace(GROUP, "other-group")]
    facts = healthy_azure(
        vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24", nsg_id=ids[1])),
        vnet_nsgs={one.lower(): nsg(security_rule("deny", 200)) for one in ids},
    )
    lines = [line for one in run_checks(facts) if one.code == "A701" for line in one.commands]
    assert [line.partition("--resource-group ")[2].split()[0] for line in lines] == [GROUP, "other-group"]


def test_lines_are_in_no_sentence() -> None:
    """The text and `msg` have the sentences."""
    for name, (facts, _code, lines) in LINES.items():
        for finding in run_checks(facts):
            assert not any(line in f"{finding.message} {finding.fix}" for line in (*lines, *finding.commands)), name


def test_without_a_region_there_is_no_line() -> None:
    assert first(healthy({"region": None}, peer=peer(status_name="PENDING_ACCEPTANCE")), "P101").commands == ()


@pytest.mark.parametrize(
    ("facts", "code", "owner"),
    [
        (LINES["accept"][0], "P101", "network"),
        (healthy(peer=None, connection=None), "P101", "atlas"),
        (healthy({"container_region": "eu-west-1"}), "P104", "playbook"),
        (healthy(container=container(atlas_cidr_block="10.15.128.0/21")), "P105", "atlas"),
        (healthy(access_list=[]), "P301", "atlas"),
        (healthy(connection=connection(status="rejected")), "P402", "atlas"),
        (healthy(vpc=None), "P404", "playbook"),
        (LINES["no route"][0], "P601", "network"),
        (LINES["firewall"][0], "G701", "network"),
        (LINES["policy of the network"][0], "G701", "network"),
        (LINES["policy of the organization"][0], "G701", "organization"),
        (LINES["policy of Google"][0], "G701", "organization"),
        (healthy_gcp(gcp_networks={}), "G401", "playbook"),
        (LINES["Disconnected"][0], "A401", "network"),
        (healthy_azure(vnet_peerings=[]), "A401", "atlas"),
        (healthy_azure(vnet_exists=False), "A401", "playbook"),
        (healthy_azure(vnet_peerings=[vnet_peering(sync_level="RemoteNotInSync")]), "A402", "atlas"),
        (healthy_azure(container=azure_container(atlas_cidr_block="10.20.128.0/21")), "A403", "atlas"),
        (healthy_azure(vnet_peerings=[vnet_peering(provisioning_state="Deleting")]), "A404", "atlas"),
        (two_regions(wide(), routes=(TO_HOME,)), "P202", "network"),
        (ways_back("10.15.1.0/24", "10.15.2.0/24"), "P607", "playbook"),
        (ways_back("10.15.1.0/24", "100.64.1.0/24"), "P607", "network"),
    ],
)
def test_a_finding_says_whose_it_is(facts: ConnectionFacts, code: str, owner: str) -> None:
    assert owner_of(first(facts, code)) == owner
