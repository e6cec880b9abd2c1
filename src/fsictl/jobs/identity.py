"""Who asks over HTTP: Google identity tokens, checked for signature, time, audience, issuer and caller."""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsictl.clock import Clock
from fsictl.errors import MissingExtraError, ServiceError

CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
"""Where Google publishes the certificates that identity tokens are signed with."""

KEPT_FOR = 3600.0
ASKED_AGAIN_AFTER = 60.0
"""Seconds after which certificates are fetched again: in any case, and for a key that is not known."""

REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What stands for the signature in a token that Cloud Run has checked and handed on."""

Certificates = Mapping[str, str]
"""Certificates by the id of their key."""


class RefusedError(Exception):
    """Somebody who may not ask; ``status`` is 401 without a good token, 403 with one of another account."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Door:
    """Whom to let in: tokens for this audience, from these issuers, of these accounts (e-mail addresses).

    ``behind_cloud_run`` is true only where nothing arrives that Cloud Run has not let in by IAM: it checks signatures
    itself and takes them away, so a token without one is taken as checked.
    """

    audience: str
    issuers: Sequence[str]
    callers: Sequence[str]
    behind_cloud_run: bool = False


class Doorkeeper:
    """Checks the ``Authorization`` header of requests; certificates are fetched when they are needed."""

    def __init__(self, door: Door, clock: Clock, fetch: Callable[[], Certificates] | None = None) -> None:
        if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.auth") is None:
            raise MissingExtraError(library="google-auth", extra="gcp")
        self._door, self._clock, self._fetch = door, clock, fetch or fetch_certificates
        self._certificates: Certificates = {}
        self._fetched = -1e12

    def caller(self, authorization: str | None) -> str:
        """The account that asks; ``RefusedError`` when it may not, ``ServiceError`` when that cannot be found out."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RefusedError(401, "an identity token is needed, as Authorization: Bearer …")
        claims = self._claims(token.strip())
        if claims.get("iss") not in self._door.issuers:
            raise RefusedError(401, "the identity token is from an issuer that is not trusted here")
        email = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(email, str):
            raise RefusedError(403, "the identity token does not name a verified account")
        if email.lower() not in {caller.lower() for caller in self._door.callers}:
            raise RefusedError(403, f"the account {email} may not ask here")
        return email

    def _claims(self, token: str) -> Mapping[str, Any]:
        from google.auth import exceptions, jwt

        decode_header: Callable[[str], Any] = jwt.decode_header
        decode: Callable[..., Mapping[str, Any]] = jwt.decode
        try:
            if self._door.behind_cloud_run and token.rpartition(".")[2] == REMOVED:
                return self._of_this_audience(decode(token, verify=False))
            key = decode_header(token).get("kid")
            claims = decode(
                token, certs=dict(self._certificates_with(key)), audience=self._door.audience, clock_skew_in_seconds=10
            )
        except (ValueError, exceptions.GoogleAuthError, TypeError, AttributeError) as error:
            raise RefusedError(401, "the identity token is not valid here") from error
        return claims

    def _of_this_audience(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        if claims.get("aud") != self._door.audience:
            raise RefusedError(401, "the identity token is not valid here")
        return claims

    def _certificates_with(self, key: object) -> Certificates:
        age = self._clock.monotonic() - self._fetched
        if age > KEPT_FOR or (key not in self._certificates and age > ASKED_AGAIN_AFTER):
            self._certificates = self._fetch()
            self._fetched = self._clock.monotonic()
        return self._certificates


def fetch_certificates() -> Certificates:
    """The certificates that Google signs with now; ``ServiceError`` when they cannot be had."""
    try:
        with urllib.request.urlopen(CERTIFICATES, timeout=10.0) as answer:
            read = json.loads(answer.read(1_000_000))
        return {str(key): str(certificate) for key, certificate in read.items()}
    except (OSError, ValueError, AttributeError) as error:
        message = "the certificates of identity tokens cannot be fetched"
        raise ServiceError(message, hint="Try again; the service needs a way to www.googleapis.com.") from error
