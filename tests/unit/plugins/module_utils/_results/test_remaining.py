"""What the whole path leaves to others, could not check, or kept: a sentence for each, with the options of this task."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import View
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.roles import Assignment, Permission, Role
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet, VnetPeering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import ACTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, ChangeKey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import AppliedChanges
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import NetworkState, Peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.entry_view import EntryView
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.remaining import sentences
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import PeerState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import PathState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, gcp, vpc
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._sides.test_path_options import (
    NETWORK_NAME,
    VNET_NAME,
    validated,
)

KEY = "connections[0]"
BLOCK, CLIENTS, PCX, SG = "192.168.248.0/21", "10.0.0.0/24", "pcx-0a1b2c3d4e5f67890", "sg-0a1b2c3d4e5f67890"
VPC = {"vpc_id": vpc(1), "aws_account_id": ACCOUNT}
AWS_HOME = {"id": "1" * 24, "provider_name": "AWS", "region_name": "US_EAST_1", "atlas_cidr_block": BLOCK}
AZURE_HOME = {**AWS_HOME, "provider_name": "AZURE", "region_name": "EUROPE_WEST"}
GCP_HOME = {
    "id": "1" * 24, "provider_name": "GCP", "regions": [], "atlas_cidr_block": BLOCK, "atlas_gcp_project_id": "p-12345678",
    "atlas_network_name": "nt-1",
}  # fmt: skip
UNNAMED = {**GCP_HOME, "atlas_gcp_project_id": None, "atlas_network_name": None}
NEW_HOME = {**AWS_HOME, "id": None, "atlas_cidr_block": None}
CREATE = "gcloud compute networks peerings create"
GCP_CREATE = (
    f"{CREATE} atlas-nt-1 --project=my-sample-project-191923 --network=net-1 --peer-project=p-12345678 --peer-network=nt-1"
)
GCP_DELETE = "gcloud compute networks peerings delete atlas-nt-1 --project=my-sample-project-191923 --network=net-1"
GCP_REMOTE = "projects/p-abcdefghijklmnopqrstuvwx/global/networks/nt-5356823b3794dee37132bb7b-abcdefgh"
NO_ATLAS_AWS = {**VPC, "connection_id": PCX, "container_cidr_block": BLOCK}
NO_ATLAS_GCP = {**gcp(1), "atlas_gcp_project_id": "p-12345678", "atlas_network_name": "nt-1"}
NOT_SET = "because neither cidr_block nor cidr_blocks is set"


def pending(status: str, **more: Any) -> dict[str, Any]:
    """Return a connection of an entry."""
    return {"id": "2" * 24, "container_id": "1" * 24, "status_name": status, **more}


def left(
    connection: dict[str, Any], peer: dict[str, Any] | None, home: dict[str, Any] | None, whole: dict[str, Any], **options: Any
) -> list[str]:
    """Return the sentences for a list of one connection.

    Args:
        connection: The entry.
        peer: Its connection in Atlas.
        home: Its network container.
        whole: Other fields of the state.
        options: Those of the task.
    """
    params, _warnings = validated(connection, **options)
    (entry,) = params["connections"]
    found: Any = None if peer is None else {**entry.network, "connection_id": PCX, **peer}
    peers = PeerSetState((found,) if found else (), entries={KEY: PeerState(found)})
    homes: Any = {} if home is None else {KEY: home}
    state = PathState(peers=peers, container_of=homes, **whole)
    return sentences(params, [EntryView(entry, state)], state)


@pytest.mark.parametrize(
    ("connection", "peer", "home", "options", "sentence"),
    [
        (
            {**VPC, "cidr_block": CLIENTS},
            pending("PENDING_ACCEPTANCE"),
            AWS_HOME,
            {"aws": False},
            f"Accept {PCX} in AWS account {ACCOUNT}, region us-east-1, within seven days of the request, and route "
            f"{BLOCK} to it in the "
            f"route tables of {vpc(1)}.",
        ),
        (
            {**VPC, "cidr_block": CLIENTS, "region": "eu-west-1", "route_table_ids": ["rtb-0a1b2c3d", "rtb-0a1b2c3e"]},
            pending("PENDING_ACCEPTANCE", connection_id=None),
            None,
            {"aws": False},
            f"Accept the request for {vpc(1)} in AWS account {ACCOUNT}, region eu-west-1, within seven days of the "
            "request, and route the "
            f"block of the network container to it in rtb-0a1b2c3d, rtb-0a1b2c3e of {vpc(1)}.",
        ),
        ({**VPC, "cidr_block": CLIENTS}, pending("AVAILABLE"), AWS_HOME, {"aws": False}, None),
        (VPC, pending("PENDING_ACCEPTANCE"), AWS_HOME, {}, None),
        (
            {**NO_ATLAS_AWS, "aws_security_group": SG},
            None,
            None,
            {"atlas": False},
            f"In Atlas, add {SG} to the access list of the project, so that {vpc(1)} can connect through {PCX}.",
        ),
        (
            azure(1),
            None,
            None,
            {"atlas": False},
            f"In Atlas, request the connection to {VNET_NAME}, and add the ranges of the clients to the access list of "
            "the project.",
        ),
        (
            azure(1),
            pending("AVAILABLE"),
            AZURE_HOME,
            {},
            f"The access list has nothing for {VNET_NAME}, {NOT_SET}: add the ranges of the clients.",
        ),
        ({**azure(1), "cidr_block": CLIENTS}, pending("AVAILABLE"), AZURE_HOME, {}, None),
        (
            {**gcp(1), "cidr_block": CLIENTS},
            pending("WAITING_FOR_USER"),
            GCP_HOME,
            {"gcp": False},
            f"Create the peering of {NETWORK_NAME} with Atlas's network in GCP: {GCP_CREATE}",
        ),
        (
            {**gcp(1), "cidr_block": CLIENTS, "gcp_peering_name": "mine"},
            pending("WAITING_FOR_USER"),
            GCP_HOME,
            {"gcp": False},
            f"Create the peering of {NETWORK_NAME} with Atlas's network in GCP: {GCP_CREATE.replace('atlas-nt-1', 'mine')}",
        ),
        (
            {**gcp(1), "cidr_block": CLIENTS},
            pending("WAITING_FOR_USER"),
            UNNAMED,
            {"gcp": False},
            f"Create the peering of {NETWORK_NAME} with Atlas's network in GCP, as soon as Atlas has made its own and "
            "atlas_gcp_project_id and atlas_network_name are in its network container.",
        ),
        (
            {**NO_ATLAS_GCP, "cidr_block": CLIENTS},
            None,
            None,
            {"atlas": False},
            f"In Atlas, add {CLIENTS} to the access list of the project, so that clients in {NETWORK_NAME} can connect.",
        ),
        (
            gcp(1),
            pending("AVAILABLE"),
            GCP_HOME,
            {},
            f"The access list has nothing for {NETWORK_NAME}, {NOT_SET}: add the ranges of the clients, those of GKE "
            "pods included.",
        ),
        (gcp(1), pending("AVAILABLE"), GCP_HOME, {"access_list": False}, None),
        (
            VPC,
            None,
            NEW_HOME,
            {},
            f"The network container in us-east-1 does not exist yet: the connection to {vpc(1)} was checked only as far "
            "as that does not "
            "depend on the block of the container.",
        ),
        (VPC, None, {**NEW_HOME, "atlas_cidr_block": BLOCK}, {}, None),
    ],
)
def test_present_says_what_others_have_to_do(
    connection: dict[str, Any],
    peer: dict[str, Any] | None,
    home: dict[str, Any] | None,
    options: dict[str, Any],
    sentence: str | None,
) -> None:
    assert left(connection, peer, home, {}, **options) == ([] if sentence is None else [sentence])


@pytest.mark.parametrize(
    ("connection", "peer", "home", "options", "sentence"),
    [
        (
            VPC,
            pending("AVAILABLE", route_table_cidr_block=CLIENTS),
            AWS_HOME,
            {"aws": False},
            f"Delete the routes to {BLOCK} that lead to {PCX} from the route tables of {vpc(1)} in AWS account {ACCOUNT}, "
            "region us-east-1.",
        ),
        (
            NO_ATLAS_AWS,
            None,
            None,
            {"atlas": False},
            f"In Atlas, remove the block of {vpc(1)} from the access list of the project, and then the connection {PCX} "
            f"to {vpc(1)} in "
            f"AWS account {ACCOUNT}.",
        ),
        (
            VPC,
            None,
            AWS_HOME,
            {},
            f"Atlas no longer has the connection to {vpc(1)}, so its block is not known: no entry of the access list "
            "is removed. Set "
            "cidr_block to have it removed.",
        ),
        (
            {**VPC, "cidr_block": CLIENTS},
            None,
            None,
            {},
            f"The route tables of {vpc(1)} were not looked at, because Atlas has neither a network container nor a "
            "connection that shows "
            "the block. Set container_cidr_block to have its routes removed.",
        ),
        (
            {**azure(1), "cidr_block": CLIENTS},
            pending("AVAILABLE"),
            AZURE_HOME,
            {"azure": False},
            f"In AZURE, remove the role AtlasPeering/{VNET_NAME} and its assignment, unless another connection to the "
            "VNet needs it.",
        ),
        (
            {**azure(1), "cidr_block": CLIENTS},
            None,
            None,
            {"atlas": False},
            f"In Atlas, remove {CLIENTS} from the access list of the project, and the connection to {VNET_NAME}. Atlas "
            "needs its role "
            "until the connection is gone.",
        ),
        (azure(1), pending("AVAILABLE"), AZURE_HOME, {}, f"No entry of the access list is removed for {VNET_NAME}, {NOT_SET}."),
        (
            {**gcp(1), "cidr_block": CLIENTS},
            pending("AVAILABLE"),
            GCP_HOME,
            {"gcp": False},
            f"Remove the peering of {NETWORK_NAME} with Atlas's network in GCP: {GCP_DELETE}",
        ),
        (
            NO_ATLAS_GCP,
            None,
            None,
            {"atlas": False},
            "In Atlas, remove the ranges of the clients from the access list of the project, and the connection to "
            f"{NETWORK_NAME}.",
        ),
        (gcp(1), pending("AVAILABLE"), GCP_HOME, {}, f"No entry of the access list is removed for {NETWORK_NAME}, {NOT_SET}."),
        (
            gcp(1),
            None,
            None,
            {},
            f"The peerings of {NETWORK_NAME} in GCP were not looked at, because Atlas has no network container that "
            "shows where one "
            "leads. Set gcp_peering_name to have one removed.",
        ),
        # Terraform, for example, has removed the connection, and the container is still there.
        (
            gcp(1),
            None,
            UNNAMED,
            {},
            f"The peerings of {NETWORK_NAME} in GCP were not looked at, because Atlas has no network container on GCP with a "
            "network that shows where one leads. Set gcp_peering_name to have one removed.",
        ),
        ({**gcp(1), "gcp_peering_name": "mine"}, None, None, {}, None),
    ],
)
def test_absent_says_what_others_have_to_do(
    connection: dict[str, Any],
    peer: dict[str, Any] | None,
    home: dict[str, Any] | None,
    options: dict[str, Any],
    sentence: str | None,
) -> None:
    assert left(connection, peer, home, {}, state="absent", **options) == ([] if sentence is None else [sentence])


@pytest.mark.parametrize(
    ("connection", "home", "options", "is_said"),
    [
        (VPC, None, {}, True),
        # The only one that is left may be of others.
        (VPC, AWS_HOME, {}, True),
        ({**VPC, "container_region": "eu-west-1"}, None, {}, False),
        (VPC, None, {"remove_container": False}, False),
        # There is none on GCP.
        (gcp(1), None, {}, False),
    ],
)
def test_a_container_that_nothing_names_is_said(
    connection: dict[str, Any], home: dict[str, Any] | None, options: dict[str, Any], is_said: bool
) -> None:
    whole = {"containers": (AWS_HOME, {**AWS_HOME, "id": "4" * 24})}
    found = left(connection, None, home, whole, **{"state": "absent", "remove_container": True, **options})
    assert [one for one in found if "Set container_region to have it removed." in one] == (
        [
            f"The network container of {vpc(1)} is not removed, because no connection shows which one it is. Set "
            "container_region to have it removed."
        ]
        if is_said
        else []
    )


@pytest.mark.parametrize(
    ("network", "is_looked_at"),
    [(GCP_REMOTE, False), ("projects/p-1/global/networks/shared", True), ("https://gcp.example/shared", True), (None, True)],
)
def test_an_unpeered_network_has_nothing_left(network: str | None, is_looked_at: bool) -> None:
    """Atlas no longer names its network once the last connection is gone."""
    peerings = () if network is None else (Peering("mine", network),)
    found = left(gcp(1), None, UNNAMED, {"gcp": {KEY: NetworkState(exists=True, peerings=peerings)}}, state="absent")
    assert (found == []) == is_looked_at


def test_the_block_of_a_vpc_is_read_where_the_entry_has_none() -> None:
    view = View("us-east-1", vpc=Vpc(vpc(1), ACCOUNT, [CLIENTS]))
    assert left(NO_ATLAS_AWS, None, None, {"aws": {KEY: view}}, atlas=False) == [
        f"In Atlas, add {CLIENTS} to the access list of the project, so that {vpc(1)} can connect through {PCX}."
    ]


@pytest.mark.parametrize(
    ("connection", "kind", "cloud"),
    [(azure(1), "connection", "AZURE"), (gcp(1), "mirror", "GCP"), (VPC, "connection", None), (azure(1), "role", None)],
)
def test_clients_behind_a_new_connection_need_private_names(connection: dict[str, Any], kind: str, cloud: str | None) -> None:
    change = Change("create", ChangeKey(KEY, "request", "Atlas", kind), None, {}, "create", "x")
    home = {"AZURE": AZURE_HOME, "GCP": GCP_HOME}.get(cloud or "", AWS_HOME)
    done = AppliedChanges()
    done.record([change])
    found = left({**connection, "cidr_block": CLIENTS}, pending("AVAILABLE"), home, {"done": done})
    assert found == (
        []
        if cloud is None
        else [
            f"Clients on {cloud} have to use the private connection string of a cluster, with -pri in the names of its "
            "hosts. The "
            "other names lead to public addresses."
        ]
    )


def test_notes_and_what_stays_in_the_access_list_come_last() -> None:
    stays = {"a": "a stays in the access list, because pcx-1 still uses it.", "b": "b has no comment, not 'x'."}
    found = left(
        {**gcp(1), "gcp_peering_name": "mine"},
        None,
        None,
        {"notes": {("note", KEY): "A note."}, "kept_entries": stays, "foreign": {"b"}},
        state="absent",
    )
    assert found == ["A note.", stays["a"], f"This entry of the access list stays: {stays['b']}"]


@pytest.mark.parametrize(
    ("others", "peerings", "why"),
    [
        ([{"id": "9" * 24, "status_name": "AVAILABLE"}], [], f"the connection {'9' * 24} of this project still needs it"),
        ([], ["shop"], "the peering shop (Connected) of the VNet still needs it"),
        (
            [{"id": "9" * 24, "status_name": "FAILED"}],
            [],
            "this collection has not made it, or not its assignment above the VNet",
        ),
    ],
)
def test_absent_says_why_a_role_stays(others: list[dict[str, Any]], peerings: list[str], why: str) -> None:
    params, _warnings = validated({**azure(1), "cidr_block": CLIENTS}, state="absent")
    (entry,) = params["connections"]
    vnet = Vnet(*(entry.params[name] for name in ("azure_subscription_id", "resource_group_name", "vnet_name")))
    vnet = Vnet(
        vnet.subscription_id,
        vnet.resource_group_name,
        vnet.name,
        peerings=tuple(VnetPeering(vnet, one, (), "Connected", None) for one in peerings),
    )
    role = Role("r", "r", "A role", "", (Permission(ACTIONS),), (vnet.id,))
    access = AccessState(vnet, "principal", (Assignment("a", vnet.id, "r", "principal"),), (role,))
    peers: Any = PeerSetState(tuple({**entry.network, **one} for one in others))
    state = PathState(peers=peers, azure={KEY: access})
    assert sentences(params, [EntryView(entry, state)], state) == [
        f"The role of Atlas on {VNET_NAME} in AZURE stays, because {why}."
    ]
