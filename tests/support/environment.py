"""What the tests keep of the environment of whoever runs them, and free ports."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

#: What the names of variables begin with that change what a task does, in upper case.
_FOREIGN = (
    "ALL_PROXY",
    "ANSIBLE_",
    "ATLAS_TEST_",
    "AWS_",
    "AZURE_",
    "BOTO_",
    "CLOUDSDK_",
    "CURL_CA_BUNDLE",
    "GCE_METADATA_",
    "GCP_",
    "GOOGLE_",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IDENTITY_",
    "IMDS_",
    "MONGODB_ATLAS_",
    "MSI_",
    "NETRC",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
#: Of these, the one that the tests set themselves.
_OWN = "ANSIBLE_COLLECTIONS_PATH"


def is_foreign(name: str) -> bool:
    """Tell whether a variable is one that may not matter to a test."""
    return name.upper().startswith(_FOREIGN) and name != _OWN


def own_environment() -> dict[str, str]:
    """Return the environment without the variables that may not matter."""
    return {name: value for name, value in os.environ.items() if not is_foreign(name)}


def clean_environment(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Let no variable and no file of whoever runs the tests matter in this process.

    Args:
        patch: Undoes it.
        home: An empty folder to be at home in.
    """
    for name in filter(is_foreign, [*os.environ]):
        patch.delenv(name)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        patch.setenv(name, str(home))


def point_at(clouds: Any, patch: pytest.MonkeyPatch, home: Path) -> None:
    """Empty stand-ins of AZURE and GCP, and point the clients of this process at them.

    Args:
        clouds: The stand-ins.
        patch: That of the test, since the last of two would bring back what the first has set.
        home: A folder for files of the user.
    """
    clouds.reset()
    clean_environment(patch, home)
    for name, value in clouds.environment.items():
        patch.setenv(name, value)


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
