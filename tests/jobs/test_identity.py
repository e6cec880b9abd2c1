"""Identity tokens, signed here with a key of our own in place of Google's."""

from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fsictl.clock import ManualClock
from fsictl.errors import ServiceError
from fsictl.jobs.identity import REMOVED, Door, Doorkeeper, RefusedError

pytest.importorskip("google.auth", reason="google-auth is not installed: pip install 'fsictl[gcp]'")
AUDIENCE, CALLER = "https://invoker.example", "scheduler@project.iam.gserviceaccount.com"
DOOR = Door(AUDIENCE, ("https://accounts.google.com", "accounts.google.com"), (CALLER,))


@dataclass
class Signer:
    """A key and its certificate."""

    key_id: str
    key: Any
    certificate: str

    def token(self, **claims: Any) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        now = int(time.time())
        whole = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "sub": "1",
            "email": CALLER,
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        header = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        signed = b".".join(_encoded(json.dumps(part).encode()) for part in (header, whole))
        return (signed + b"." + _encoded(self.key.sign(signed, PKCS1v15(), SHA256()))).decode()


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def make_signer(key_id: str) -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, key_id)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return Signer(key_id, key, certificate.public_bytes(serialization.Encoding.PEM).decode())


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer("one")


def keeper(*signers: Signer) -> Doorkeeper:
    return Doorkeeper(DOOR, ManualClock(), lambda: {one.key_id: one.certificate for one in signers})


def test_a_caller_that_is_named_is_let_in(signer: Signer) -> None:
    assert keeper(signer).caller(f"Bearer {signer.token()}") == CALLER
    assert keeper(signer).caller(f"bearer {signer.token(iss='accounts.google.com')}") == CALLER


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "https://other.example"}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"exp": 1}, 401),
        ({"iat": 4_000_000_000, "exp": 4_000_003_600}, 401),
        ({"email": "other@project.iam.gserviceaccount.com"}, 403),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
        ({"email": None}, 403),
    ],
)
def test_everybody_else_is_not(signer: Signer, claims: dict[str, Any], status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        keeper(signer).caller(f"Bearer {signer.token(**claims)}")
    assert refused.value.status == status


def test_a_token_of_another_key_or_without_a_signature_is_refused(signer: Signer) -> None:
    other = make_signer("one")
    header = _encoded(b'{"alg": "none", "typ": "JWT"}').decode()
    body = signer.token().split(".")[1]
    tokens = [other.token(), f"{header}.{body}.", make_signer("unknown").token(), signer.token()[:-4], "a.b.c", "x"]
    for token in tokens:
        with pytest.raises(RefusedError) as refused:
            keeper(signer).caller(f"Bearer {token}")
        assert refused.value.status == 401
        assert token not in str(refused.value)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "Bearer \N{SNOWMAN}"])
def test_no_token_is_refused(signer: Signer, header: str | None) -> None:
    with pytest.raises(RefusedError) as refused:
        keeper(signer).caller(header)
    assert refused.value.status == 401


def test_a_token_that_cloud_run_checked_has_no_signature(signer: Signer) -> None:
    def stripped(**claims: Any) -> str:
        return signer.token(**claims).rpartition(".")[0] + "." + REMOVED

    def fetch() -> Mapping[str, str]:
        raise AssertionError

    behind = Doorkeeper(replace(DOOR, behind_cloud_run=True), ManualClock(), fetch)
    assert behind.caller(f"Bearer {stripped()}") == CALLER
    for claims, status in (({"aud": "https://other.example"}, 401), ({"email": "other@example.com"}, 403)):
        with pytest.raises(RefusedError) as refused:
            behind.caller(f"Bearer {stripped(**claims)}")
        assert refused.value.status == status
    with pytest.raises(RefusedError):
        keeper(signer).caller(f"Bearer {stripped()}")


def test_certificates_are_fetched_rarely_and_anew_for_a_new_key(signer: Signer) -> None:
    clock, fetched = ManualClock(), [0]
    new = make_signer("two")
    known: Mapping[str, str] = {signer.key_id: signer.certificate}

    def fetch() -> Mapping[str, str]:
        fetched[0] += 1
        return known

    keeper = Doorkeeper(DOOR, clock, fetch)
    for _ in range(3):
        keeper.caller(f"Bearer {signer.token()}")
    assert fetched == [1]
    known = {**known, new.key_id: new.certificate}
    with pytest.raises(RefusedError):
        keeper.caller(f"Bearer {new.token()}")
    assert fetched == [1], "not for every unknown key at once"
    clock.sleep(61.0)
    keeper.caller(f"Bearer {new.token()}")
    clock.sleep(3601.0)
    keeper.caller(f"Bearer {signer.token()}")
    assert fetched == [3]


def test_without_certificates_nobody_is_let_in(signer: Signer) -> None:
    def fail() -> Mapping[str, str]:
        message = "no way"
        raise ServiceError(message, hint="Try again.")

    fetch: Callable[[], Mapping[str, str]] = fail
    with pytest.raises(ServiceError):
        Doorkeeper(DOOR, ManualClock(), fetch).caller(f"Bearer {signer.token()}")
