"""Runs the Atlas emulator in the foreground, and prints the environment variables with which clients of Atlas use it.

The demo starts the emulators of Atlas and of GCP with what is here.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkout import ROOT


class EmulatorError(Exception):
    """An emulator did not start."""


ATLAS = "tests.emulator"


@contextmanager
def ready_emulator(module: str, folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run an emulator for the length of a with statement, and yield its first line, parsed.

    It gets a session of its own, so that Ctrl-C ends this program first, which then ends the emulator.

    Args:
        module: Its Python module.
        folder: The folder of the collection that it is taken from.
        options: Its options.

    Raises:
        EmulatorError: If the emulator does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - for mypy
    try:
        line = process.stdout.readline()
        if not line:
            raise EmulatorError(f"{module} did not start (exit status {process.wait()}); its output is above.")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def variables_for(ready: dict[str, Any]) -> dict[str, str]:
    """Return the environment variables with which playbooks, Terraform and the Atlas CLI use an emulator, and nothing else."""
    certificate = ready.get("tls_certificate")
    return {
        "MONGODB_ATLAS_BASE_URL": ready["base_url"],
        # The Atlas CLI reads this one alone; for some of its requests, it needs the slash.
        "MONGODB_ATLAS_OPS_MANAGER_URL": f"{ready['base_url']}/",
        # Where the Atlas CLI and test suites of clients create projects.
        "MONGODB_ATLAS_ORG_ID": ready["groups"][0]["org_id"],
        "MONGODB_ATLAS_PROJECT_ID": ready["group_id"],
        "MONGODB_ATLAS_PUBLIC_API_KEY": ready["public_key"],
        "MONGODB_ATLAS_PRIVATE_API_KEY": ready["private_key"],
        "MONGODB_ATLAS_SKIP_UPDATE_CHECK": "yes",
        "MONGODB_ATLAS_TELEMETRY_ENABLED": "false",
        # For clients in Go, and for playbooks.
        **({"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate} if certificate else {}),
    }


@contextmanager
def running_emulator(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run the emulator of Atlas, and yield the environment variables with which a playbook uses it."""
    with ready_emulator(ATLAS, folder, *options) as ready:
        yield variables_for(ready)


def interrupt_on_signals() -> None:
    """Let the other signals that end a program act like Ctrl-C, so that they also clean up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def main() -> int:
    """Run until interrupted, with the emulator's own options."""
    options = sys.argv[1:]
    if {"-h", "--help"} & {*options}:
        return subprocess.run([sys.executable, "-m", ATLAS, "--help"], cwd=ROOT, check=False).returncode
    interrupt_on_signals()
    try:
        with ready_emulator(ATLAS, ROOT, *options) as ready:
            print(f"An Atlas emulator listens on {ready['base_url']}. Ctrl-C stops it. To use it in another shell:\n")
            for name, value in variables_for(ready).items():
                print(f"export {name}={shlex.quote(value)}")
            print('\nIn Terraform, leave provider "mongodbatlas" {} empty: with base_url there, the keys go to the real Atlas.')
            others = ready["groups"][1:]
            if others:
                print("\nMore projects, with the same credentials:\n")
            for group in others:
                print(f"{group['group_id']}  {group['name']}")
            sys.stdout.flush()
            signal.pause()
    except EmulatorError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # This is how it ends, and not a failure.
        print()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
