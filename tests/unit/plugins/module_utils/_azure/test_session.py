"""Requests to ARM and Microsoft Graph: one deadline, no redirects, bounded replies, pages, and what each failure is."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.session import CheckSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure import session as azure_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import check_credentials
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureDeniedError, permission_for
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet, VnetSubnet, get_vnet, parse_vnet_reply
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import pauses
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import session as shared
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    ApiError,
    AuthError,
    ConflictError,
    NoAnswerError,
    NotFoundError,
    OvertakenError,
    RateLimitError,
    StoppedError,
    TaskError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import DEFAULT_LIMITS, STOP
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport
from ansible_collections.cloudpeer.atlas.tests.clouds.proxy import Proxy
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import SUBSCRIPTION, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, certificate, serving

from .conftest import USUAL, AzureSite

VERSION = "2024-05-01"
ROLES = f"{VNET_ID}/providers/Microsoft.Authorization/roleDefinitions"
ROLE_ID = "0e2e3d4c-0000-4000-8000-0000000000cc"
# Where a canned reply answers in place of the VNet's.
END = "/test-vnet-ab12cd"


def error_of(code: str, message: str = "No.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def open_site(site: AzureSite) -> azure_session.AzureSession:
    return site.open(**site.secret)


def test_a_broken_installation_fails_at_the_first_token(monkeypatch: pytest.MonkeyPatch, site: AzureSite) -> None:
    assert dict(azure_session.LIBRARIES) == {"requests": None, "azure-identity": None}
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", None)
    with pytest.raises(AuthError, match="the Python package azure-identity cannot be loaded"):
        open_site(site).read("read it", VNET_ID, VERSION)


def test_a_vnet_is_read_with_its_subnets_and_peerings(site: AzureSite) -> None:
    azure, names = site.clouds.azure, (SUBSCRIPTION, VNET[1], "with-all")
    vnet_id = azure.add_vnet(*names, ["10.1.0.0/24", "fd00::/48"])
    azure.add_peering(*names, "atlas", f"{VNET_ID[:-1]}x", ["192.168.208.0/21"])
    read = get_vnet(open_site(site), vnet_id.upper())
    assert read is not None
    assert (read.id, read.prefixes, [one.name for one in read.peerings]) == (vnet_id, ("10.1.0.0/24",), ["atlas"])
    peering = read.peerings[0]
    assert (peering.remote_id, peering.remote_name) == (f"{VNET_ID[:-1]}x", f"{VNET[2][:-1]}x")
    assert (peering.prefixes, peering.state, peering.sync_level) == (("192.168.208.0/21",), "Connected", "FullyInSync")
    assert (peering.allows_access, peering.provisioning_state) == (True, "Succeeded")
    shown = {"name": "atlas", "remote_network": peering.remote_id, "remote_prefixes": ["192.168.208.0/21"], "state": "Connected"}
    assert read.to_result() == {"address_prefixes": ["10.1.0.0/24"], "peerings": [shown]}


def vnet_fields(**properties: Any) -> dict[str, Any]:
    """Return a VNet as ARM shows it. Source: VirtualNetwork in the models of azure-mgmt-network."""
    usual = {"addressSpace": {"addressPrefixes": ["10.0.0.0/24"]}, "subnets": [], "virtualNetworkPeerings": []}
    return {"id": VNET_ID, "name": VNET[2], "properties": {**usual, **properties}}


def test_subnets_have_their_filters_and_routes() -> None:
    subnets = [
        {
            "name": "one",
            "properties": {
                "addressPrefix": "10.0.0.0/26",
                "networkSecurityGroup": {"id": "/nsg"},
                "routeTable": {"id": "/table"},
            },
        },
        {"name": "two", "properties": {"addressPrefixes": ["10.0.0.64/26", "fd00::/64"], "networkSecurityGroup": None}},
    ]
    read = parse_vnet_reply(vnet_fields(subnets=subnets), VNET_ID)
    assert read.subnets == (
        VnetSubnet("one", ("10.0.0.0/26",), "/nsg", "/table"),
        VnetSubnet("two", ("10.0.0.64/26",)),
    )
    assert read == Vnet(*VNET, ("10.0.0.0/24",), read.subnets)


def test_what_the_other_side_knows_is_read() -> None:
    properties = {
        "remoteAddressSpace": {"addressPrefixes": ["192.168.0.0/21"]},
        "remoteVirtualNetwork": {"id": "/x"},
        "peeringState": "Connected",
        "peeringSyncLevel": "RemoteNotInSync",
        "localAddressSpace": {"addressPrefixes": ["10.0.0.0/24"]},
        "localVirtualNetworkAddressSpace": {"addressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"]},
    }
    peering = parse_vnet_reply(vnet_fields(virtualNetworkPeerings=[{"name": "p", "properties": properties}]), VNET_ID).peerings[0]
    assert (peering.known_prefixes, peering.sync_level, peering.allows_access) == (("10.0.0.0/24",), "RemoteNotInSync", None)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": f"{VNET_ID}x", "properties": vnet_fields()["properties"]},
        {"id": VNET_ID},
        vnet_fields(addressSpace=None),
        vnet_fields(addressSpace={"addressPrefixes": ["x"]}),
        vnet_fields(subnets=None),
        vnet_fields(subnets=[{"name": "one"}]),
        vnet_fields(virtualNetworkPeerings=None),
        vnet_fields(virtualNetworkPeerings=[{"name": "p", "properties": {}}]),
        vnet_fields(virtualNetworkPeerings=[{"properties": {"peeringState": "Connected", "remoteAddressSpace": {}}}]),
    ],
)
def test_an_odd_vnet_is_a_failure(site: AzureSite, odd: dict[str, Any]) -> None:
    site.clouds.app.answers[:] = [(END, 200, odd)]
    with pytest.raises(ApiError, match=rf"^Failed to read the VNet {VNET_ID}: the reply of management\.azure\.com "):
        get_vnet(open_site(site), VNET_ID)


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceGroupNotFound"])
def test_a_vnet_that_is_absent_is_none(site: AzureSite, code: str) -> None:
    group = VNET_ID.replace(VNET[1], "nowhere") if code == "ResourceGroupNotFound" else VNET_ID
    assert get_vnet(open_site(site), f"{group}x") is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "hint"),
    [
        (404, error_of("SubscriptionNotFound"), NotFoundError, "These credentials do not see this subscription"),
        (404, error_of("RoleDefinitionDoesNotExist"), NotFoundError, "Check the subscription"),
        (404, b"<html>", NotFoundError, "Check the subscription"),
        (404, {"code": "ResourceNotFoundByProxy"}, NotFoundError, "Check the subscription"),
        (401, error_of("ExpiredAuthenticationToken"), AuthError, "Check the clock"),
        (403, error_of("AuthorizationFailed"), AzureDeniedError, "a role with Microsoft.Network/virtualNetworks/read there"),
        (403, error_of("RequestDisallowedByPolicy"), AzureDeniedError, None),
        (409, error_of("AnotherOperationInProgress"), ConflictError, None),
        (400, error_of("InvalidApiVersionParameter"), ApiError, None),
    ],
)
def test_no_other_failure_is_absence(site: AzureSite, status: int, body: Any, kind: type[TaskError], hint: str | None) -> None:
    site.clouds.app.answers[:] = [(END, status, body)]
    with pytest.raises(TaskError) as caught:
        get_vnet(open_site(site), VNET_ID)
    assert caught.type is kind
    assert caught.value.http_status == status
    assert (hint is None) == (caught.value.hint is None)
    assert (hint or "") in (caught.value.hint or "")
    assert site.clock.pauses == []


def test_each_absence_is_for_its_own_read(site: AzureSite) -> None:
    session = open_site(site)
    role = f"{ROLES}/{ROLE_ID}"
    assert session.find({"RoleDefinitionDoesNotExist"}, "read the role", role, "2022-04-01") is None
    for read in (
        lambda: session.find({"ResourceNotFound"}, "read the role", role, "2022-04-01"),
        lambda: session.read("x", role, "2022-04-01"),
    ):
        with pytest.raises(NotFoundError) as caught:
            read()
        assert caught.value.error_code == "RoleDefinitionDoesNotExist"


@pytest.mark.parametrize(
    ("method", "url", "permission"),
    [
        ("GET", f"https://management.azure.com{VNET_ID}?api-version=x", "Microsoft.Network/virtualNetworks/read"),
        ("GET", f"https://management.azure.com{VNET_ID}/subnets/one", "Microsoft.Network/virtualNetworks/subnets/read"),
        ("PUT", f"https://management.azure.com{ROLES}/x", "Microsoft.Authorization/roleDefinitions/write"),
        ("GET", f"https://management.azure.com{ROLES}", "Microsoft.Authorization/roleDefinitions/read"),
        (
            "DELETE",
            f"https://management.azure.com{ROLES.replace('Definitions', 'Assignments')}/x",
            "Microsoft.Authorization/roleAssignments/delete",
        ),
        ("GET", "https://graph.microsoft.com/v1.0/servicePrincipals(appId='x')", "Application.Read.All"),
        ("POST", "https://graph.microsoft.com/v1.0/servicePrincipals", "Application.ReadWrite.All"),
    ],
)
def test_the_permission_of_a_request_is_known(method: str, url: str, permission: str) -> None:
    """Sources: the actions in Azure's list of resource provider operations; the permissions reference of Microsoft Graph."""
    assert permission_for(method, url) == permission


def test_a_denial_names_the_permission(site: AzureSite) -> None:
    site.patch.setattr(site.clouds.azure, "forbidden", [VNET_ID])
    with pytest.raises(AzureDeniedError) as caught:
        get_vnet(open_site(site), VNET_ID)
    error = caught.value
    assert (error.http_status, error.error_code, error.permission) == (
        403,
        "AuthorizationFailed",
        "Microsoft.Network/virtualNetworks/read",
    )
    # It stays with the error, however that is changed.
    changed = error.with_hint("x")
    assert isinstance(changed, AzureDeniedError)
    assert changed.permission == error.permission
    site.patch.setattr(site.entra, "is_forbidden", True)
    with pytest.raises(AzureDeniedError) as caught:
        open_site(site).read("read the service principal", "servicePrincipals(appId='x')")
    assert caught.value.permission == "Application.Read.All"
    assert "the role Directory Readers" in str(caught.value.hint)


@pytest.mark.parametrize(
    "code", ["RoleAssignmentExists", "RoleDefinitionWithSameNameExists", "Request_MultipleObjectsWithSameKeyValue"]
)
def test_what_another_client_has_made_is_looked_at_again(site: AzureSite, code: str) -> None:
    site.clouds.app.answers[:] = [(ROLE_ID, 409, error_of(code))]
    with pytest.raises(OvertakenError) as caught:
        open_site(site).write("put the role", "PUT", f"{ROLES}/{ROLE_ID}", "2022-04-01", {})
    assert (caught.value.error_code, caught.value.outcome_unknown) == (code, False)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimitError), (500, ApiError), (502, ApiError), (503, ApiError), (504, ApiError)]
)
def test_a_read_is_repeated_and_a_write_is_not(site: AzureSite, status: int, kind: type[ApiError]) -> None:
    site.clouds.app.answers[:] = [(END, status, error_of("ServerBusy"))] * 2
    session = open_site(site)
    assert session.read("read it", VNET_ID, VERSION)["id"] == VNET_ID
    assert len(site.clock.pauses) == 2
    site.clouds.app.answers[:] = [(END, status, error_of("ServerBusy"))] * 9
    with pytest.raises(kind):
        session.read("read it", VNET_ID, VERSION)
    assert len(site.clock.pauses) == 2 + DEFAULT_LIMITS.retries
    sent = len(site.sent)
    with pytest.raises(kind) as caught:
        session.write("change it", "PUT", VNET_ID, VERSION, {})
    assert (len(site.sent), caught.value.outcome_unknown) == (sent + 1, status != 429)


def test_a_lost_reply_leaves_a_write_open(site: AzureSite) -> None:
    session = open_site(site)
    session.read("read it", VNET_ID, VERSION)
    site.clouds.app.lose[:] = [ROLE_ID]
    with pytest.raises(NoAnswerError, match=r"^Failed to put the role: the connection broke to management\.azure\.com") as caught:
        session.write("put the role", "PUT", f"{ROLES}/{ROLE_ID}", "2022-04-01", {})
    assert caught.value.outcome_unknown
    assert site.wire()[-2:] == ["GET test-vnet-ab12cd", f"PUT {ROLE_ID}"]


@pytest.mark.parametrize(
    ("status", "body", "flaw"),
    [
        (302, b"", "is a redirect or an interim one"),
        (200, b"x" * (3 << 20), "is longer than 2 MiB"),
        (200, b"<html>", "is not a JSON object"),
        (200, [], "is not a JSON object"),
        (204, b"", "is not a JSON object"),
    ],
)
def test_an_odd_reply_is_a_failure(site: AzureSite, status: int, body: Any, flaw: str) -> None:
    session = open_site(site)
    for send, is_write in ((session.read, False), (session.write, True)):
        site.clouds.app.answers[:] = [(END, status, body)]
        with pytest.raises(ApiError) as caught:
            send("do it", *(["PUT"] if is_write else []), VNET_ID, VERSION)
        assert str(caught.value).startswith(f"Failed to do it: the reply of management.azure.com {flaw}")
        assert caught.value.outcome_unknown == is_write
    assert set(site.clouds.proxy.hosts) <= {"login.microsoftonline.com", "management.azure.com", "graph.microsoft.com"}


def test_a_removal_needs_no_reply(site: AzureSite) -> None:
    site.clouds.app.answers[:] = [(ROLE_ID, 204, b"")]
    assert open_site(site).write("delete the role", "DELETE", f"{ROLES}/{ROLE_ID}", "2022-04-01") == {}


def page(*names: str, following: str | None = None, key: str = "nextLink") -> dict[str, Any]:
    return {"value": [{"name": one} for one in names], **({key: following} if following else {})}


@pytest.mark.parametrize("graph", [False, True])
def test_pages_are_followed(site: AzureSite, graph: bool) -> None:
    path, key = ("servicePrincipals", "@odata.nextLink") if graph else (ROLES, "nextLink")
    # Some of ARM's services write the port, too; source: the examples of azure-sdk-for-go, for AlertsManagement.
    host = "graph.microsoft.com" if graph else "management.azure.com:443"
    links = [f"https://{host}/{name}?$skiptoken={name}" for name in ("page2", "page3")]
    site.clouds.app.answers[:] = [
        (path.rpartition("/")[2], 200, page("a", following=links[0], key=key)),
        ("page2", 200, page("b", "c", following=links[1], key=key)),
        ("page3", 200, page()),
    ]
    found = open_site(site).list("list them", path, None if graph else "2022-04-01", {"$filter": "x eq 'y'"})
    assert [one["name"] for one in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "odd",
    [
        page("a", following="https://management.azure.com.example/next"),
        page("a", following="http://management.azure.com/next"),
        page("a", following="https://graph.microsoft.com/next"),
        page("a", following="/next"),
        {"value": [], "nextLink": 5},
        {"value": None},
        {"value": ["a"]},
        {},
    ],
)
def test_a_page_leads_to_no_other_host(site: AzureSite, odd: dict[str, Any]) -> None:
    site.clouds.app.answers[:] = [("/roleDefinitions", 200, odd)]
    with pytest.raises(ApiError, match=r"^Failed to list them: the reply of management\.azure\.com (has|is)"):
        open_site(site).list("list them", ROLES, "2022-04-01")
    assert site.wire()[-1] == "GET roleDefinitions"


def test_a_list_has_an_end(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_MOST_PAGES", 3)
    endless = page("a", following=f"https://management.azure.com{ROLES}?again")
    site.clouds.app.answers[:] = [("/roleDefinitions", 200, endless)] * 5
    with pytest.raises(ApiError, match="has no last page"):
        open_site(site).list("list them", ROLES, "2022-04-01")
    assert len([one for one in site.wire() if one.endswith("roleDefinitions")]) == 3


def test_a_wait_is_asked_for_and_kept(site: AzureSite) -> None:
    """ARM refuses for its rate with the seconds to wait. Source: "Understand how Azure Resource Manager throttles requests"."""
    with dripping(site, Reply(429, b"{}", (("Retry-After", "17"),)), Reply(200, b"{}")):
        assert with_token(site).read("read it", VNET_ID, VERSION) == {}
    assert site.clock.pauses == [17.0]


def with_token(site: AzureSite) -> azure_session.AzureSession:
    """Return a session that has a token already, so that it asks for none."""
    session = open_site(site)
    session._tokens._found["https://management.azure.com"] = ("token-1234", time.time() + 3600)
    return session


def dripping(site: AzureSite, *replies: Reply) -> Any:
    """Answer for AZURE's hosts by the replies, over TLS and through a proxy."""

    @contextlib.contextmanager
    def run() -> Any:
        authority = trustme.CA()
        path = site.bin.parent / "other.pem"
        authority.cert_pem.write_to_path(str(path))
        with serving(*replies, tls=certificate(authority, "management.azure.com", "login.microsoftonline.com")) as wire:
            proxy = Proxy(int(wire.base_url.rpartition(":")[2]))
            site.set(HTTPS_PROXY=proxy.url, https_proxy=proxy.url, REQUESTS_CA_BUNDLE=str(path))
            try:
                yield wire
            finally:
                proxy.stop()

    return run()


def test_a_reply_that_drips_ends_with_the_deadline(site: AzureSite) -> None:
    site.patch.setattr(pauses, "SHORTEST_TIMEOUT", 0.3)
    with dripping(site, Reply(200, b"{" * 500, drip=0.05)):
        session = with_token(site)
        started = time.monotonic()
        with session.within(site.clock()):
            with pytest.raises(NoAnswerError, match=r"no answer in time from management\.azure\.com") as read:
                session.read("read it", VNET_ID, VERSION)
            with pytest.raises(NoAnswerError, match=r"no answer in time from management\.azure\.com") as written:
                session.write("make it", "DELETE", VNET_ID, VERSION)
            with pytest.raises(AuthError, match=r"no answer in time from login\.microsoftonline\.com") as signed_in:
                session.read("read it", "servicePrincipals")
    # All bytes would take half a minute, for each of them.
    assert time.monotonic() - started < 10
    assert (read.value.outcome_unknown, written.value.outcome_unknown, signed_in.value.outcome_unknown) == (False, True, False)


def test_a_host_that_is_not_trusted_is_not_talked_to(site: AzureSite, tmp_path: Path) -> None:
    other = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    site.set(REQUESTS_CA_BUNDLE=str(other))
    with pytest.raises(AuthError, match=r"cannot trust login\.microsoftonline\.com") as signed_in:
        open_site(site).read("read it", VNET_ID, VERSION)
    with pytest.raises(NoAnswerError, match=r"cannot trust management\.azure\.com") as read:
        with_token(site).read("read it", VNET_ID, VERSION)
    assert signed_in.value.hint == read.value.hint
    assert site.clock.pauses == []


def test_no_token_and_no_secret_is_shown(site: AzureSite) -> None:
    session = open_site(site)
    session.read("read it", VNET_ID, VERSION)
    token = site.entra.issued[-1]["token"]
    for text in (token, site.entra.secret):
        site.clouds.app.answers[:] = [(END, 400, error_of(text, f"You have sent {text}."))]
        with pytest.raises(ApiError) as caught:
            session.read("read it", VNET_ID, VERSION)
        assert text not in str(caught.value.to_result())
    assert token not in str(session.calls)


# Threads that share a session.


def test_threads_share_a_token_and_no_connection(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    session, together = open_site(site), threading.Barrier(6)
    used: list[Transport] = []
    exchange = Transport.exchange

    def meet(self: Transport, prepared: Any, timeout: float, path: str) -> Any:
        used.append(self)
        if path == VNET_ID:
            together.wait(10)
        return exchange(self, prepared, timeout, path)

    monkeypatch.setattr(Transport, "exchange", meet)
    with Workers[int, Any](6) as workers:
        for number in range(6):
            workers.submit(number, lambda: session.read("read the VNet", VNET_ID, VERSION))
        assert [one.result()["name"] for one in workers.results()] == [VNET[2]] * 6
    assert site.wire().count("POST login.microsoftonline.com") == 1
    # The token came by one of the six connections.
    assert len(set(used[1:])) == 6
    assert session.secrets >= {site.entra.secret, site.entra.issued[-1]["token"]}
    assert session.secrets is not session.secrets


def test_a_deadline_holds_for_a_thread_and_what_it_submits(site: AzureSite) -> None:
    session = open_site(site)

    def left() -> float:
        return session._retry.time_left(20.0)

    with Workers[str, float](2) as workers, session.within(site.clock() + 7):
        workers.submit("inside", left)
        workers.submit("inside, too", left)
        found = {one.key: one.result() for one in workers.results()}
        with pauses.unbounded():
            found["without"] = left()
    assert (found, left()) == ({"inside": 7.0, "inside, too": 7.0, "without": 20.0}, 20.0)


def test_a_thread_that_must_stop_sends_nothing(site: AzureSite) -> None:
    session = open_site(site)
    session.read("read the VNet", VNET_ID, VERSION)
    sent, stopped = len(site.sent), threading.Event()
    stopped.set()
    token = STOP.set(stopped)
    try:
        with pytest.raises(StoppedError):
            session.read("read the VNet", VNET_ID, VERSION)
    finally:
        STOP.reset(token)
    assert len(site.sent) == sent


def test_a_task_has_one_session_for_each_credentials(site: AzureSite) -> None:
    params = check_credentials({**USUAL, **site.secret})
    with contextlib.closing(CheckSession(None)) as task, Workers[int, Any](4) as workers:
        for number in range(4):
            workers.submit(number, lambda: task.open_azure(params, site.entra.tenant))
        opened = {one.result() for one in workers.results()}
        others = {task.open_azure(params, None), task.open_azure({**params, "secret": "other"}, site.entra.tenant)}
        assert (len(opened), len(others), opened & others) == (1, 2, set())
        with task.within(opened.copy().pop()._retry.clock() + 7):
            assert 6.0 < opened.copy().pop()._retry.time_left(100.0) <= 7.0
        assert {"other", site.entra.secret} <= task.secrets
