"""What proves to Entra who a client is: its secret, a certificate, or a token of an issuer that the application trusts.

Sources: the documentation of the Microsoft identity platform (client credentials, certificate credentials, workload identity
federation, error codes), and of managed identities (IMDS, App Service).
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from .tokens import decode, encode, make_key

_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Who the tokens of other issuers are for.
_EXCHANGE = "api://AzureADTokenExchange"


class AzureRefusalError(Exception):
    """A request that AZURE refuses.

    Attributes:
        status: The HTTP status.
        code: What kind of error it is.
        message: What the reply says of it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep what the reply says."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Proofs:
    """What an application of a tenant has registered as its own.

    Args:
        client_id: The application.
        secret: Its secret.

    Attributes:
        federated: The tokens of other issuers that are trusted.
    """

    def __init__(self, client_id: str, secret: str) -> None:
        """Take who it is."""
        self._client_id, self._secret = client_id, secret
        self.federated: set[str] = set()

    def federate(self) -> str:
        """Return a token as a platform gives it to what runs there, such as a pod or a CI job."""
        claims = {"iss": "https://issuer.example", "sub": "job", "aud": _EXCHANGE, "jti": str(uuid.uuid4())}
        token = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims, {"signature": "theirs"}))
        self.federated.add(token)
        return token

    def check(self, form: Mapping[str, str], endpoint: str) -> None:
        """Refuse a form that proves nothing.

        Args:
            form: What is sent to the token endpoint.
            endpoint: Its URL, for which an assertion has to be.

        Raises:
            AzureRefusalError: If it is neither the secret nor an assertion.
        """
        if "client_assertion" in form:
            if form.get("client_assertion_type") != _BEARER:
                raise AzureRefusalError(400, "invalid_request", "AADSTS50027: JWT token is invalid or malformed.")
            self._check_assertion(form["client_assertion"], endpoint)
        elif "client_secret" not in form:
            text = "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise AzureRefusalError(401, "invalid_client", text)
        elif form["client_secret"] != self._secret:
            text = f"AADSTS7000215: Invalid client secret provided. The secret is not the one of the app '{self._client_id}'."
            raise AzureRefusalError(401, "invalid_client", text)

    def _check_assertion(self, assertion: str, endpoint: str) -> None:
        if assertion in self.federated:
            return
        try:
            head, claims = (json.loads(decode(one)) for one in assertion.split(".")[:2])
        except ValueError:
            raise AzureRefusalError(400, "invalid_request", "AADSTS50027: JWT token is invalid or malformed.") from None
        if claims.get("aud") == _EXCHANGE:
            text = "AADSTS700213: No matching federated identity record found for presented assertion subject."
            raise AzureRefusalError(401, "invalid_client", text)
        if not _is_signed(assertion, head):
            text = "AADSTS700027: The certificate used to sign the client assertion is not registered on application."
            raise AzureRefusalError(401, "invalid_client", text)
        if (claims.get("iss"), claims.get("sub")) != (self._client_id, self._client_id) or claims.get("aud") != endpoint:
            raise AzureRefusalError(
                401, "invalid_client", "AADSTS700023: Client assertion audience claim does not match Realm issuer."
            )
        if not claims.get("nbf", 0) - 300 <= time.time() < claims.get("exp", 0):
            raise AzureRefusalError(401, "invalid_client", "AADSTS700024: Client assertion is not within its valid time range.")


def certificate() -> str:
    """Return the application's certificate with its key, as `az ad sp create-for-rbac --create-cert` writes them."""
    key = make_key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (key + _certificate().public_bytes(serialization.Encoding.PEM)).decode()


def machine_token(issued: Mapping[str, Any], client_id: str, resource: str, *, is_app_service: bool) -> dict[str, Any]:
    """Return a token of a machine's identity as IMDS or App Service give it out, with numbers as text.

    Args:
        issued: The reply of the token endpoint.
        client_id: Of the identity.
        resource: What it is for.
        is_app_service: Whether App Service answers.
    """
    now = int(time.time())
    common = {"access_token": issued["access_token"], "token_type": "Bearer", "resource": resource, "client_id": client_id}
    ends = {"expires_on": str(now + int(issued["expires_in"]))}
    more = {"expires_in": str(issued["expires_in"]), "ext_expires_in": str(issued["expires_in"]), "not_before": str(now)}
    return {**common, **ends, **({} if is_app_service else more)}


@functools.lru_cache(maxsize=1)
def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peering")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(make_key().public_key())
    dated = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    return dated.sign(make_key(), hashes.SHA256())


def _is_signed(assertion: str, head: Mapping[str, Any]) -> bool:
    """Whether the registered certificate is named, and has signed."""
    der = _certificate().public_bytes(serialization.Encoding.DER)
    thumbprints = {"x5t": hashlib.sha1(der, usedforsecurity=False).digest(), "x5t#S256": hashlib.sha256(der).digest()}
    if not any(str(head.get(name)).rstrip("=") == encode(value) for name, value in thumbprints.items()):
        return False
    signed, unused, signature = assertion.rpartition(".")
    key: rsa.RSAPublicKey = make_key().public_key()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    with contextlib.suppress(InvalidSignature, ValueError):
        key.verify(decode(signature), signed.encode(), pss if head.get("alg") == "PS256" else padding.PKCS1v15(), hashes.SHA256())
        return True
    return False
