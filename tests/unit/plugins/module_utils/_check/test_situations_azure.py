"""Each sentence about AZURE as a situation: what is true of it in the world, and what the check says of it.

What is true follows Azure's documentation: "Virtual network peering", "Create, change, or delete a virtual network peering",
"Virtual network traffic routing" (how Azure selects a route), "Network security groups" and "Virtual network service tags"; and
the models of azure-mgmt-network, which have the values of states.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, ListedPeers, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_VNET,
    NSG_ID,
    SUBNET,
    SUBNET_BLOCK,
    TABLE_ID,
    VNET_BLOCK,
    Situation,
    azure_cluster,
    azure_container,
    azure_peer,
    healthy_azure,
    nsg,
    route_table,
    security_rule,
    vnet_peering,
    vnet_subnet,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    OTHER_CONTAINER_ID,
    entry,
    found,
    object_id,
    region,
    severities,
)

Fields = dict[str, Any]
REACHABLE, NOT, UNKNOWN = "reachable_by_design", "not_reachable", "unknown"
UNREAD = Unread("It was not read.", "Microsoft.Network/virtualNetworks/read")
OFF = Missing("The Atlas half is off.")
THIRD = "6566f0000000000000000033"
SECOND_VNET, SECOND_BLOCK = "vnet_5356823b3794dee37132bb7c_zyxwvuts", "192.168.240.0/21"


def peering(**changes: Any) -> ConnectionFacts:
    return healthy_azure(vnet_peerings=[vnet_peering(**changes)])


def without_atlas(given: Fields, **changes: Any) -> ConnectionFacts:
    off = dict.fromkeys(vars(healthy_azure().atlas), OFF)
    return healthy_azure({"atlas_cidr_block": ATLAS_BLOCK, **given}, **off, **changes)


def two_regions(**changes: Any) -> ConnectionFacts:
    """Return a cluster in two regions, both connected."""
    regions = [
        region("US_EAST_2", provider_name="AZURE"),
        region("EUROPE_NORTH", provider_name="AZURE", **changes.pop("nodes", {})),
    ]
    away = azure_container(
        id=OTHER_CONTAINER_ID, region_name="EUROPE_NORTH", atlas_cidr_block=SECOND_BLOCK, atlas_vnet_name=SECOND_VNET
    )
    second = azure_peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID)
    both = [vnet_peering(), vnet_peering(name="second", prefixes=(SECOND_BLOCK,), remote_name=SECOND_VNET)]
    usual = {"containers": [azure_container(), away], "peers": [azure_peer(), second], "vnet_peerings": both}
    clusters = [azure_cluster(regions=regions, **changes.pop("more", {})), *changes.pop("beside", [])]
    return healthy_azure(clusters=clusters, **{**usual, **changes})


UNCONNECTED = [region("US_EAST_2", provider_name="AZURE"), region("EUROPE_WEST", provider_name="AZURE")]


def three_regions() -> ConnectionFacts:
    """Return two clusters that share a region and have another one each, of which the peerings are gone."""
    facts = two_regions(vnet_peerings=[vnet_peering()], beside=[azure_cluster("small", regions=UNCONNECTED)])
    third = azure_container(
        id=THIRD, region_name="EUROPE_WEST", atlas_cidr_block="192.168.232.0/21", atlas_vnet_name="vnet_third"
    )
    peers = ListedPeers([*facts.atlas.peers, azure_peer(id=object_id(number=8), container_id=THIRD)])
    return replace(facts, atlas=replace(facts.atlas, containers=[*facts.atlas.containers, third], peers=peers))


def routes(*given: tuple[str, str], **properties: Any) -> ConnectionFacts:
    return healthy_azure(vnet_tables={TABLE_ID: route_table(*given, **properties)})


def rules(*given: Fields, selection: Fields | None = None, **changes: Any) -> ConnectionFacts:
    return healthy_azure(selection=selection, vnet_nsgs={NSG_ID: nsg(*given)}, **changes)


def deny(priority: int = 200, **properties: Any) -> Fields:
    return security_rule("deny", priority, **properties)


def allow(priority: int = 100, **properties: Any) -> Fields:
    return security_rule("allow", priority, "Allow", **{"destinationAddressPrefix": ATLAS_BLOCK, **properties})


def members(**properties: Any) -> Fields:
    """Return what makes a rule one about application security groups."""
    return {"sourceAddressPrefix": None, "sourceApplicationSecurityGroups": [{"id": "/asg"}], **properties}


#: As many addresses as the cluster has electable members.
NODES = ("192.168.248.4", "192.168.248.5", "192.168.248.6")
ONE_NODE = SECOND_BLOCK.replace("0/21", "5")
ONE_NODE_IN_SECOND = {NSG_ID: nsg(allow(100), allow(110, destinationAddressPrefix=ONE_NODE), deny(200))}
OTHER_VNET = {"name": "hub", "prefixes": ("192.168.0.0/16",), "remote_name": "vnet-hub"}
A401 = [
    Situation("Atlas's peering is Connected", healthy_azure(), {}, REACHABLE),
    Situation("names have no case", peering(remote_name=ATLAS_VNET.upper()), {}, REACHABLE),
    Situation("never one by its block: a hub's", peering(**OTHER_VNET), {"A401": "fail"}, NOT),
    Situation("another project's network with the same block", peering(remote_name=SECOND_VNET), {"A401": "fail"}, NOT),
    Situation("a name that only begins like it", peering(remote_name=f"{ATLAS_VNET}x"), {"A401": "fail"}, NOT),
    Situation("no peering at all", healthy_azure(vnet_peerings=[]), {"A401": "fail"}, NOT),
    Situation("Disconnected", peering(state="Disconnected"), {"A401": "fail"}, NOT),
    Situation("Initiated", peering(state="Initiated"), {"A401": "fail"}, NOT),
    Situation("no vnetName yet", healthy_azure(container=azure_container(atlas_vnet_name=None)), {"A401": "unknown"}, UNKNOWN),
    Situation("without Atlas's half, by the option", without_atlas({"atlas_vnet_name": ATLAS_VNET.upper()}), {}, REACHABLE),
    Situation("without Atlas's half, another", without_atlas({"atlas_vnet_name": SECOND_VNET}), {"A401": "fail"}, NOT),
    Situation("without Atlas's half and the option", without_atlas({}), {"A401": "unknown"}, UNKNOWN),
    Situation("the VNet was not read", healthy_azure(vnet_peerings=UNREAD), {"A401": "unknown", "P107": "unknown"}, UNKNOWN),
    Situation("Azure has no such VNet", healthy_azure(vnet_exists=False), {"A401": "fail"}, NOT),
    Situation("for every container in which judged clusters live", two_regions(), {}, REACHABLE),
    Situation("the second one's peering is gone", two_regions(vnet_peerings=[vnet_peering()]), {"A401": "fail"}, NOT),
    Situation(
        "the second one has read-only nodes alone",
        two_regions(vnet_peerings=[vnet_peering()], nodes={"electable_nodes": 0, "read_only_nodes": 1}),
        {"A401": "warn"},
        REACHABLE,
    ),
    Situation(
        "a sharded cluster has routers in the other region",
        two_regions(vnet_peerings=[vnet_peering()], more={"cluster_type": "SHARDED"}),
        {"A401": "warn"},
        REACHABLE,
    ),
    Situation(
        "another cluster does without it",
        two_regions(vnet_peerings=[vnet_peering()], beside=[azure_cluster("small")]),
        {"A401": "warn"},
        REACHABLE,
    ),
    Situation(
        "another cluster has nodes in a region that is not connected",
        two_regions(vnet_peerings=[vnet_peering()], beside=[azure_cluster("small", regions=UNCONNECTED)]),
        {"A401": "fail", "P202": "warn"},
        NOT,
    ),
    Situation("each of two clusters needs another container", three_regions(), {"A401": "fail"}, NOT),
    Situation(
        "a sharded cluster that is there alone is named",
        two_regions(
            vnet_peerings=[vnet_peering()],
            beside=[azure_cluster("sharded", cluster_type="SHARDED", regions=[region("EUROPE_NORTH", provider_name="AZURE")])],
            selection={"clusters": ("sharded",)},
        ),
        {"A401": "fail"},
        NOT,
    ),
    Situation(
        "and the one that needs it is named",
        two_regions(vnet_peerings=[vnet_peering()], beside=[azure_cluster("small")], selection={"clusters": ("shop",)}),
        {"A401": "fail"},
        NOT,
    ),
]
REMOTE = {"sync_level": "RemoteNotInSync"}
UNNAMED = azure_container(atlas_vnet_name=None)


def second(first: Fields | None = None, **changes: Any) -> Fields:
    """Return the peerings with two regions: what is true of that with the second, and with the first."""
    away = {"name": "second", "prefixes": (SECOND_BLOCK,), "remote_name": SECOND_VNET}
    return {"vnet_peerings": [vnet_peering(**(first or {})), vnet_peering(**{**away, **changes})]}


A402 = [
    Situation("FullyInSync", healthy_azure(), {}, REACHABLE),
    Situation(
        "a client's subnet outside localAddressSpace", peering(**REMOTE, known_prefixes=("10.99.0.0/16",)), {"A402": "fail"}, NOT
    ),
    Situation("a part of it outside", peering(**REMOTE, known_prefixes=("10.20.1.0/25",)), {"A402": "fail"}, NOT),
    Situation("Atlas knows the client's subnets", peering(**REMOTE, known_prefixes=(SUBNET_BLOCK,)), {"A402": "warn"}, REACHABLE),
    Situation("what Atlas knows is not known", peering(**REMOTE, known_prefixes=None), {"A402": "unknown"}, UNKNOWN),
    Situation(
        "both sides are behind",
        peering(sync_level="LocalAndRemoteNotInSync", known_prefixes=("10.99.0.0/16",)),
        {"A402": "fail"},
        NOT,
    ),
    Situation("the VNet alone is behind", peering(sync_level="LocalNotInSync"), {"A402": "warn"}, REACHABLE),
    Situation("the VNet has no route to Atlas", peering(prefixes=("192.168.240.0/21",)), {"A402": "fail"}, NOT),
    Situation(
        "nor while the VNet is behind",
        peering(sync_level="LocalNotInSync", prefixes=("192.168.240.0/21",)),
        {"A402": "fail"},
        NOT,
    ),
    Situation(
        "nor while both are", peering(sync_level="LocalAndRemoteNotInSync", prefixes=("192.168.240.0/21",)), {"A402": "fail"}, NOT
    ),
    Situation("a route to a part of it", peering(prefixes=("192.168.248.0/22",)), {"A402": "fail"}, NOT),
    Situation("two make up the block", peering(prefixes=("192.168.248.0/22", "192.168.252.0/22")), {}, REACHABLE),
    Situation("where it leads to is not told", peering(prefixes=()), {"A402": "unknown"}, UNKNOWN),
    Situation(
        "no vnetName yet, and the second region has no route",
        two_regions(container=UNNAMED, **second(prefixes=("192.168.232.0/21",))),
        {"A401": "unknown", "A402": "fail"},
        NOT,
    ),
    Situation(
        "what Atlas knows is not known, and the second region has no route",
        two_regions(**second({**REMOTE, "known_prefixes": None}, prefixes=("192.168.232.0/21",))),
        {"A402": "fail"},
        NOT,
    ),
    Situation("Azure does not report", peering(sync_level=None), {"A402": "unknown"}, UNKNOWN),
    Situation("a level that is not known", peering(sync_level="Paused"), {"A402": "unknown"}, UNKNOWN),
    Situation(
        "a client is named where Atlas knows the addresses",
        healthy_azure(
            selection={"client_cidr_blocks": ("10.20.1.0/26",)},
            vnet_peerings=[vnet_peering(**REMOTE, known_prefixes=("10.20.1.0/25",))],
        ),
        {"A402": "warn"},
        REACHABLE,
    ),
]
A403_AND_A404 = [
    Situation(
        "prefixes of the VNet overlap", healthy_azure(vnet_prefixes=(VNET_BLOCK, "192.168.252.0/24")), {"A403": "fail"}, NOT
    ),
    Situation("prefixes were not read", healthy_azure(vnet_prefixes=UNREAD), {"A403": "unknown"}, UNKNOWN),
    Situation("access is off", peering(allows_access=False), {"A404": "fail"}, NOT),
    Situation("access is not known", peering(allows_access=None), {"A404": "unknown"}, UNKNOWN),
    Situation("Updating", peering(provisioning_state="Updating"), {"A404": "unknown"}, UNKNOWN),
    Situation("Creating", peering(provisioning_state="Creating"), {"A404": "unknown"}, UNKNOWN),
    Situation("Deleting", peering(provisioning_state="Deleting"), {"A404": "fail"}, NOT),
    Situation("Failed is metadata: traffic flows", peering(provisioning_state="Failed"), {"A404": "warn"}, REACHABLE),
    Situation(
        "no vnetName yet, and access to the second region is off",
        two_regions(container=UNNAMED, **second(allows_access=False)),
        {"A401": "unknown", "A404": "fail"},
        NOT,
    ),
    Situation("not told", peering(provisioning_state=None), {"A404": "unknown"}, UNKNOWN),
]
A601 = [
    Situation("a shorter one never does", routes(("0.0.0.0/0", "VirtualAppliance"), ("192.168.0.0/16", "None")), {}, REACHABLE),
    Situation("the same length decides", routes((ATLAS_BLOCK, "VirtualAppliance")), {"A601": "fail"}, NOT),
    Situation("a part of the block", routes(("192.168.248.0/24", "VirtualNetworkGateway")), {"A601": "fail"}, NOT),
    Situation("an ECMP of appliances", routes((ATLAS_BLOCK, "VirtualApplianceEcmp")), {"A601": "fail"}, NOT),
    Situation("None drops it", routes((ATLAS_BLOCK, "None")), {"A601": "fail"}, NOT),
    Situation("the internet", routes((ATLAS_BLOCK, "Internet")), {"A601": "fail"}, NOT),
    Situation("VnetLocal keeps it", routes((ATLAS_BLOCK, "VnetLocal")), {}, REACHABLE),
    Situation(
        "longest wins: VnetLocal within",
        routes((ATLAS_BLOCK, "None"), *((str(one), "VnetLocal") for one in ("192.168.248.0/22", "192.168.252.0/22"))),
        {},
        REACHABLE,
    ),
    Situation(
        "longest wins: None within", routes((ATLAS_BLOCK, "VnetLocal"), ("192.168.248.9/32", "None")), {"A601": "fail"}, NOT
    ),
    Situation(
        "other addresses", routes(("192.168.0.0/21", "None"), ("Storage", "Internet"), ("fd00::/8", "None")), {}, REACHABLE
    ),
    Situation("peering routes are disabled", routes(disablePeeringRoute="All"), {"A601": "fail"}, NOT),
    Situation("they are not", routes(disablePeeringRoute="None"), {}, REACHABLE),
    Situation(
        "from the length of the peering's own prefix on, and not the block's",
        healthy_azure(
            vnet_peerings=[vnet_peering(prefixes=("192.168.128.0/17",))],
            vnet_tables={TABLE_ID: route_table(("192.168.192.0/18", "None"))},
        ),
        {"A601": "fail"},
        NOT,
    ),
    Situation(
        "by subnet: that of a gateway does not count",
        healthy_azure(
            vnet_subnets=(vnet_subnet(route_table_id=None), vnet_subnet("GatewaySubnet", "10.20.255.0/27")),
            vnet_tables={TABLE_ID: route_table((ATLAS_BLOCK, "None"))},
        ),
        {},
        REACHABLE,
    ),
    Situation("the table was not read", healthy_azure(vnet_tables={TABLE_ID: UNREAD}), {"A601": "unknown"}, UNKNOWN),
    Situation("no table is known", healthy_azure(vnet_tables=UNREAD), {"A601": "unknown"}, UNKNOWN),
    Situation(
        "the second region too", two_regions(vnet_tables={TABLE_ID: route_table((SECOND_BLOCK, "None"))}), {"A601": "fail"}, NOT
    ),
    Situation(
        "of a subnet in a declared block",
        healthy_azure(
            selection={"client_cidr_blocks": (VNET_BLOCK,)},
            vnet_tables={TABLE_ID: route_table((ATLAS_BLOCK, "VirtualAppliance"))},
        ),
        {"A601": "fail"},
        NOT,
    ),
]
# In a subnet, the interface of a virtual machine, a private endpoint, and PostgreSQL.
_NETWORK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
USED = {"ip_configurations": (f"{_NETWORK}/networkInterfaces/vm/ipConfigurations/ipconfig1",)}
ENDPOINT = {"ip_configurations": (f"{_NETWORK}/networkInterfaces/PE.NIC.0/ipConfigurations/PRIVATEENDPOINTIPCONFIG.0",)}
BOTH = {"ip_configurations": (*ENDPOINT["ip_configurations"], *USED["ip_configurations"])}
POSTGRES = {"delegations": ("Microsoft.DBforPostgreSQL/flexibleServers",), "has_links": True}
NOTHING: Fields = {}
BAD_TABLE, BAD_NSG, OTHER_BLOCK = f"{TABLE_ID}-bad", f"{NSG_ID}-bad", "10.20.2.0/24"


def beside(inside: Fields, used: Fields, *, clients: tuple[str, ...] | None = None, **changes: Any) -> ConnectionFacts:
    """Return facts of a second subnet, with these things in it, whose routes and rules lead nowhere, and which the list lacks."""
    other = vnet_subnet("snet-other", OTHER_BLOCK, nsg_id=BAD_NSG, route_table_id=BAD_TABLE, **inside)
    return healthy_azure(
        selection=None if clients is None else {"client_cidr_blocks": clients},
        vnet_subnets=(vnet_subnet(**used), other),
        vnet_tables={TABLE_ID: route_table(), BAD_TABLE: route_table((ATLAS_BLOCK, "None"), name="rt-bad")},
        vnet_nsgs={NSG_ID: nsg(), BAD_NSG: nsg(deny(100), name="nsg-bad")},
        access_list=[entry(SUBNET_BLOCK)],
        **changes,
    )


EACH_FAILS = {"P301": "fail", "A601": "fail", "A701": "fail"}
WITHOUT_CLIENTS = [
    Situation("services alone are left out", beside(POSTGRES, USED), {}, REACHABLE),
    Situation("private endpoints alone are left out", beside(ENDPOINT, USED), {}, REACHABLE),
    Situation("App Service has clients", beside({"delegations": ("Microsoft.Web/serverFarms",)}, USED), EACH_FAILS, NOT),
    Situation("a machine beside an endpoint is one", beside(BOTH, USED), EACH_FAILS, NOT),
    Situation("if no subnet has clients, all are judged", beside(POSTGRES, ENDPOINT), EACH_FAILS, NOT),
    Situation("nothing is in either", beside(NOTHING, NOTHING), EACH_FAILS, NOT),
    Situation("nothing is there yet", beside(NOTHING, USED), dict.fromkeys(EACH_FAILS, "warn"), REACHABLE),
    Situation("a client is named among services", beside(POSTGRES, USED, clients=("10.20.2.4/32",)), EACH_FAILS, NOT),
    Situation("a client is named where nothing is yet", beside(NOTHING, USED, clients=("10.20.2.4/32",)), EACH_FAILS, NOT),
    Situation("the other one is named", beside(POSTGRES, USED, clients=("10.20.1.4/32",)), {}, REACHABLE),
]
TO_ATLAS = {"destinationAddressPrefix": ATLAS_BLOCK}
A701 = [
    Situation("default rules are included", rules(), {}, REACHABLE),
    Situation(
        "VirtualNetwork takes in the peered network",
        rules(deny(destinationAddressPrefix="VirtualNetwork")),
        {"A701": "fail"},
        NOT,
    ),
    Situation("Internet does not", rules(deny(destinationAddressPrefix="Internet")), {}, REACHABLE),
    Situation(
        "AzureCloud and other services do not",
        rules(deny(destinationAddressPrefix="AzureCloud"), deny(201, destinationAddressPrefix="Storage.WestUS")),
        {},
        REACHABLE,
    ),
    Situation("everything is denied", rules(deny(4096)), {"A701": "fail"}, NOT),
    Situation("by priority: allowed before", rules(deny(200), allow(199)), {}, REACHABLE),
    Situation("by priority: allowed after", rules(deny(200), allow(201)), {"A701": "fail"}, NOT),
    Situation("a part of the block is denied", rules(deny(destinationAddressPrefix="192.168.248.0/24")), {"A701": "fail"}, NOT),
    Situation("the ports of the clusters", rules(deny(destinationPortRange="27017")), {"A701": "fail"}, NOT),
    Situation("the other ports of Atlas", rules(deny(destinationPortRange="27015-27016")), {"A701": "warn"}, REACHABLE),
    Situation("other ports", rules(deny(destinationPortRanges=["443", "8000-9000"], destinationPortRange=None)), {}, REACHABLE),
    Situation("UDP and ICMP", rules(deny(protocol="Udp"), deny(201, protocol="Icmp")), {}, REACHABLE),
    Situation("inbound rules", rules(deny(direction="Inbound")), {}, REACHABLE),
    Situation(
        "augmented rules",
        rules(
            allow(
                100,
                destinationAddressPrefix=None,
                destinationAddressPrefixes=["192.168.248.0/22", "192.168.252.0/22"],
                destinationPortRange=None,
                destinationPortRanges=["27015-27016", "27017"],
            ),
            deny(200),
        ),
        {},
        REACHABLE,
    ),
    Situation(
        "sources too: another subnet's", rules(allow(100, sourceAddressPrefix="10.20.2.0/24"), deny(200)), {"A701": "fail"}, NOT
    ),
    Situation("sources too: this one's", rules(allow(100, sourceAddressPrefix=SUBNET_BLOCK), deny(200)), {}, REACHABLE),
    Situation("a part of the subnet is denied", rules(deny(sourceAddressPrefix="10.20.1.9")), {"A701": "warn"}, REACHABLE),
    Situation(
        "a named client is in that part",
        rules(deny(sourceAddressPrefix="10.20.1.9"), selection={"client_cidr_blocks": ("10.20.1.0/28",)}),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "named clients are in another part",
        rules(deny(sourceAddressPrefix="10.20.1.9"), selection={"client_cidr_blocks": ("10.20.1.128/28",)}),
        {},
        REACHABLE,
    ),
    Situation(
        "named clients are in a block around their subnets",
        rules(deny(), selection={"client_cidr_blocks": (VNET_BLOCK,)}),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "a named client is in a subnet outside the limit",
        healthy_azure(
            {"cidr_block": SUBNET_BLOCK},
            {"client_cidr_blocks": ("10.20.2.0/28",)},
            vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24", nsg_id="/nsg-2")),
            vnet_nsgs={NSG_ID: nsg(), "/nsg-2": nsg(deny())},
        ),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "single addresses of nodes are open",
        rules(allow(100, destinationAddressPrefixes=[*NODES], destinationAddressPrefix=None), deny(200)),
        {"A701": "warn"},
        REACHABLE,
    ),
    Situation(
        "single addresses of nodes are open, and a block around them before",
        rules(
            allow(90, destinationAddressPrefix="192.168.248.0/29"),
            allow(100, destinationAddressPrefixes=[*NODES], destinationAddressPrefix=None),
            deny(200),
        ),
        {"A701": "warn"},
        REACHABLE,
    ),
    Situation(
        "one of three nodes is open, and a rule names it again",
        rules(allow(100, destinationAddressPrefix=NODES[0]), allow(110, destinationAddressPrefix=f"{NODES[0]}/32"), deny(200)),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "three nodes are open, and the port of one is not",
        rules(
            deny(90, destinationAddressPrefix=NODES[0]),
            allow(100, destinationAddressPrefixes=[*NODES], destinationAddressPrefix=None),
            deny(200),
        ),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "of the block in another region one address is open, and the cluster has one member there",
        two_regions(nodes={"electable_nodes": 1}, vnet_nsgs=ONE_NODE_IN_SECOND),
        {"A701": "warn"},
        REACHABLE,
    ),
    Situation(
        "… and three members there",
        two_regions(vnet_nsgs=ONE_NODE_IN_SECOND),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "two nodes are open, and perhaps the third",
        rules(
            allow(100, destinationAddressPrefixes=[*NODES[:2]], destinationAddressPrefix=None),
            allow(110, destinationAddressPrefix=NODES[2], **members()),
            deny(200),
        ),
        {"A701": "unknown"},
        UNKNOWN,
    ),
    Situation(
        "single addresses, but not the port",
        rules(allow(100, destinationAddressPrefix="192.168.248.4", destinationPortRange="443"), deny(200)),
        {"A701": "fail"},
        NOT,
    ),
    Situation("an application group may be let out", rules(allow(100, **members()), deny(200)), {"A701": "unknown"}, UNKNOWN),
    Situation("an application group may be denied", rules(deny(100, **members())), {"A701": "unknown"}, UNKNOWN),
    Situation("it would not change the answer", rules(allow(100, **members())), {}, REACHABLE),
    Situation("nor after a rule for all", rules(allow(100), deny(200, **members())), {}, REACHABLE),
    Situation("nor where all is denied", rules(deny(100), allow(200, **members())), {"A701": "fail"}, NOT),
    Situation(
        "Atlas is in no application group",
        rules(deny(destinationAddressPrefix=None, destinationApplicationSecurityGroups=[{"id": "/asg"}])),
        {},
        REACHABLE,
    ),
    Situation(
        "ports that only may be used, by a group",
        rules(deny(destinationPortRange="27015", **members())),
        {"A701": "unknown"},
        REACHABLE,
    ),
    Situation("a subnet without a group", healthy_azure(vnet_subnets=(vnet_subnet(nsg_id=None),)), {}, REACHABLE),
    Situation("the group was not read", healthy_azure(vnet_nsgs={NSG_ID: UNREAD}), {"A701": "unknown"}, UNKNOWN),
    Situation("no group is known", healthy_azure(vnet_nsgs=UNREAD), {"A701": "unknown"}, UNKNOWN),
    Situation(
        "a failure beside what was not read stands",
        healthy_azure(
            vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24", nsg_id="/nsg-2")),
            vnet_nsgs={NSG_ID: UNREAD, "/nsg-2": nsg(deny())},
        ),
        {"A701": "fail"},
        NOT,
    ),
    Situation(
        "in a declared block around it", rules(deny(), selection={"client_cidr_blocks": (VNET_BLOCK,)}), {"A701": "fail"}, NOT
    ),
]
SERVICES = ("GatewaySubnet", "AzureFirewallSubnet", "AzureFirewallManagementSubnet", "AzureBastionSubnet", "RouteServerSubnet")
ELSEWHERE = {"access_list": [entry("10.20.2.0/24")]}
P301_AND_P801 = [
    Situation("all subnets", healthy_azure(access_list=[entry(SUBNET_BLOCK)]), {}, REACHABLE),
    Situation("a subnet is missing", healthy_azure(**ELSEWHERE), {"P301": "fail"}, NOT),
    Situation(
        "not those of services",
        healthy_azure(
            vnet_subnets=(vnet_subnet(), *(vnet_subnet(name, f"10.20.{index}.0/26") for index, name in enumerate(SERVICES, 200))),
            access_list=[entry(SUBNET_BLOCK)],
        ),
        {},
        REACHABLE,
    ),
    Situation(
        "each prefix of a subnet",
        healthy_azure(vnet_subnets=(vnet_subnet(SUBNET, SUBNET_BLOCK, "10.20.9.0/24"),), access_list=[entry(SUBNET_BLOCK)]),
        {"P301": "fail"},
        NOT,
    ),
    Situation(
        "cidr_block is a limit",
        healthy_azure(
            {"cidr_block": "10.20.2.0/24"}, vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24")), **ELSEWHERE
        ),
        {},
        REACHABLE,
    ),
    Situation(
        "cidr_blocks too",
        healthy_azure(
            {"cidr_blocks": ("10.20.2.0/24",)}, vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24")), **ELSEWHERE
        ),
        {},
        REACHABLE,
    ),
    Situation(
        "a part of a subnet inside the limit",
        healthy_azure({"cidr_block": "10.20.1.0/25"}, access_list=[entry("10.20.1.0/26")]),
        {"P301": "fail"},
        NOT,
    ),
    Situation(
        "client_cidr_blocks stand in place of their subnet",
        healthy_azure(selection={"client_cidr_blocks": ("10.20.1.128/26",)}, access_list=[entry("10.20.1.128/25")]),
        {},
        REACHABLE,
    ),
    Situation(
        "and of no other",
        healthy_azure(
            selection={"client_cidr_blocks": ("10.20.1.128/26",)},
            access_list=[entry("10.20.1.128/25")],
            vnet_subnets=(vnet_subnet(), vnet_subnet("snet-2", "10.20.2.0/24")),
        ),
        {"P301": "fail"},
        NOT,
    ),
    Situation(
        "they have to be in the list",
        healthy_azure(selection={"client_cidr_blocks": ("10.20.1.128/26",)}, **ELSEWHERE),
        {"P301": "fail"},
        NOT,
    ),
    Situation(
        "an empty list, whatever is known",
        healthy_azure(access_list=[], vnet_subnets=UNREAD, vnet_prefixes=UNREAD),
        {"P301": "fail", "A403": "unknown", "A601": "unknown", "A701": "unknown", "P302": "unknown"},
        NOT,
    ),
    Situation("a limit without a subnet", healthy_azure({"cidr_block": "10.20.200.0/24"}), {"P301": "unknown"}, UNKNOWN),
    Situation("an empty list, without a subnet", healthy_azure(access_list=[], vnet_subnets=()), {"P301": "fail"}, NOT),
    Situation(
        "a list of AWS's security groups alone is as good as none",
        healthy_azure(access_list=[entry("sg-0a1b2c3d4e5f60001")], vnet_subnets=UNREAD, vnet_prefixes=UNREAD),
        {"P301": "fail", "A403": "unknown", "A601": "unknown", "A701": "unknown", "P302": "unknown"},
        NOT,
    ),
    Situation(
        "a declared block in no prefix",
        healthy_azure(selection={"client_cidr_blocks": ("10.99.0.0/24",)}, access_list=[entry("10.0.0.0/8")]),
        {"P801": "fail"},
        NOT,
    ),
    Situation(
        "cidr_blocks in no prefix",
        healthy_azure({"cidr_blocks": ("10.244.0.0/16",)}, access_list=[entry("10.0.0.0/8")]),
        {"P801": "fail"},
        NOT,
    ),
    Situation(
        "prefixes that were not read",
        healthy_azure(selection={"client_cidr_blocks": (SUBNET_BLOCK,)}, vnet_prefixes=UNREAD),
        {"A403": "unknown", "P801": "unknown"},
        UNKNOWN,
    ),
]
ALL = [("A401", one) for one in A401] + [("A402", one) for one in A402] + [("A403", one) for one in A403_AND_A404]
ALL += (
    [("clients", one) for one in WITHOUT_CLIENTS]
    + [("A601", one) for one in A601]
    + [("A701", one) for one in A701]
    + [("P301", one) for one in P301_AND_P801]
)


@pytest.mark.parametrize(("code", "one"), [pytest.param(code, one, id=f"{code} {one.sentence}") for code, one in ALL])
def test_what_is_true_is_said(code: str, one: Situation) -> None:
    # A402 and A404 wait for A401, which says why.
    shown = {name: value for name, value in severities(one.facts).items() if code != "A401" or name not in ("A402", "A404")}
    assert shown == one.expected
    assert verdict_of(run_checks(one.facts), both_halves=True) == one.verdict
    for finding in found(one.facts).values():
        assert finding.message.endswith(".")
        assert finding.severity == "unknown" or finding.fix.endswith((".", ")."))
        assert "{" not in finding.message


def test_subnets_that_are_left_out_are_named_once() -> None:
    facts = beside(POSTGRES, USED)
    (info,) = [one for one in run_checks(facts) if one.code == "A601" and one.severity == "info"]
    assert info.message == "snet-other has services of Azure alone, and no clients to judge."
    assert (info.fix, info.evidence) == (
        "Name clients there with client_cidr_blocks to judge such subnets, too.",
        {"subnets": ["snet-other"]},
    )
    outside = replace(facts, entry=facts.entry.with_params(cidr_block=SUBNET_BLOCK))
    for other in (outside, beside(NOTHING, USED), beside(POSTGRES, ENDPOINT)):
        assert [one for one in run_checks(other) if one.severity == "info" and one.code == "A601"] == []


def test_an_empty_subnet_is_told_to_be_one() -> None:
    finding = found(beside(NOTHING, USED))["A601"]
    assert finding.message.endswith("No network interface is in use there yet; a client there would be cut off.")


OPEN_ALL = f"llow TCP to ports 27015 to 27017 of {ATLAS_BLOCK} outbound in nsg-apps"
NO_NUMBER = "No number is free before it: move the deny, or take a number from another rule."
CHECK = "Check that the clients are in those that rules allow, and in none that they deny. Or a"


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        (rules(deny(200)), f"A{OPEN_ALL} by a rule with a priority below 200, such as 199."),
        # Source: "Network security groups overview" in Azure's documentation: from 100 to 4096, each once in a direction.
        (
            rules(deny(200), security_rule("udp", 199, protocol="Udp"), security_rule("in", 198, direction="Inbound")),
            f"A{OPEN_ALL} by a rule with a priority below 200, such as 198.",
        ),
        (rules(deny(100)), f"A{OPEN_ALL} by a rule before deny (100). {NO_NUMBER}"),
        (rules(deny(300, destinationPortRange="27015")), f"A{OPEN_ALL} by a rule with a priority below 300, such as 299."),
        (rules(deny(200, **members())), f"{CHECK}{OPEN_ALL} by a rule with a priority below 200, such as 199."),
    ],
)
def test_the_fix_of_a_group_has_a_priority_that_is_free(facts: ConnectionFacts, fix: str) -> None:
    assert found(facts)["A701"].fix == fix


def test_the_rules_that_decide_by_groups_are_named() -> None:
    finding = found(rules(deny(50, **members()), allow()))["A701"]
    assert finding.message.endswith("whose members were not read: deny (50).")
