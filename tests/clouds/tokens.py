"""Who may talk to GCP: keys of service accounts, users' refresh tokens, and the account of a machine."""

from __future__ import annotations

import base64
import functools
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenRefusalError(Exception):
    """A request for a token that is refused: RFC 6749, 5.2."""

    def __init__(self, error: str, description: str) -> None:
        """Keep what the reply says."""
        super().__init__(description)
        self.error, self.description = error, description


@functools.lru_cache(maxsize=1)
def make_key() -> rsa.RSAPrivateKey:
    """Return the key of whoever signs here, which is made once in a process, since that takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Tokens:
    """The tokens that are accepted, and who gets new ones."""

    def __init__(self) -> None:
        """Make a service account and a user."""
        self.accepted: set[str] = set()
        self.issued: list[dict[str, Any]] = []
        self._key = make_key()
        self.email = "peering@my-project.iam.gserviceaccount.com"
        self._user = {
            "client_id": "client.apps.example",
            "client_secret": f"secret-{uuid.uuid4()}",
            "refresh_token": f"1//{uuid.uuid4()}",
        }

    def service_account_key(self) -> dict[str, Any]:
        """Return the key of the service account, as GCP gives it out in a file."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return {
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": pem,
            "client_email": self.email,
            "client_id": "100000000000000000000",
            "token_uri": TOKEN_URI,
        }

    def user_file(self) -> dict[str, Any]:
        """Return what `gcloud auth application-default login` writes for a user."""
        return {"type": "authorized_user", **self._user}

    def issue(self, **about: Any) -> dict[str, Any]:
        """Return the reply to a request for a token."""
        token = f"ya29.{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.accepted.add(token)
        self.issued.append({"token": token, **about})
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint.

        Raises:
            TokenRefusalError: If the form does not entitle to a token.
        """
        if form.get("grant_type") == _JWT_GRANT:
            return self._for_assertion(form.get("assertion", ""))
        if form.get("grant_type") == "refresh_token":
            if any(form.get(name) != value for name, value in self._user.items()):
                raise TokenRefusalError("invalid_grant", "Bad Request")
            return self.issue(kind="user")
        raise TokenRefusalError("unsupported_grant_type", "Invalid grant_type")

    def accepts(self, token: str) -> bool:
        """Whether a token was issued, or signed by the account itself, which GCP takes, too (AIP-4111)."""
        if token in self.accepted:
            return True
        try:
            said = self._read(token)
        except TokenRefusalError:
            return False
        return said.get("sub") == self.email and bool(said.get("scope") or said.get("aud"))

    def _for_assertion(self, assertion: str) -> dict[str, Any]:
        """RFC 7523."""
        said = self._read(assertion)
        if said.get("aud") != TOKEN_URI or not said.get("scope"):
            raise TokenRefusalError("invalid_grant", "Invalid JWT.")
        return self.issue(kind="service account", scope=said["scope"])

    def _read(self, assertion: str) -> dict[str, Any]:
        """Return what a JWT says that the account has signed, with RS256."""
        try:
            head, claims, signature = assertion.split(".")
            signed = f"{head}.{claims}".encode()
            self._key.public_key().verify(decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
            said = json.loads(decode(claims))
        except (ValueError, InvalidSignature):
            raise TokenRefusalError("invalid_grant", "Invalid JWT Signature.") from None
        if said.get("iss") != self.email or not said.get("iat", 0) - 60 <= time.time() < said.get("exp", 0):
            raise TokenRefusalError("invalid_grant", "Invalid JWT: Token must be a short-lived token.")
        return dict(said)


def decode(part: str) -> bytes:
    """Return what a part of a JWT is made of."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(value: bytes) -> str:
    """Return a part of a JWT."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
