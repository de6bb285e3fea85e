"""What can be set about an emulator; needs nothing but the standard library."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass

from .guard import is_host
from .ids import following_object_ids
from .ratelimit import HEADERS, parse_rate

OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)
_URL = re.compile(r"https?://[^/?#\s]+/?")
_PLAIN_URL = re.compile(r"http://[^/?#@\s]+:[0-9]{1,5}/?", re.ASCII)
# The colon ends the id in Basic credentials (RFC 7617, 2).
_CLIENT_ID = re.compile(r"[\x20-\x39\x3b-\x7e]+")
_NOT_NEGATIVE = (
    "nonce_seconds",
    "latency_ms",
    "step_seconds",
    "max_peers",
    "max_pending_peers",
    "token_seconds",
    "max_tokens",
    "max_token_requests",
    "list_lag_seconds",
    "azure_role_seconds",
)
ALGORITHMS = ("MD5", "SHA-256")
ACCEPT_MODES = ("auto", "manual")
MAX_GROUPS = 500
MAX_ORGS = 100
_FIRST_ORG_ID = "5356823a3794dee37132b000"


@dataclass(frozen=True)
class Settings:
    """The options of one emulator, checked on creation.

    Raises:
        ValueError: When an option is out of its range; the message names the option as on the command line.
    """

    host: str = "127.0.0.1"
    #: Further names and addresses by which it may be called.
    allow_host: tuple[str, ...] = ()
    #: 0 takes a free port.
    port: int = 0
    group_id: str = "5356823b3794dee37132bb7b"
    #: How many projects there are, all of them for the same keys; the first has the id above.
    groups: int = 1
    #: How many organizations there are, to which the projects belong in turn.
    orgs: int = 1
    #: Whether projects begin without a network container, as new ones of Atlas do; those that a request makes always do.
    no_container: bool = False
    #: Eight characters, as Atlas's own public keys have.
    public_key: str = "emulator"
    private_key: str = "e3a10000-0000-4000-8000-00000000ca11"
    #: A service account, in the forms that Atlas's own ids and secrets have.
    client_id: str = "mdb_sa_id_00000000000000000000ca11"
    client_secret: str = "mdb_sa_sk_emulator-only-this-opens-nothing-real"
    #: How long a service account's token can be used.
    token_seconds: float = 3600.0
    #: How many of its tokens may live at a time.
    max_tokens: int = 100
    #: How many tokens an address may ask for within a minute.
    max_token_requests: int = 50
    #: Requests to the project: capacity/refill or capacity/refill/seconds of a token bucket; None means no limit. That there are
    #: such buckets is documented; which figures a project has is not (1200 in replies that mongodb-atlas-cli has recorded).
    rate_limit: str | None = None
    #: Headers of the bucket that replies lack. The documentation says that a reply may lack any of them, and not when it does.
    rate_limit_without: tuple[str, ...] = ()
    #: How long a nonce may be used again; 0 makes every nonce good for one request.
    nonce_seconds: float = 300.0
    #: Whether a nonce can be used only on the connection on which it was given: what Atlas does is not documented.
    nonce_per_connection: bool = False
    latency_ms: float = 0.0
    #: How long a connection stays in each state that passes by itself.
    step_seconds: float = 1.0
    accept: str = "manual"
    algorithm: str = "MD5"
    #: Networks from which the API key may be used; none means any.
    key_access_list: tuple[str, ...] = ()
    #: Whether a pair is known once in the project and not once in each container: what Atlas does is not documented.
    unique_pairs: bool = False
    #: Whether nothing is refused because it is there already: a second POST makes a second peer, or container.
    allow_duplicates: bool = False
    #: Whether a connection holds its pair, its block and its place among `max_peers` only until its removal is requested. It is
    #: still listed then, but what it holds is not documented: by default, all of it until it is gone.
    terminating_holds_nothing: bool = False
    #: Whether an entry of the access list that expires keeps its date if it is written again without one: what Atlas does is not
    #: documented. The tests of the official Kubernetes operator know that it becomes permanent.
    temporary_stays: bool = False
    #: By how much lists lag behind everything else.
    list_lag_seconds: float = 0.0
    #: Documented are both limits, and the error (PEER_MAXIMUM_REACHED, 409, with the limit). It is a guess that the POST is
    #: refused, and that a FAILED connection counts among all of them, but not among those that are pending.
    max_peers: int = 50
    max_pending_peers: int = 25
    #: A PEM file with a private key and its certificates: HTTPS is spoken with them; None means plain HTTP.
    tls_certificate: str | None = None
    #: Where a real AWS is, to which Atlas's side of peering connections is made; None makes it up.
    aws_endpoint_url: str | None = None
    #: Atlas's own account there.
    aws_account_id: str = "700000000007"
    #: Where stand-ins of Azure and Google Cloud are (see `standins`); None makes up the networks of their customers.
    clouds_url: str | None = None
    #: How long Atlas refuses a virtual network on Azure after the first request that finds its role there.
    azure_role_seconds: float = 0.0

    @property
    def group_ids(self) -> tuple[str, ...]:
        """The ids of all projects, always the same ones."""
        return following_object_ids(self.group_id, self.groups)

    @property
    def org_ids(self) -> tuple[str, ...]:
        """The ids of all organizations, always the same ones."""
        return following_object_ids(_FIRST_ORG_ID, self.orgs)

    def __post_init__(self) -> None:
        """Check each option."""
        if not OBJECT_ID.fullmatch(self.group_id):
            raise ValueError("--group-id must be 24 lower-case hexadecimal digits")
        if not 1 <= self.groups <= MAX_GROUPS:
            raise ValueError(f"--groups must be between 1 and {MAX_GROUPS}")
        if not 1 <= self.orgs <= MAX_ORGS:
            raise ValueError(f"--orgs must be between 1 and {MAX_ORGS}")
        for name in self.allow_host:
            if not is_host(name):
                raise ValueError(f"--allow-host: {name!r} is neither the name nor the address of a host; leave the port out")
        if not 0 <= self.port <= 65535:
            raise ValueError("--port must be between 0 and 65535")
        if not self.public_key or not self.private_key:
            raise ValueError("--public-key and --private-key must not be empty")
        if not _CLIENT_ID.fullmatch(self.client_id) or not self.client_secret:
            raise ValueError("--client-id must be printable without a colon, and --client-id and --client-secret not empty")
        if self.rate_limit is not None:
            try:
                parse_rate(self.rate_limit)
            except ValueError as error:
                raise ValueError(f"--rate-limit: {error}") from None
        for name in self.rate_limit_without:
            if name not in HEADERS:
                raise ValueError(f"--rate-limit-without must be one of {', '.join(HEADERS)}")
        for name in _NOT_NEGATIVE:
            # Written this way round so that nan is refused too.
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"--{name.replace('_', '-')} must not be negative")
        if self.unique_pairs and self.allow_duplicates:
            raise ValueError("--unique-pairs and --allow-duplicates are mutually exclusive")
        if self.accept not in ACCEPT_MODES:
            raise ValueError(f"--accept must be one of {', '.join(ACCEPT_MODES)}")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"--algorithm must be one of {', '.join(ALGORITHMS)}")
        if self.aws_endpoint_url is not None and not _URL.fullmatch(self.aws_endpoint_url):
            raise ValueError("--aws-endpoint-url must be of the form http://host:port")
        if self.clouds_url is not None and not _PLAIN_URL.fullmatch(self.clouds_url):
            raise ValueError("--clouds-url must be of the form http://host:port")
        if self.tls_certificate is not None:
            try:
                # The password keeps an encrypted key from being asked about.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_certificate, password="")
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"--tls-certificate: no private key with its certificate in {self.tls_certificate!r}: {error}"
                ) from None
        if not _ACCOUNT_ID.fullmatch(self.aws_account_id):
            raise ValueError("--aws-account-id must be 12 digits")
        for block in self.key_access_list:
            try:
                ipaddress.ip_network(block, strict=False)
            except ValueError:
                raise ValueError(f"--key-access-list: {block!r} is neither an address nor a CIDR block") from None
