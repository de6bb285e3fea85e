"""The command line: `python -m tests.emulator`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from .ratelimit import HEADERS
from .settings import ACCEPT_MODES, ALGORITHMS, Settings


def parse_arguments(arguments: list[str] | None = None) -> Settings:
    """Read the command line.

    Args:
        arguments: Instead of the process's own.

    Raises:
        SystemExit: For options that are not right, after a message on stderr.
    """
    default = Settings()
    parser = argparse.ArgumentParser("python -m tests.emulator", description="A MongoDB Atlas for network peering, on loopback.")
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on (%(default)s)")
    add("--allow-host", action="append", default=[], metavar="NAME", help="further name it may be called by; repeatable (none)")
    add("--port", type=int, default=8080, help="port to listen on, 0 for a free one (%(default)s)")
    add("--group-id", default=default.group_id, help="id of the first project (%(default)s)")
    add("--groups", type=int, default=default.groups, metavar="N", help="number of projects (%(default)s)")
    add("--orgs", type=int, default=default.orgs, metavar="N", help="number of organizations that they are in (%(default)s)")
    add("--no-container", action="store_true", help="begin without a network container, as new projects of Atlas do")
    add("--public-key", default=default.public_key, help="public half of the API key (%(default)s)")
    add("--private-key", default=default.private_key, help="private half of the API key (%(default)s)")
    add("--client-id", default=default.client_id, help="of the service account (%(default)s)")
    add("--client-secret", default=default.client_secret, help="of the service account (%(default)s)")
    add("--token-seconds", type=float, default=default.token_seconds, help="life of its tokens (%(default)s)")
    add("--max-tokens", type=int, default=default.max_tokens, help="of its tokens that live at a time (%(default)s)")
    add("--max-token-requests", type=int, default=default.max_token_requests, help="by an address in a minute (%(default)s)")
    add("--rate-limit", metavar="N/R[/S]", help="a bucket of N requests, R more every S seconds, S being 1 by default (none)")
    add(
        "--rate-limit-without",
        action="append",
        default=[],
        choices=HEADERS,
        help="header that its replies lack; repeatable (none)",
    )
    add("--nonce-seconds", type=float, default=default.nonce_seconds, help="life of a nonce, 0 for a single use (%(default)s)")
    add("--nonce-per-connection", action="store_true", help="refuse a nonce on another connection than its own")
    add("--latency-ms", type=float, default=default.latency_ms, help="milliseconds before each reply (%(default)s)")
    add("--step-seconds", type=float, default=default.step_seconds, help="time in each passing state of a peer (%(default)s)")
    add("--accept", choices=ACCEPT_MODES, default=default.accept, help="who accepts a peer on the other side (%(default)s)")
    add("--algorithm", choices=ALGORITHMS, default=default.algorithm, help="of the digest (%(default)s)")
    add("--key-access-list", action="append", default=[], metavar="CIDR", help="where the key may be used; repeatable (anywhere)")
    add("--unique-pairs", action="store_true", help="refuse the same VPC or network in a second container of the project")
    add("--allow-duplicates", action="store_true", help="make a second peer or container where there is an equal one already")
    add(
        "--terminating-holds-nothing",
        action="store_true",
        help="free pair, block and place of a peer when its removal is requested",
    )
    add("--temporary-stays", action="store_true", help="keep the date of an access list entry that is written without one")
    add("--list-lag-seconds", type=float, default=default.list_lag_seconds, help="how old what lists show is (%(default)s)")
    add("--max-peers", type=int, default=default.max_peers, help="peers in the project (%(default)s)")
    add("--max-pending-peers", type=int, default=default.max_pending_peers, help="of them not accepted yet (%(default)s)")
    add("--tls-certificate", metavar="FILE", help="PEM file with a private key and its certificates, to speak HTTPS (plain HTTP)")
    add("--aws-endpoint-url", metavar="URL", help="a real AWS (such as moto's server) to be Atlas's side in (made up)")
    add("--aws-account-id", default=default.aws_account_id, metavar="ID", help="Atlas's own account there (%(default)s)")
    add("--clouds-url", metavar="URL", help="stand-ins of Azure and Google Cloud, to look at customers' networks there (made up)")
    add(
        "--azure-role-seconds",
        type=float,
        default=default.azure_role_seconds,
        help="time before Atlas's role at a virtual network is known, from the first request that finds it (%(default)s)",
    )
    options = vars(parser.parse_args(arguments))
    for repeatable in ("key_access_list", "allow_host", "rate_limit_without"):
        options[repeatable] = tuple(options[repeatable])
    try:
        return Settings(**options)
    except ValueError as error:
        parser.error(str(error))


def main(arguments: list[str] | None = None) -> int:
    """Run an emulator until SIGTERM or SIGINT.

    Returns:
        The exit status.
    """
    settings = parse_arguments(arguments)
    try:
        from .server import running  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        print(f"The emulator needs Starlette and uvicorn ({error}): pip install starlette uvicorn", file=sys.stderr)
        return 1
    if settings.aws_endpoint_url:
        try:
            from . import aws  # noqa: F401  # pylint: disable=import-outside-toplevel,unused-import
        except ImportError as error:
            print(f"--aws-endpoint-url needs boto3 ({error}): pip install boto3", file=sys.stderr)
            return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running(settings) as emulator:
            print(json.dumps(emulator.announcement()), flush=True)
            stop.wait()
    except OSError as error:
        print(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
