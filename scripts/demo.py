"""Demonstrates the collection: builds and installs it, and runs its playbooks against its emulator.

The first playbook requests a connection; the second connects both sides in one task, with an emulator of AWS. Then a route is
removed, and the playbook of the check says so, with a page. With `--cloud gcp`, a single playbook connects both sides on GCP,
from nothing. The demo fails unless each run in check mode only reads, each real run makes its changes, a second run changes
nothing, and the check finds the route alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any

from checkout import ROOT
from demo_aws import DemoAws, running_aws
from demo_gcp import DemoGcp, running_gcp
from emulator import EmulatorError, interrupt_on_signals, running_emulator

QUICKSTART = "docs/examples/quickstart.yml"
BOTH_SIDES = "docs/examples/both_sides.yml"
CHECK = "cloudpeer.atlas.check"
WHOLE_PATH_GCP = "docs/examples/whole_path_gcp.yml"
DEMO = ROOT / ".demo"
COLLECTIONS = DEMO / "collections"
NO_SETTINGS = DEMO / "ansible.cfg"
REPORT = DEMO / "peering.html"
READ_ON = {
    "aws": f"docs/guides/first_peering.md, for a project of your own. {REPORT.relative_to(ROOT)} is the page of the check.",
    "gcp": "docs/guides/gcp_from_nothing.md, for a project of your own.",
}
INSTALLED = COLLECTIONS / "ansible_collections" / "cloudpeer" / "atlas"


class DemoError(Exception):
    """A run did not do what the demo shows."""


@dataclass(frozen=True)
class Run:
    """The result of one run of a playbook."""

    status: int
    facts: dict[str, Any]
    requests: list[dict[str, Any]]

    @property
    def writes(self) -> list[str]:
        """The methods of the requests that may change something."""
        return [request["method"] for request in self.requests if request["method"] != "GET"]


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this environment without the user's settings of Ansible and Atlas, plus the variables given."""
    foreign = ("ANSIBLE_", "AWS_", "GCP_", "GOOGLE_", "MONGODB_ATLAS_", "MCLI_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # The emulator is on this host, and needs no proxy.
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment |= {
        "ANSIBLE_CONFIG": str(NO_SETTINGS),
        "ANSIBLE_INVENTORY": os.devnull,
        "ANSIBLE_HOME": str(DEMO / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    return environment | variables


def install_collection() -> None:
    """Build the collection and install it below the demo's folder, as a user would, without the network."""
    print("Building the collection, and installing it into .demo, as a user would ...", flush=True)
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    NO_SETTINGS.touch()
    galaxy = [sys.executable, "-m", "ansible", "galaxy", "collection"]
    for command in (
        [*galaxy, "build", "--output-path", str(DEMO)],
        [*galaxy, "install", "--offline", "--collections-path", str(COLLECTIONS)],
    ):
        archives = [str(path) for path in DEMO.glob("*.tar.gz")]
        done = subprocess.run(
            command + archives,
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"{done.stdout}\nansible-galaxy failed.")


def control(base_url: str, method: str) -> Any:
    """Read or delete the emulator's record of requests."""
    request = urllib.request.Request(f"{base_url}/emulator/requests", method=method)  # noqa: S310 - our own server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as reply:
        return json.loads(reply.read() or "null")


def heading(text: str) -> None:
    """Print a heading before the output of another program; an empty line parts it from what is above, but for the first."""
    line = f"── {text} " + "─" * max(3, 76 - len(text))
    gap = "" if text.startswith("1 of ") else "\n"
    print(f"{gap}\033[1m{line}\033[0m" if sys.stdout.isatty() else f"{gap}{line}", flush=True)


def run_playbook(title: str, playbook: str, variables: dict[str, str], *options: str) -> Run:
    """Run a playbook, which prints its changes, and return the result."""
    heading(title)
    print(" ".join(["  $ ansible-playbook", playbook, *options]), flush=True)
    base_url = variables["MONGODB_ATLAS_BASE_URL"]
    facts_file = DEMO / "facts.json"
    facts_file.unlink(missing_ok=True)
    control(base_url, "DELETE")
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", playbook, *options],
        cwd=ROOT,
        env=clean_environment(
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "scripts" / "callback_plugins"),
            ANSIBLE_STDOUT_CALLBACK="facts",
            ANSIBLE_CALLBACKS_ENABLED="cloudpeer.atlas.plan",
            DEMO_FACTS_FILE=str(facts_file),
            **variables,
        ),
        # Between the headings, where the callback's lines would come in any order otherwise.
        stderr=subprocess.STDOUT,
    )
    try:
        status = process.wait()
    finally:
        # It has to end its own workers, so it is not killed. Does nothing if it has ended.
        process.terminate()
        process.wait()
    facts = json.loads(facts_file.read_text(encoding="utf-8")) if facts_file.exists() else {}
    return Run(status, facts, control(base_url, "GET"))


def check(run: Run, title: str, **expected: Any) -> None:
    """Compare a run with what is expected of it.

    Raises:
        DemoError: If they differ, with all differences.
    """
    found = {
        "exit status": run.status,
        "changed": run.facts.get("changed"),
        "writes": run.writes,
        "status": (run.facts.get("vpc_peer") or {}).get("status_name"),
    }
    wanted = {"exit status": 0, **expected}
    wrong = [f"{key} is {found[key]!r} instead of {value!r}" for key, value in wanted.items() if found[key] != value]
    if wrong:
        raise DemoError(f"{title}: {'; '.join(wrong)}.")


def demonstrate(
    numbers: range, steps: int, what: str, playbook: str, variables: dict[str, str], status: str, writes: list[str]
) -> dict[str, Any]:
    """Run a playbook in check mode, really, and perhaps again, check each run, and return the connection.

    Args:
        numbers: The numbers of the steps, two or three.
        steps: The number of all steps of the demo.
        what: What the playbook does, in a few words.
        playbook: The file.
        variables: The environment variables for Atlas and the cloud.
        status: The expected state of the connection at the end.
        writes: The methods of the expected requests that may change something.

    Raises:
        DemoError: If a run differs from what is expected.
    """
    titles = [
        f"{number} of {steps}: {what}{how}" for number, how in zip(numbers, (", in check mode", "", " again"), strict=False)
    ]
    preview = run_playbook(titles[0], playbook, variables, "--check", "--diff")
    check(preview, "The check run", writes=[])
    creation = run_playbook(titles[1], playbook, variables)
    check(creation, "The real run", writes=writes, status=status)
    for title in titles[2:]:
        check(run_playbook(title, playbook, variables), "The second run", changed=0, writes=[], status=status)
    if not preview.facts["changed"] or not creation.facts["changed"]:
        raise DemoError(f"{playbook}: a run changed nothing, but should have changed something.")
    peer: dict[str, Any] = creation.facts["vpc_peer"]
    return peer


def show(title: str, fields: dict[str, Any]) -> None:
    """Print the fields that have a value below a heading, one on each line."""
    heading(title)
    width = max(map(len, fields))
    for name, value in fields.items():
        if value is not None:
            print(f"  {name:<{width}}  {value}")


def show_both_views(peer: dict[str, Any], aws: DemoAws) -> None:
    """Print how both clouds show the connection.

    Raises:
        DemoError: If AWS shows no active connection with a route to it.
    """
    view = aws.view()
    show("What both sides show", {"Atlas": f"{peer['status_name']}, in container {peer['container_id']}", **view})
    connection = peer["connection_id"]
    if view.get(f"connection {connection}") != "active" or not any(connection in value for value in view.values()):
        raise DemoError(f"AWS does not show {connection} as active, with a route to it.")


def show_both_halves(peer: dict[str, Any], gcp: DemoGcp) -> None:
    """Print how Atlas and GCP show the connection.

    Raises:
        DemoError: If GCP shows no active peering with a network of Atlas.
    """
    show("What Atlas shows", peer)
    view = gcp.view()
    show("What GCP shows", view)
    peerings = [value for name, value in view.items() if name.startswith("peering ")]
    if len(peerings) != 1 or not peerings[0].startswith("ACTIVE, to projects/p-"):
        raise DemoError(f"GCP shows {', '.join(peerings) or 'no peering'} instead of an active one to Atlas's network.")


def demonstrate_aws() -> None:
    """Run the demo with AWS.

    Raises:
        DemoError: If something is not as it should be.
    """
    steps = 6
    with running_emulator(INSTALLED, "--port", "0") as variables:
        peer = demonstrate(range(1, 3), steps, "request a connection", QUICKSTART, variables, "PENDING_ACCEPTANCE", ["POST"])
        print(f"  The owner of the AWS account has seven days to accept {peer['connection_id']}, until {peer['expires_at']}.")
    with (
        running_aws() as aws,
        running_emulator(INSTALLED, "--port", "0", "--aws-endpoint-url", aws.url, "--step-seconds", "0.5") as variables,
    ):
        # The request, and the entry in the access list.
        writes = ["POST", "POST"]
        everything = {**variables, **aws.variables}
        peer = demonstrate(range(3, 6), steps, "connect both sides in one task", BOTH_SIDES, everything, "AVAILABLE", writes)
        show_both_views(peer, aws)
        put_cluster(everything["MONGODB_ATLAS_BASE_URL"])
        demonstrate_check(f"{steps} of {steps}: a route is removed; why is there no traffic?", everything, aws)


def put_cluster(base_url: str) -> None:
    """Put a cluster into the project, which the check can judge."""
    cluster = json.dumps({"name": "shop", "regions": [{"region_name": "US_EAST_1"}]}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base_url}/emulator/clusters", cluster, headers)  # noqa: S310 - our own server
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()


def demonstrate_check(title: str, variables: dict[str, str], aws: DemoAws) -> None:
    """Remove a route in AWS, and run the check, which writes a page.

    Raises:
        DemoError: If the check does not find the route, or finds anything else.
    """
    aws.remove_route()
    run = run_playbook(title, CHECK, variables, "-e", f"peering_check_report={REPORT.relative_to(ROOT)}")
    codes = [one["code"] for one in (run.facts.get("peering_check") or {}).get("findings", []) if one["severity"] == "fail"]
    if (run.status, codes, run.writes) != (2, ["P601"], []):
        raise DemoError(f"The check ended with {run.status}, and found {', '.join(codes) or 'nothing'} instead of P601.")


def demonstrate_gcp() -> None:
    """Run the demo with GCP.

    Raises:
        DemoError: If something is not as it should be.
    """
    with (
        running_gcp() as gcp,
        running_emulator(INSTALLED, "--port", "0", "--clouds-url", gcp.clouds_url, "--step-seconds", "0.5") as variables,
    ):
        # The network container, the request, and the entry in the access list.
        writes = ["POST", "POST", "POST"]
        everything = {**variables, **gcp.variables}
        peer = demonstrate(range(1, 4), 3, "connect both sides on GCP", WHOLE_PATH_GCP, everything, "AVAILABLE", writes)
        show_both_halves(peer, gcp)


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(description="Demonstrates the collection against emulators.")
    parser.add_argument("--cloud", choices=["aws", "gcp"], default="aws", type=str.lower, help="the cloud (%(default)s)")
    cloud = parser.parse_args().cloud
    interrupt_on_signals()
    try:
        install_collection()
        if cloud == "gcp":
            demonstrate_gcp()
        else:
            demonstrate_aws()
        print(f"\nRead on in {READ_ON[cloud]}\nMany networks, or the role: docs/guides/whole_path.md", flush=True)
    except (DemoError, EmulatorError) as error:
        print(f"\nThe demo failed. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
