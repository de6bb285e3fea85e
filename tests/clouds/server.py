"""The stand-ins, listening: TLS with a CA of their own behind a proxy, and plain HTTP for the metadata server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme
import uvicorn

from ..emulator.server import QuickUvicorn
from .app import COMPUTE, OAUTH, CloudApp
from .azure import Azure
from .control import Control
from .entra import APP_SERVICE, ARM, GRAPH, IDENTITY_HEADER, LOGIN, Entra
from .gcp import Gcp
from .proxy import Proxy
from .tokens import Tokens

_START_SECONDS = 10


class _Listener:
    """One server in a thread of its own."""

    def __init__(self, app: Any, certificate: Path | None = None) -> None:
        # Without the protocol, which the sockets of connections inherit, asyncio would leave TCP_NODELAY off: 40 ms a reply.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_keyfile=certificate,
        )
        self._server = QuickUvicorn(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._socket])), name="clouds-server", daemon=True
        )
        self._thread.start()
        if not self._server.listening.wait(_START_SECONDS):
            raise OSError("the stand-in did not start")

    def stop(self) -> None:
        self._server.end()
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application over plain HTTP on loopback for the length of a with statement, and give its address."""
    listener = _Listener(app)
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        listener.stop()


class RunningClouds:
    """The stand-ins with their addresses.

    Args:
        folder: Takes the certificates.

    Attributes:
        gcp: GCP's networks.
        tokens: Who may talk to GCP.
        azure: AZURE's VNets and roles; its `entra` has who may talk to AZURE.
        app: What answers; tests have it lose replies.
        control: What answers Atlas.
        proxy: What clients connect to.
    """

    def __init__(self, folder: Path) -> None:
        """Serve."""
        self.gcp, self.tokens, self.azure = Gcp(), Tokens(), Azure(Entra())
        authority = trustme.CA()
        self.ca_path = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_path))
        certificate = folder / "clouds.pem"
        authority.issue_cert(COMPUTE, OAUTH, ARM, GRAPH, LOGIN).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        self.app = CloudApp(self.gcp, self.tokens, self.azure, self._cut)
        self._tls = _Listener(self.app, certificate)
        self.control = Control(self.gcp, self.azure).app()
        self._plain: _Listener | None = None
        self._control: _Listener | None = None
        self.proxy = Proxy(self._tls.port)

    @property
    def metadata_host(self) -> str:
        """What stands for GCP's metadata server, for the variable GCE_METADATA_HOST; it is started when it is asked for."""
        self._plain = self._plain or _Listener(self.app)
        return f"127.0.0.1:{self._plain.port}"

    @property
    def azure_machine(self) -> dict[str, str]:
        """What points clients at the identity of a machine, which `entra.machine_id` names, as on a virtual machine."""
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://{self.metadata_host}"}

    @property
    def azure_app_service(self) -> dict[str, str]:
        """The same as in App Service."""
        return {"IDENTITY_ENDPOINT": f"http://{self.metadata_host}{APP_SERVICE}", "IDENTITY_HEADER": IDENTITY_HEADER}

    @property
    def control_url(self) -> str:
        """Where Atlas finds its customers' networks, for `Settings.clouds_url`; it is started when it is asked for."""
        self._control = self._control or _Listener(self.control)
        return f"http://127.0.0.1:{self._control.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What points the clouds' clients here; nothing in them is changed."""
        return {
            "HTTPS_PROXY": self.proxy.url,
            "https_proxy": self.proxy.url,
            "REQUESTS_CA_BUNDLE": str(self.ca_path),
            "SSL_CERT_FILE": str(self.ca_path),
        }

    def _cut(self) -> None:
        self.proxy.cut()

    def reset(self) -> None:
        """Return to the first state: nothing is there, and nobody has signed in."""
        entra = self.azure.entra
        for used, empty in ((self.gcp, Gcp()), (self.azure, Azure(entra)), (entra, Entra()), (self.tokens, Tokens())):
            vars(used).clear()
            vars(used).update(vars(empty))
        for noted in (self.app.lose, self.app.answers, self.proxy.hosts):
            noted.clear()

    def stop(self) -> None:
        """End everything."""
        self.proxy.stop()
        self._tls.stop()
        for one in (self._plain, self._control):
            if one is not None:
                one.stop()


@contextlib.contextmanager
def running() -> Iterator[RunningClouds]:
    """Run the stand-ins for the length of a with statement."""
    with tempfile.TemporaryDirectory() as folder:
        clouds = RunningClouds(Path(folder))
        try:
            yield clouds
        finally:
            clouds.stop()
