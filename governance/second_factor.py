"""Codes of an authenticator app (RFC 6238), recovery codes, and how they are kept.

Secrets lie encrypted under a key derived from the web process's own secret: whoever
has the table has no code. A code is good once: the time step of the last one used is
kept and only a later one is taken.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from functools import lru_cache
from urllib.parse import quote, urlencode

import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

ISSUER = "Catchment"
STEP_SECONDS = 30
DIGITS = 6
# A code of the step before or after is taken too: clocks differ, people type slowly.
DRIFT_STEPS = 1
RECOVERY_CODES = 8
NONCE_BYTES = 12


class UnreadableSecretError(ValueError):
    """A kept secret that this process's key does not open."""


def new_secret() -> bytes:
    """Return a new secret of 160 bits, as RFC 4226 recommends."""
    return secrets.token_bytes(20)


def code_at(secret: bytes, step: int) -> str:
    """Return the six digits of one time step (RFC 4226, 5.3; HMAC-SHA-1)."""
    mac = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = mac[-1] & 0x0F
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: bytes, code: str, *, now: float, after: int) -> int | None:
    """Return the time step that a code is of, or None if it is not right now.

    now: seconds since 1970. after: the last step that was used; it and earlier ones
    are not taken again.
    """
    given = code.replace(" ", "")
    current = int(now) // STEP_SECONDS
    found = None
    # Every step is compared, whichever fits: the time taken tells nothing.
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        same = hmac.compare_digest(code_at(secret, step).encode(), given.encode())
        if same and step > after:
            found = step
    return found


def in_base32(secret: bytes) -> str:
    """Return a secret as apps take it by hand."""
    return base64.b32encode(secret).decode()


def picture(secret: bytes, username: str) -> str:
    """Return the QR code that an app reads, as the address of an SVG picture."""
    label = quote(f"{ISSUER}:{username}")
    query = urlencode({"secret": in_base32(secret), "issuer": ISSUER})
    drawn = segno.make(f"otpauth://totp/{label}?{query}", error="m")
    return drawn.svg_data_uri(scale=5, border=2)


def new_recovery_codes() -> list[str]:
    """Return codes for the day the telephone is lost: 50 bits each, shown once."""
    raw = [base64.b32encode(secrets.token_bytes(7))[:10] for _ in range(RECOVERY_CODES)]
    return [f"{code[:5].decode()}-{code[5:].decode()}" for code in raw]


def recovery_digest(code: str, user_id: int) -> bytes:
    """Return what is kept of a recovery code: an HMAC under this process's key."""
    plain = code.replace("-", "").replace(" ", "").upper()
    return hmac.digest(_key("recovery"), f"{user_id}|{plain}".encode(), hashlib.sha256)


def seal(secret: bytes, user_id: int) -> bytes:
    """Encrypt a secret for one user (AES-256-GCM)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key("factor")).encrypt(nonce, secret, str(user_id).encode())


def unseal(sealed: bytes, user_id: int) -> bytes:
    """Return the secret that was sealed for this user. UnreadableSecretError."""
    nonce, payload = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(_key("factor")).decrypt(nonce, payload, str(user_id).encode())
    except InvalidTag as error:
        raise UnreadableSecretError(
            "A second factor was kept under another key of the web process."
        ) from error


def _key(use: str) -> bytes:
    return _derived(use, settings.SECRET_KEY)


@lru_cache(maxsize=8)
def _derived(use: str, secret: str) -> bytes:
    info = f"second-factor|{use}".encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret.encode())
