"""A headless Chromium, driven over the WebDriver protocol, which is JSON over HTTP and needs no package of its own."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but files is opened, and a page that wants more than that has to fail.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def missing() -> str | None:
    """Return why there is no browser; None if there is one."""
    if not any(map(shutil.which, PROGRAMS)) or not shutil.which("chromedriver"):
        return "Chromium or its driver is not installed (Debian: chromium, chromium-driver)"
    return None


class Browser:
    """One window.

    Args:
        session: The address of the driver's session.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._http = requests.Session()
        # The driver is on this host.
        self._http.trust_env = False

    def _post(self, command: str, **body: Any) -> Any:
        reply = self._http.post(f"{self._session}/{command}", json=body, timeout=60)
        value = reply.json()["value"]
        assert reply.ok, value
        return value

    def open(self, page: Path, query: str = "") -> None:
        """Open a file, with a query after its name."""
        self._post("url", url=page.as_uri() + (f"?{query}" if query else ""))

    def run(self, script: str) -> Any:
        """Run a function body in the page and return its value."""
        return self._post("execute/sync", script=script, args=[])

    def be_wide(self, width: int, height: int = 844) -> None:
        """Give the window the width of a screen; below 500 px it also counts as a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self._post("goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)

    def prefer(self, scheme: str, media: str = "") -> None:
        """Prefer a scheme of colours, `light` or `dark`; with `media`, pages look as they do there, such as in `print`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._post("goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={"media": media, "features": features})

    def complaints(self) -> list[str]:
        """Return what the page had to complain about since the last time: scripts that failed, files that were not found."""
        return [entry["message"] for entry in self._post("se/log", type="browser") if entry["level"] == "SEVERE"]

    def screenshot(self, file: Path) -> None:
        """Save what is to be seen."""
        file.write_bytes(base64.b64decode(self._http.get(f"{self._session}/screenshot", timeout=60).json()["value"]))

    def close(self) -> None:
        """End the session, and the browser with it."""
        self._http.delete(self._session, timeout=60)
        self._http.close()


@contextlib.contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser for the length of a with statement.

    Args:
        folder: An empty folder for its profile and its log.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), PROGRAMS[0])
    port = free_port()
    with (folder / "log").open("wb") as log:
        driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        switches = [*SWITCHES, f"--user-data-dir={folder / 'profile'}"]
        if os.geteuid() == 0:
            # Chromium refuses to make its sandbox as root, as in most containers; it opens our own files only.
            switches.append("--no-sandbox")
        options = {"binary": program, "args": switches}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        with requests.Session() as http:
            http.trust_env = False
            wait_until_ready(http, url, driver)
            reply = http.post(f"{url}/session", json={"capabilities": {"alwaysMatch": wanted}}, timeout=60)
        assert reply.ok, reply.text
        browser = Browser(f"{url}/session/{reply.json()['value']['sessionId']}")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.terminate()
        driver.wait(10)


def wait_until_ready(http: requests.Session, url: str, driver: subprocess.Popen[bytes]) -> None:
    """Return when the driver answers."""
    deadline = time.monotonic() + 20
    while True:
        assert driver.poll() is None, "chromedriver has ended"
        with contextlib.suppress(requests.ConnectionError):
            if http.get(f"{url}/status", timeout=5).json()["value"]["ready"]:
                return
        assert time.monotonic() < deadline, "chromedriver does not answer"
        time.sleep(0.05)
