"""Runs the Atlas emulator in the foreground and prints what makes a playbook use it."""

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

from checkout import ROOT


class EmulatorError(Exception):
    """The emulator did not start."""


@contextmanager
def running_emulator(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run the emulator of the collection in that folder; give the variables that point a playbook at it, and stop it at the end.

    It gets a session of its own, so that Ctrl-C ends this program first, which then ends the emulator.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.emulator", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - for mypy
    try:
        line = process.stdout.readline()
        if not line:
            raise EmulatorError(f"The emulator did not start (exit status {process.wait()}); what it said is above.")
        ready = json.loads(line)
        yield {
            "MONGODB_ATLAS_BASE_URL": ready["base_url"],
            "MONGODB_ATLAS_PUBLIC_API_KEY": ready["public_key"],
            "MONGODB_ATLAS_PRIVATE_API_KEY": ready["private_key"],
            "MONGODB_ATLAS_PROJECT_ID": ready["group_id"],
        }
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def interrupt_on_signals() -> None:
    """Make the other signals that end a program act as Ctrl-C, so that everything is cleaned up then too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def main() -> int:
    """Run until interrupted."""
    interrupt_on_signals()
    try:
        with running_emulator(ROOT, *(sys.argv[1:] or ["--port", "8080"])) as variables:
            print(f"An Atlas emulator listens on {variables['MONGODB_ATLAS_BASE_URL']}. Ctrl-C stops it. To use it elsewhere:\n")
            for name, value in variables.items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            signal.pause()
    except EmulatorError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # The way to end it, not a failure.
        print()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
