"""Options of every module: such as make its operations, and such as nobody should give."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.replies import ACCOUNT, ID, OTHER_ID, VPC
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import CONNECTION, TASKS
from hypothesis import strategies as st

Options = dict[str, Any]

ids = st.sampled_from([ID, OTHER_ID])
blocks = st.sampled_from(["10.15.0.0/16", "10.16.0.0/16", "192.168.248.0/21", "192.168.240.0/24"])
regions = st.sampled_from(["us-east-1", "EU_WEST_1"])
# Atlas keeps no entry that is temporary for longer than a week.
SOON = (date.today() + timedelta(days=3)).isoformat()
entries = st.one_of(
    st.fixed_dictionaries({"cidr_block": blocks}, optional={"comment": st.sampled_from(["a", ""])}),
    st.fixed_dictionaries(
        {"ip_address": st.sampled_from(["10.0.0.1", "::1"])},
        optional={
            "delete_after_date": st.sampled_from([f"{SOON}T12:00:00Z", f"{SOON}T12:00:00+02:00", SOON, "never", "2030-01-31"])
        },
    ),
    st.fixed_dictionaries({"aws_security_group": st.just("sg-0a1b2c3d")}, optional={"comment": st.just("group")}),
)
ENTRY_PATTERNS: dict[str, list[str]] = {
    "cidr_block": ["10.15.0.0/16", "10.*"],
    "ip_address": ["10.0.0.1", "::*"],
    "aws_security_group": ["sg-0a1b2c3d", "sg-*"],
    "comment": ["a", "[!a]*", "", "?*"],
}
entry_patterns = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in ENTRY_PATTERNS.items()}
).filter(bool)
WAITING: dict[str, Any] = {"wait": st.booleans(), "wait_timeout": st.integers(1, 40), "wait_sleep": st.integers(1, 10)}
STATE: dict[str, Any] = {"state": st.sampled_from(["present", "absent"])}
API: dict[str, Any] = {"api_version": st.sampled_from(["v2", "v1.0"]), "envelope": st.booleans(), "retries": st.integers(0, 3)}
PAIR: dict[str, Any] = {"vpc_id": st.just(VPC), "aws_account_id": st.just(ACCOUNT)}
PEERING: dict[str, Any] = {
    **API,
    **WAITING,
    **STATE,
    "route_table_cidr_block": blocks,
    "accepter_region_name": regions,
    "container_id": ids,
    "recreate": st.sampled_from(["never", "dead", "changed"]),
    "wait_for": st.sampled_from(["pending_acceptance", "available"]),
}
OF_ANY_CONTAINER: dict[str, Any] = {name: values for name, values in PEERING.items() if name != "container_id"}
OTHER_VPC = "vpc-0f9e8d7c6b5a43210"
listed = st.fixed_dictionaries(
    {"vpc_id": st.sampled_from([VPC, OTHER_VPC]), "aws_account_id": st.just(ACCOUNT)},
    optional={"route_table_cidr_block": blocks, "accepter_region_name": regions, "wait_for": PEERING["wait_for"]},
)
SUBSCRIPTION = "2a9b7c1e-0000-4000-8000-00000000000e"
listed_anywhere = st.one_of(
    listed,
    st.fixed_dictionaries(
        {"azure_subscription_id": st.just(SUBSCRIPTION), "vnet_name": st.sampled_from(["shop", "Shop-2"])},
        optional={
            "azure_directory_id": st.just(SUBSCRIPTION),
            "resource_group_name": st.sampled_from(["net", "other"]),
            "container_region_name": st.sampled_from(["northeurope", "US_EAST_2"]),
        },
    ),
    st.fixed_dictionaries(
        {"gcp_project_id": st.just("my-sample-project-191923"), "network_name": st.sampled_from(["shop", "test"])},
        optional={"container_id": ids, "wait_for": PEERING["wait_for"]},
    ),
)
VNET_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/shop"
checked_anywhere = st.one_of(
    st.fixed_dictionaries(PAIR, optional={"container_region": regions}),
    st.fixed_dictionaries(
        {"azure_subscription_id": st.just(SUBSCRIPTION), "vnet_name": st.sampled_from(["shop", "Shop-2"])},
        optional={"resource_group_name": st.sampled_from(["net", "other"]), "container_region": st.just("northeurope")},
    ),
    st.fixed_dictionaries({"vnet_resource_id": st.just(VNET_ID)}, optional={"cidr_blocks": st.lists(blocks, max_size=2)}),
    st.fixed_dictionaries(
        {"gcp_project_id": st.just("my-sample-project-191923"), "network_name": st.sampled_from(["shop", "test"])},
        optional={"cidr_blocks": st.lists(blocks, max_size=2), "atlas_cidr_block": blocks},
    ),
)
# What the modules of azure.azcollection return.
vnets = st.fixed_dictionaries({"id": st.just(VNET_ID), "address_prefixes": st.lists(blocks, max_size=2)})
vnet_peerings = st.fixed_dictionaries(
    {
        "id": st.just(f"{VNET_ID}/virtualNetworkPeerings/atlas"),
        "remote_address_space": st.fixed_dictionaries({"address_prefixes": st.lists(blocks, max_size=2)}),
        "peering_state": st.sampled_from(["Connected", "Disconnected", "Initiated"]),
        "peering_sync_level": st.sampled_from(["FullyInSync", "LocalNotInSync", None]),
    }
)
SET: dict[str, Any] = {
    **WAITING,
    "wait_for": PEERING["wait_for"],
    "prune": st.booleans(),
    "max_deletions": st.integers(0, 5),
    "allow_empty": st.booleans(),
}
#: What leads each module to each of its operations.
SENSIBLE: dict[str, st.SearchStrategy[Options]] = {
    "atlas_vpc_peer": st.fixed_dictionaries(PAIR, optional=PEERING)
    | st.fixed_dictionaries({**PAIR, "container_region_name": regions}, optional=OF_ANY_CONTAINER)
    | st.fixed_dictionaries({"peer_id": ids}, optional=PEERING)
    | st.fixed_dictionaries({**PAIR, "peer_id": ids}, optional=PEERING)
    | st.fixed_dictionaries(
        {
            "azure_subscription_id": st.just(SUBSCRIPTION),
            "vnet_name": st.just("shop"),
            "azure_directory_id": st.just(SUBSCRIPTION),
        },
        optional={
            **WAITING,
            **STATE,
            "peer_id": ids,
            "resource_group_name": st.sampled_from(["net", "other"]),
            "container_id": ids,
            "recreate": PEERING["recreate"],
            "azure_role_timeout": st.integers(0, 30),
        },
    )
    | st.fixed_dictionaries(
        {"gcp_project_id": st.just("my-sample-project-191923"), "network_name": st.just("shop")},
        optional={**WAITING, **STATE, "peer_id": ids, "container_id": ids, "recreate": PEERING["recreate"]},
    ),
    "atlas_vpc_peer_info": st.fixed_dictionaries(
        {}, optional={**API, "peer_id": ids, **PAIR, "container_id": ids, "status_name": st.just(["AVAILABLE", "FAILED"])}
    )
    | st.fixed_dictionaries(
        {"provider_name": st.sampled_from(["AZURE", "GCP", "all"])}, optional={"peer_id": ids, "container_id": ids}
    )
    | st.fixed_dictionaries({"container_region_name": regions}, optional={**API, "connection_id": st.just("pcx-0a1b2c3d")})
    | st.fixed_dictionaries(
        {"group_id": st.none(), "group_ids": st.lists(ids, min_size=1, max_size=3)},
        optional={**API, "container_region_name": regions, "status_name": st.just(["AVAILABLE", "FAILED"])},
    ),
    "atlas_vpc_peers": st.fixed_dictionaries(
        # One request after the other, so that examples repeat.
        {"peers": st.lists(listed, max_size=3), "parallel": st.just(1)},
        optional={
            **API,
            **SET,
            "recreate": st.sampled_from(["never", "dead", "changed"]),
            "ignore": st.lists(st.sampled_from([{"vpc_id": VPC}, {"status_name": "FAILED"}, {"id": "*"}]), max_size=1),
        },
    )
    | st.fixed_dictionaries(
        {"peers": st.lists(listed_anywhere, max_size=3), "parallel": st.just(1), "provider_name": st.just("all")},
        optional={
            **SET,
            "recreate": st.sampled_from(["never", "dead", "changed"]),
            "azure_role_timeout": st.integers(0, 30),
            "ignore": st.lists(st.sampled_from([{"vnet_name": "SHOP*"}, {"provider_name": "GCP"}]), max_size=1),
        },
    ),
    "atlas_network_container": st.fixed_dictionaries(
        {}, optional={"region_name": regions, **API, **WAITING, **STATE, "atlas_cidr_block": blocks}
    )
    | st.fixed_dictionaries(
        {"provider_name": st.just("AZURE"), "region_name": st.sampled_from(["northeurope", "US_EAST_2"])},
        optional={**WAITING, **STATE, "atlas_cidr_block": blocks},
    )
    | st.fixed_dictionaries(
        {"provider_name": st.just("GCP")},
        optional={
            **WAITING,
            **STATE,
            "regions": st.lists(st.sampled_from(["us-east4", "EUROPE_WEST_3"]), max_size=2),
            "atlas_cidr_block": st.sampled_from(["10.8.0.0/18", "10.8.0.0/23"]),
        },
    ),
    "atlas_network_container_info": st.fixed_dictionaries({}, optional={**API, "container_id": ids, "region_name": regions})
    | st.fixed_dictionaries({"provider_name": st.sampled_from(["AZURE", "GCP", "all"])}, optional={"container_id": ids}),
    "atlas_cluster_info": st.fixed_dictionaries(
        {},
        optional={
            **API,
            "name": st.just("shop"),
            "provider_name": st.sampled_from(["AWS", "AZURE"]),
            "region_name": st.sampled_from(["us-east-1", "EU_WEST_1", "EUROPE_NORTH"]),
        },
    ),
    "atlas_project_info": st.fixed_dictionaries(
        {"group_id": st.none()},
        optional={
            **API,
            "group_ids": st.lists(ids, max_size=2),
            "project_names": st.lists(st.sampled_from(["emulator", "emul*", "shop"]), max_size=2),
            "org_id": ids,
            "tags": st.sampled_from([{"env": "prod"}, {"env": True}, {}]),
        },
    ),
    "atlas_vpc_peer_check": st.fixed_dictionaries(
        # AWS is not there.
        {"aws": st.just(value=False)},
        optional={
            **API,
            "connections": st.lists(st.fixed_dictionaries(PAIR, optional={"container_region": regions}), max_size=2),
            "container_region": regions,
            "clusters": st.just(["shop"]),
            "fail_on": st.sampled_from(["fail", "warn", "never"]),
        },
    )
    | st.fixed_dictionaries(
        {"group_id": st.none(), "group_ids": st.lists(ids, min_size=1, max_size=3), "aws": st.just(value=False)},
        optional={"container_region": regions, "fail_on": st.sampled_from(["fail", "warn", "never"])},
    )
    | st.fixed_dictionaries(
        # GCP has tests of its own.
        {"aws": st.just(value=False), "gcp": st.just(value=False)},
        optional={
            "provider_name": st.sampled_from(["AZURE", "GCP", "all"]),
            "connections": st.lists(checked_anywhere, min_size=1, max_size=3),
            "vnet_peerings": st.lists(vnet_peerings, max_size=2),
            "virtual_networks": st.lists(vnets, max_size=2),
            "fail_on": st.sampled_from(["fail", "warn", "never"]),
        },
    ),
    "atlas_peering": st.fixed_dictionaries(
        # The clouds are not there.
        {
            "connections": st.lists(listed_anywhere, max_size=3),
            **{half: st.just(value=False) for half in ("aws", "azure", "gcp")},
            "parallel": st.just(1),
        },
        optional={
            **{name: values for name, values in {**WAITING, **STATE}.items() if name != "wait"},
            "container_region": regions,
            "container_cidr_block": blocks,
            "remove_container": st.booleans(),
            "access_list": st.booleans(),
            "recreate": st.sampled_from(["never", "dead", "changed"]),
            "prune": st.booleans(),
            "max_deletions": st.integers(0, 3),
            "ignore": st.lists(st.sampled_from([{"vpc_id": VPC}, {"provider_name": "GCP"}]), max_size=1),
        },
    ),
    "atlas_custom_dns": st.fixed_dictionaries({"enabled": st.booleans()}, optional=API),
    "atlas_access_list": st.fixed_dictionaries(
        {"entries": st.lists(entries, max_size=3)},
        optional={**API, **WAITING, **STATE, "keep_comment": st.booleans(), "only_own": st.booleans()},
    )
    | st.fixed_dictionaries(
        {"entries": st.lists(entries, max_size=3), "prune": st.just(True), "max_deletions": st.integers(0, 5)},
        optional={
            **API,
            **WAITING,
            "allow_empty": st.booleans(),
            "prune_temporary": st.booleans(),
            "ignore": st.lists(entry_patterns, max_size=2),
        },
    ),
    "atlas_access_list_info": st.fixed_dictionaries(
        {},
        optional={
            **API,
            **{name: st.sampled_from(values) for name, values in ENTRY_PATTERNS.items()},
            "contains": st.sampled_from(["10.15.3.7", "10.15.0.0/24", "::1"]),
            "include_status": st.booleans(),
        },
    ),
}

odd_text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.sampled_from(
        ["", " ", "\0", "\n", "a" * 70_000, "../..", "%2f", "?x=1", "#", "null", "true", "1e400", "٣", "\ud800", "1" * 5000]
    ),
    st.sampled_from([ID, VPC, "10.0.0.0/8", "10.0.0.1/0", "fe80::1%eth0", "::/0", "sg-1", "us-east-1\n", "2030-02-30", "PT1S"]),
)
# The waiting itself is bounded elsewhere; here, hours of a fake clock would be spent with nothing but asking again.
odd_numbers = st.integers(-3, 60) | st.sampled_from([10**10, 10**20, 10**400, -(10**400)]) | st.floats()
odd_values = st.recursive(
    st.none() | st.booleans() | odd_numbers | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
urls = st.one_of(
    odd_text,
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "HTTP", "ftp", ""]),
        st.sampled_from(
            ["127.0.0.1", "localhost", "[::1]", "[::1%25lo]", "a@127.0.0.1", "127.0.0.1\\@evil.example", "cloud.mongodb.com", ""]
        )
        | odd_text,
        st.sampled_from(["", ":80", ":0", ":99999", ":-1", ":x", "@evil.example"]),
        st.sampled_from(["", "/", "/gateway", "/a b", "/%zz", "?x", "/\ud800", "\\@evil.example/", "/\r\nHost: evil.example"])
        | odd_text,
    ),
)
odd_entries = st.dictionaries(
    st.sampled_from(["cidr_block", "ip_address", "aws_security_group", "comment", "delete_after_date"]), odd_values, max_size=2
)


def sensible(module: str) -> st.SearchStrategy[Options]:
    """Return the options with which a module does what it is there for."""
    own = SENSIBLE.get(module, st.fixed_dictionaries({}, optional=API))
    return own.map(lambda options: {**CONNECTION, **options})


def any_options(module: str) -> st.SearchStrategy[Options]:
    """Return sensible options of which a few have become anything."""
    names = [
        name for name in TASKS[module].argument_spec.options if name not in ("base_url", "private_key", "aws", "azure", "gcp")
    ]
    odd = st.dictionaries(st.sampled_from(names) | st.text(max_size=5), odd_values, max_size=2)
    more = st.fixed_dictionaries(
        {}, optional={"base_url": urls, **({"entries": st.lists(odd_entries)} if "entries" in names else {})}
    )
    return st.builds(lambda *parts: {name: value for part in parts for name, value in part.items()}, sensible(module), odd, more)
