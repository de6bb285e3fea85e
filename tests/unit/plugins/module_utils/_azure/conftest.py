"""A stand-in of AZURE over TLS, behind a proxy, with one VNet; and the Azure CLI as a program on PATH."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import AZURE_OPTIONS, check_credentials
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ARM, GRAPH
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds, running
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

#: No options.
USUAL: dict[str, Any] = {name: option.get("default") for name, option in AZURE_OPTIONS.options.items()}


@dataclass
class AzureSite:
    """The stand-in, and what runs requests against it."""

    clouds: RunningClouds
    bin: Path
    patch: pytest.MonkeyPatch
    clock: FakeClock
    session: AzureSession | None = None

    @property
    def entra(self) -> Any:
        return self.clouds.azure.entra

    @property
    def secret(self) -> dict[str, str]:
        """The options that sign in an application."""
        return {"client_id": self.entra.client_id, "secret": self.entra.secret, "tenant": self.entra.tenant}

    def open(self, directory_id: str | None = None, **options: Any) -> AzureSession:
        """Return a session, on a clock of its own."""
        params = check_credentials({**USUAL, **options})
        self.session = AzureSession({**params, "directory_id": directory_id}, self.clock, self.clock.sleep)
        return self.session

    def read(self, directory_id: str | None = None, **options: Any) -> dict[str, Any]:
        """Read the VNet with a new session."""
        return self.open(directory_id, **options).read("read the VNet", VNET_ID, "2024-05-01")

    def set(self, **variables: str | None) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.patch.setenv(name, str(value))

    def wire(self) -> list[str]:
        """Return the requests: the method, and the host, or the end of the path in ARM."""
        return [
            f"{method} {path.rpartition('/')[2] if path.startswith('/') else path.partition('/')[0]}"
            for method, path in self.sent
        ]

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(one.method, one.path) for one in self.session.calls] if self.session is not None else []

    def write_profile(self, **fields: str) -> None:
        """Write `~/.azure/credentials`: the fields of `default`, and of the profiles in front of names (`ci__client_id`)."""
        sections: dict[str, list[str]] = {}
        for name, value in fields.items():
            section, _dot, field = name.rpartition("__")
            sections.setdefault(section or "default", []).append(f"{field}={value}")
        text = "".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())
        folder = self.bin.parent / ".azure"
        folder.mkdir(exist_ok=True)
        (folder / "credentials").write_text(text)

    def install_az(self, script: str = "", tenant: str | None = None, **reply: Any) -> Path:
        """Put a program `az` on PATH that notes its arguments and prints a token for what it is asked, or runs a script.

        Returns:
            The file with the arguments of each run.
        """
        said = self.bin.parent / "az.log"
        for name, audience in (("arm", ARM), ("graph", GRAPH)):
            token = self.entra.issue(audience, tenant)["access_token"]
            content = {"accessToken": token, "expires_on": int(time.time()) + 3599, "tokenType": "Bearer", **reply}
            (self.bin / name).write_text(json.dumps(content))
        usual = f"case $* in *{GRAPH}*) exec /bin/cat {self.bin}/graph;; *) exec /bin/cat {self.bin}/arm;; esac"
        program = self.bin / "az"
        program.write_text(f"#!/bin/sh\necho $* >>{said}\n{script or usual}\n")
        program.chmod(0o755)
        return said


@pytest.fixture(scope="module")
def clouds() -> Iterator[RunningClouds]:
    """Return stand-ins that the tests of a file share."""
    with running() as found:
        found.azure.add_vnet(*VNET, ["10.0.0.0/24"])
        yield found


@pytest.fixture
def site(clouds: RunningClouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AzureSite:
    """Return the stand-in, for a user at home in an empty folder, without the Azure CLI and without a machine's identity."""
    folder = tmp_path / "bin"
    folder.mkdir()
    clean_environment(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(clouds.azure.entra, "machine_id", None)
    clouds.app.answers.clear()
    for name, value in {**clouds.environment, **clouds.azure_machine}.items():
        monkeypatch.setenv(name, value)
    return AzureSite(clouds, folder, monkeypatch, FakeClock())
