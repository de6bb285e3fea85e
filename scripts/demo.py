"""Shows the collection at work: builds and installs it, and runs the quickstart playbook against the emulator that it ships.

Fails unless the check run sends reads only, the real run creates the connection, and a second run changes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any

from checkout import ROOT
from emulator import EmulatorError, interrupt_on_signals, running_emulator

PLAYBOOK = "docs/examples/quickstart.yml"
DEMO = ROOT / ".demo"
COLLECTIONS = DEMO / "collections"
NO_SETTINGS = DEMO / "ansible.cfg"
INSTALLED = COLLECTIONS / "ansible_collections" / "cloudpeer" / "atlas"


class DemoError(Exception):
    """The demo did not do what it is there to show."""


@dataclass(frozen=True)
class Run:
    """What one run of the playbook did."""

    status: int
    facts: dict[str, Any]
    requests: list[dict[str, Any]]

    @property
    def writes(self) -> list[str]:
        """Return the methods of the requests that were no reads."""
        return [request["method"] for request in self.requests if request["method"] != "GET"]


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this environment without the user's settings of Ansible and Atlas, plus the variables given."""
    foreign = ("ANSIBLE_", "MONGODB_ATLAS_", "MCLI_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # The emulator is on this host: a proxy must not get between.
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment |= {
        "ANSIBLE_CONFIG": str(NO_SETTINGS),
        "ANSIBLE_INVENTORY": os.devnull,
        "ANSIBLE_HOME": str(DEMO / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    return environment | variables


def install_collection() -> None:
    """Build the collection and install it below the demo's folder, as a user would, without the network."""
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
    """Print a heading before output that comes from elsewhere."""
    line = f"── {text} " + "─" * max(3, 76 - len(text))
    print(f"\n\033[1m{line}\033[0m\n" if sys.stdout.isatty() else f"\n{line}\n", flush=True)


def run_playbook(title: str, variables: dict[str, str], *options: str) -> Run:
    """Run the playbook with its output shown, and return what it did."""
    heading(title)
    base_url = variables["MONGODB_ATLAS_BASE_URL"]
    facts_file = DEMO / "facts.json"
    facts_file.unlink(missing_ok=True)
    control(base_url, "DELETE")
    playbook = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, *options],
        cwd=ROOT,
        env=clean_environment(
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "scripts" / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="facts",
            DEMO_FACTS_FILE=str(facts_file),
            **variables,
        ),
    )
    try:
        status = playbook.wait()
    finally:
        # Asked, not killed: it has to end its own workers. Does nothing if it has ended.
        playbook.terminate()
        playbook.wait()
    facts = json.loads(facts_file.read_text(encoding="utf-8")) if facts_file.exists() else {}
    return Run(status, facts, control(base_url, "GET"))


def check(run: Run, title: str, **expected: Any) -> None:
    """Raise an error that tells all the differences, if the run did something else."""
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


def demonstrate(variables: dict[str, str]) -> None:
    """Run the playbook three times, each with the proof that it did its part, and sum up."""
    preview = run_playbook(
        f"1 of 3: what would happen (ansible-playbook {PLAYBOOK} --check --diff)", variables, "--check", "--diff"
    )
    check(preview, "The check run", changed=1, writes=[])
    creation = run_playbook(f"2 of 3: do it, and wait (ansible-playbook {PLAYBOOK})", variables)
    check(creation, "The real run", changed=1, writes=["POST"], status="PENDING_ACCEPTANCE")
    repetition = run_playbook("3 of 3: the same again changes nothing", variables)
    check(repetition, "The second run", changed=0, writes=[], status="PENDING_ACCEPTANCE")

    heading("The connection")
    peer = repetition.facts["vpc_peer"]
    width = max(map(len, peer))
    for name, value in peer.items():
        print(f"  {name:<{width}}  {'-' if value is None else value}")
    print("\nRequests: ", end="")
    print(
        ", ".join(
            f"{len(run.requests)} {name}"
            for name, run in (("to preview", preview), ("to create and wait", creation), ("to find nothing to do", repetition))
        )
    )


def main() -> int:
    """Run the demo and return the exit status."""
    interrupt_on_signals()
    try:
        install_collection()
        with running_emulator(INSTALLED, "--port", "0") as variables:
            demonstrate(variables)
    except (DemoError, EmulatorError) as error:
        print(f"\nThe demo failed. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
