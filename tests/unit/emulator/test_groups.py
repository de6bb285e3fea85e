"""Several projects for the same keys, and peers that are called by what AWS calls them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import Api, error
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.test_cli import HANG, finished, started
from requests.auth import HTTPDigestAuth

SCRIPT = ROOT / "scripts" / "emulator.py"
FIRST = "5356823b3794dee37132bb7b"
NAMES = ["emulator", "emulator-2", "emulator-3"]
IDS = [FIRST, "5356823b3794dee37132bb7c", "5356823b3794dee37132bb7d"]


@pytest.fixture
def several(start):
    """Return clients for three projects of one emulator."""
    first = start(step_seconds=0, groups=3)
    clients = [first, *(Api(first.emulator, "v2") for unused in range(2))]
    for client, group_id in zip(clients, IDS):
        client.group = f"{client.root}/groups/{group_id}"
    return clients


def first_container(api):
    """Return the container that a project begins with."""
    return api.call("GET", "/containers/all").json()["results"][0]["id"]


def make_peer(api, **fields):
    """Make a peer in the container that its project begins with."""
    return api.make_peer(containerId=first_container(api), **fields)


def test_projects_are_listed(several):
    """By id and by name, in the list and in what the key may do; the next start gives the same ids."""
    api = several[0]
    page = api.call("GET", f"{api.root}/groups").json()
    assert [(one["id"], one["name"]) for one in page["results"]] == list(zip(IDS, NAMES))
    assert len({one["orgId"] for one in page["results"]}) == 1
    for client, group in zip(several, page["results"]):
        alone = client.call("GET").json()
        assert {**alone, "links": alone["links"][:1]} == group
        assert client.call("GET", group["links"][0]["href"]).json() == alone
        assert client.call("GET", f"{api.root}/groups/byName/{group['name']}").json() == alone
        assert {link["href"].removeprefix(f"{client.group}/") for link in alone["links"][1:]} >= {
            "containers",
            "clusters",
            "peers",
        }
    assert api.call("GET", f"{api.root}/groups/5356823b3794dee37132bb7e/peers").json()["errorCode"] == "GROUP_NOT_FOUND"
    roles = api.call("GET", api.root).json()["apiKey"]["roles"]
    assert [role["groupId"] for role in roles] == IDS
    assert len(api.call("GET", f"{api.root}/groups?itemsPerPage=2&pageNum=2").json()["results"]) == 1


# For a name that is not there, the official Kubernetes operator (test/int/project_test.go) knows this code, and the stand-in of
# Atlas in the official service broker has both.
UNKNOWN = (401, "NOT_IN_GROUP")


def test_names_of_projects(several):
    """Not there is refused as not allowed, one of two is taken, and a slash leads nowhere."""
    api = several[0]

    def by_name(name):
        return api.call("GET", f"{api.root}/groups/byName/{name}")

    assert error(by_name("emulator-4")) == UNKNOWN
    for project in api.emulator.projects[1:]:
        project.name = "shop"
    assert by_name("shop").json()["id"] == IDS[1]
    api.emulator.project.name = "shop/test"
    assert error(by_name("shop%2Ftest")) == error(by_name("shop/test")) == (404, "RESOURCE_NOT_FOUND")
    api.control("POST", "/reset")
    assert by_name("emulator-3").json()["id"] == IDS[2]


def test_what_tests_say_of_a_project(several):
    """Name, tags, organization, and whether the keys are for it; a reset takes it back."""
    one, two, three = several
    said = {"name": "<b> {{ 7 * 7 }}\x07", "tags": {"env": "prod", "team": "a b"}}
    assert one.control("POST", f"/groups/{IDS[1]}", said).json().items() >= said.items()
    group = two.call("GET").json()
    assert (group["name"], group["tags"]) == (said["name"], [{"key": "env", "value": "prod"}, {"key": "team", "value": "a b"}])
    assert one.call("GET", f"{one.root}/groups").json()["results"][1]["tags"] == group["tags"]
    assert one.control("POST", f"/groups/{IDS[2]}", {"visible": False}).status_code == 200
    assert [found["id"] for found in one.call("GET", f"{one.root}/groups").json()["results"]] == IDS[:2]
    assert error(three.call("GET")) == error(three.call("GET", "/peers")) == UNKNOWN
    assert error(one.call("GET", f"{one.root}/groups/byName/emulator-3")) == UNKNOWN
    assert [role["groupId"] for role in one.call("GET", one.root).json()["apiKey"]["roles"]] == IDS[:2]
    for wrong in ({"name": 7}, {"tags": ["env"]}, {"tags": {"env": 1}}, {"visible": "no"}, {"org_id": "0" * 24}, {"id": IDS[0]}):
        assert one.control("POST", f"/groups/{IDS[1]}", wrong).status_code == 400
    assert one.control("POST", f"/groups/{'0' * 24}", said).status_code == 404
    assert two.call("GET").json() == group
    one.control("POST", "/reset")
    assert [found["name"] for found in one.call("GET", f"{one.root}/groups").json()["results"]] == NAMES


def test_organizations(start):
    """Projects belong to them in turn; both lists can be searched by the beginning of a name, and have pages."""
    api = start(groups=5, orgs=2)

    def listed(path, field="name"):
        return [one[field] for one in api.call("GET", api.root + path).json()["results"]]

    assert listed("/orgs") == ["emulator-org", "emulator-org-2"]
    assert listed("/orgs?name=EMULATOR-ORG-") == ["emulator-org-2"]
    assert listed("/orgs?name=org") == []
    page = api.call("GET", f"{api.root}/orgs?itemsPerPage=1&pageNum=2").json()
    assert ([one["name"] for one in page["results"]], page["totalCount"]) == (["emulator-org-2"], 2)
    assert "totalCount" not in api.call("GET", f"{api.root}/orgs?includeCount=false").json()
    second = page["results"][0]
    assert api.call("GET", second["links"][0]["href"]).json() == second
    assert listed(f"/orgs/{second['id']}/groups") == ["emulator-2", "emulator-4"]
    assert listed(f"/orgs/{second['id']}/groups?name=Emulator-4") == ["emulator-4"]
    groups = api.call("GET", f"{api.root}/groups").json()["results"]
    assert [one["orgId"] == second["id"] for one in groups] == [False, True, False, True, False]
    assert api.call("GET", f"{api.root}/orgs/{second['id']}/groups").json()["results"] == groups[1::2]
    api.emulator.projects[1].name = api.emulator.project.name
    assert listed(f"/orgs/{second['id']}/groups") == ["emulator", "emulator-4"]
    assert error(api.call("GET", f"{api.root}/groups?name=emulator")) == (400, "INVALID_QUERY_PARAMETER")
    assert error(api.call("GET", f"{api.root}/orgs/{'0' * 24}")) == (404, "ORG_NOT_FOUND")
    assert error(api.call("GET", f"{api.root}/orgs/emulator-org/groups")) == (400, "PATH_PARAM_PARSE_ERROR")


def test_projects_know_nothing_of_each_other(several):
    """Each has peers, containers and an access list of its own; ids of one are unknown in another."""
    containers = [first_container(api) for api in several]
    assert len(set(containers)) == 3
    pair = {"vpcId": "vpc-0a1b2c3d4e5f67890", "awsAccountId": "123456789012", "routeTableCidrBlock": "10.15.0.0/16"}
    peers = [make_peer(api, **pair) for api in several[:2]]
    one, two, three = several
    expected = [[peers[0]["id"]], [peers[1]["id"]], []]
    assert [[peer["id"] for peer in api.call("GET", "/peers").json()["results"]] for api in several] == expected
    assert two.call("GET", f"/peers/{peers[0]['id']}").json()["parameters"] == [peers[0]["id"], IDS[1]]
    response = three.call("POST", "/peers", json=three.new_peer(containerId=containers[0]))
    assert response.json()["errorCode"] == "CLOUD_PROVIDER_CONTAINER_NOT_FOUND"
    assert two.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).status_code == 200
    assert two.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5"}]).json()["results"][0]["groupId"] == IDS[1]
    assert [api.call("GET", "/containers/all").json()["totalCount"] for api in several] == [1, 2, 1]
    assert [api.call("GET", "/accessList").json()["totalCount"] for api in several] == [0, 1, 0]
    assert one.control("POST", f"/peers/{peers[1]['id']}/accept").json()["statusName"] == "FINALIZING"
    assert [one.status_of(peers[0]["id"]), two.status_of(peers[1]["id"])] == ["PENDING_ACCEPTANCE", "AVAILABLE"]


def test_reset_is_for_all(several):
    """What the ready line said stays true."""
    containers = [first_container(api) for api in several]
    for api in several:
        make_peer(api)
        api.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5"}])
    assert several[0].control("POST", "/reset").status_code == 204
    for api, container in zip(several, containers):
        assert api.call("GET", "/peers").json()["results"] == api.call("GET", "/accessList").json()["results"] == []
        assert first_container(api) == container


def test_limits_are_those_of_a_project(start):
    """Of peers, and of requests."""
    first = start(step_seconds=0, groups=2, max_peers=1, rate_limit="4/1/3600")
    second = Api(first.emulator, "v2")
    second.group = f"{second.root}/groups/{IDS[1]}"
    for api in (first, second):
        make_peer(api)
        text = "PEER_MAXIMUM_REACHED"
        assert api.call("POST", "/peers", json=api.new_peer(containerId=first_container(api))).json()["errorCode"] == text
        assert api.call("GET").status_code == 429
    assert [one["scope"] for one in limits_of(start(groups=2, rate_limit="90/1"), IDS[1])] == ["GROUP"]


def limits_of(api, group_id):
    """Return the limits of a project."""
    headers = {"Accept": "application/vnd.atlas.2025-03-12+json"}
    return api.call("GET", f"{api.root}/rateLimits?groupId={group_id}", headers=headers).json()["results"]


def test_a_page_that_moves_is_its_own_project_s(several):
    """A fault rule that changes a list changes the one that was asked for."""
    one, two, unused = several
    first, second = make_peer(one), make_peer(two)
    rule = {"method": "GET", "path_glob": f"*{IDS[1]}/peers*", "fault": {"kind": "moving_page"}}
    requests.post(f"{one.emulator.base_url}/emulator/faults", json=rule, timeout=10).raise_for_status()
    assert [peer["id"] for peer in two.call("GET", "/peers").json()["results"]] == [second["id"]]
    assert two.call("GET", "/peers").json()["results"] == []
    assert [peer["id"] for peer in one.call("GET", "/peers").json()["results"]] == [first["id"]]


def test_ready_line(several):
    """All projects stand in it, each with its first container."""
    said = several[0].emulator.announcement()
    assert said["group_id"] == FIRST
    assert [group["group_id"] for group in said["groups"]] == IDS
    assert [group["container_id"] for group in said["groups"]] == [first_container(api) for api in several]
    assert said["container_id"] == said["groups"][0]["container_id"]


@pytest.mark.parametrize("action", ["accept", "reject", "expire", "fail"])
@pytest.mark.parametrize("name", ["id", "connectionId", "vpcId"])
def test_names_of_a_peer(several, action, name):
    """Atlas's id, AWS's id of the connection, and that of the VPC, in whatever project it is."""
    made = make_peer(several[2])
    make_peer(several[2])
    peer = several[2].call("GET", f"/peers/{made['id']}").json()
    response = several[0].control("POST", f"/peers/{peer[name]}/{action}")
    assert response.status_code == 200
    expected = (peer["id"], "FINALIZING" if action == "accept" else "FAILED")
    assert (response.json()["id"], response.json()["statusName"]) == expected
    again = several[0].control("POST", f"/peers/{peer[name]}/{action if action != 'fail' else 'accept'}")
    assert again.status_code == 409
    assert peer["id"] in again.json()["detail"]


@pytest.mark.parametrize("name", ["0" * 24, "pcx-0123456789abcdef0", "vpc-0123456789abcdef0", "None", "null", "%00", "x"])
def test_names_that_nobody_has(api, name):
    """A peer without a connection id is not called None."""
    api.make_peer()
    assert api.control("POST", f"/peers/{name}/accept").status_code == 404


def test_several_of_a_vpc_are_waiting(several):
    """Then somebody has to choose: nothing happens, and the reply has their ids."""
    pair = {"vpcId": "vpc-0a1b2c3d4e5f67890", "awsAccountId": "123456789012", "routeTableCidrBlock": "10.15.0.0/16"}
    api = several[0]
    other = api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
    ids = [
        peer["id"] for peer in (make_peer(api, **pair), api.make_peer(containerId=other, **pair), make_peer(several[1], **pair))
    ]
    for action in ("accept", "reject", "expire", "fail"):
        response = api.control("POST", f"/peers/{pair['vpcId']}/{action}")
        assert (response.status_code, response.json()["error"], response.json()["ids"]) == (409, 409, ids)
        assert all(peer_id in response.json()["detail"] for peer_id in ids)
    assert [api.status_of(peer_id) for peer_id in ids[:2]] == ["PENDING_ACCEPTANCE"] * 2
    # One of them is done with, one is being deleted: the last one is what is meant.
    assert api.control("POST", f"/peers/{ids[0]}/accept").status_code == 200
    assert api.control("POST", f"/peers/{ids[2]}/reject").status_code == 200
    assert api.control("POST", f"/peers/{pair['vpcId']}/accept").json()["id"] == ids[1]
    response = api.control("POST", f"/peers/{pair['vpcId']}/accept")
    assert (response.status_code, response.json()["ids"]) == (409, ids)
    assert "AVAILABLE" in response.json()["detail"]


def test_a_network_is_named_too(api):
    """A connection on Azure or Google Cloud is named by Atlas's id or by its network."""
    container = api.call("POST", "/containers", json={"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"}).json()["id"]
    body = {"providerName": "GCP", "containerId": container, "gcpProjectId": "my-project", "networkName": "vpc-1"}
    peer = api.call("POST", "/peers", json=body).json()
    assert api.status_of(peer["id"]) == "WAITING_FOR_USER"
    assert api.control("POST", "/peers/VPC-1/accept").status_code == 404
    assert api.control("POST", "/peers/vpc-1/accept").json()["status"] == "AVAILABLE"


def test_command_line():
    """All projects work with the keys of the ready line."""
    with started("--port", "0", "--groups", "2", "--group-id", "a" * 23 + "f") as (_process, said):
        assert [group["group_id"] for group in said["groups"]] == ["a" * 23 + "f", "a" * 22 + "b0"]
        for group in said["groups"]:
            url = f"{said['base_url']}/api/atlas/v1.0/groups/{group['group_id']}/containers/{group['container_id']}"
            auth = HTTPDigestAuth(said["public_key"], said["private_key"])
            assert requests.get(url, auth=auth, timeout=10).json()["id"] == group["container_id"]
    for option, number in (("--groups", "0"), ("--groups", "501"), ("--orgs", "0"), ("--orgs", "101"), ("--groups", "x")):
        end = finished(option, number)
        assert (end.returncode, end.stdout) == (2, "")
        assert option in end.stderr


@contextlib.contextmanager
def script(*options):
    """Run the script behind `make emulator`."""
    if not SCRIPT.is_file():
        pytest.skip("the scripts are not part of an installed collection")
    command = [sys.executable, str(SCRIPT), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process, words):
    """Return what the script prints up to a line with these words."""
    said = ""
    timer = threading.Timer(HANG, process.terminate)
    timer.daemon = True
    timer.start()
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    timer.cancel()
    return said


def printed(*options):
    """Return what the script prints up to its advice for Terraform, and end it."""
    with script(*options) as process:
        said = read_until(process, "mongodbatlas")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    return said


def test_script_passes_its_arguments_on():
    """They are the emulator's own; all that is needed to use it is printed, and Ctrl-C ends it."""
    with script("--port", "0", "--groups", "2", "--public-key", "some one") as process:
        said = read_until(process, IDS[1])
        assert 'leave provider "mongodbatlas" {} empty' in said
        assert re.search(r"export MONGODB_ATLAS_BASE_URL=http://127.0.0.1:\d+\n", said)
        assert "export MONGODB_ATLAS_PUBLIC_API_KEY='some one'\n" in said
        assert f"export MONGODB_ATLAS_PROJECT_ID={FIRST}\n" in said
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def exports(text):
    """Return the variables that the lines of a shell set."""
    return dict(re.findall(r"export (\w+)=(\S+)$", text, re.MULTILINE))


def test_the_guide_and_the_script_print_the_same_variables():
    """All that a client of Atlas reads: one that lacks its own would send the keys to the real Atlas.

    The Atlas CLI reads MONGODB_ATLAS_OPS_MANAGER_URL alone (internal/store/store.go of 1.46.4), and its older client wants
    a slash at the end of it (newRequest in go.mongodb.org/atlas v0.38.0).
    """
    guide = ROOT / "docs" / "guides" / "testing.md"
    if not guide.is_file():
        pytest.skip("the guides are not here")
    said = printed("--port", "0")
    url = exports(said)["MONGODB_ATLAS_BASE_URL"]
    text = guide.read_text(encoding="utf-8")
    shell, workflow = (text.split(f"\n## {title}\n")[1].split("\n## ")[0] for title in ("Start it", "In CI"))
    variables = exports(said.replace(url, "http://127.0.0.1:8080"))
    assert variables == exports(shell)
    # A job that runs other clients as well would send the keys of the emulator, or others, to the real Atlas.
    assert variables == dict(re.findall(r'^ +(MONGODB_ATLAS_\w+): "?([^"\n]*)', workflow, re.MULTILINE))
    assert exports(said)["MONGODB_ATLAS_OPS_MANAGER_URL"] == f"{url}/"
    # Test suites that create a project want its organization (internal/testutil/acc/pre_check.go of Terraform's provider).
    assert exports(said)["MONGODB_ATLAS_ORG_ID"] == Settings().org_ids[0]
    assert {"MONGODB_ATLAS_SKIP_UPDATE_CHECK": "yes", "MONGODB_ATLAS_TELEMETRY_ENABLED": "false"}.items() <= exports(said).items()


def test_https_is_trusted_by_clients_in_go_and_by_playbooks(tmp_path):
    """Wherever the other shell is."""
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    certificate = os.path.relpath(tmp_path / "server.pem", ROOT)
    found = exports(printed("--port", "0", "--tls-certificate", certificate))
    assert found["MONGODB_ATLAS_OPS_MANAGER_URL"].startswith("https://")
    assert found["SSL_CERT_FILE"] == found["REQUESTS_CA_BUNDLE"] == os.path.realpath(tmp_path / "server.pem")


@pytest.mark.parametrize(
    ("options", "status", "words"), [(["--help"], 0, "--list-lag-seconds"), (["--groups", "x"], 1, "invalid int")]
)
def test_script_leaves_what_is_wrong_to_the_emulator(options, status, words):
    """Help too."""
    with script(*options) as process:
        said, unused = process.communicate(timeout=20)
    assert words in said
    assert "Traceback" not in said
    assert process.returncode == status


def test_make_passes_its_arguments_on():
    """make emulator ARGS=..."""
    if not shutil.which("make") or not (ROOT / "Makefile").is_file():
        pytest.skip("make, or the Makefile, is not there")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "emulator", "ARGS=--port 0 --groups 2"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.splitlines()[-1].endswith("scripts/emulator.py --port 0 --groups 2")
