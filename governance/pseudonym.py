"""References to people that mean nothing outside the place they were made for.

`person_no` never leaves the store. A page or an export names a person by a sealed
reference: AES-SIV under a key of the recipient organisation, purpose and epoch, so
the same person has another reference for another team, and a reference taken
elsewhere opens nothing.
"""

import base64
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

EPOCH = 1
SHORT = 6


class UnknownReferenceError(ValueError):
    """A reference that was not made for this recipient and purpose."""


@lru_cache(maxsize=256)
def _cipher(recipient: str, purpose: str, secret: str) -> AESSIV:
    info = f"person-reference|{recipient}|{purpose}|{EPOCH}".encode()
    return AESSIV(HKDF(SHA256(), 64, salt=None, info=info).derive(secret.encode()))


def seal(person_no: int, *, recipient: str, purpose: str) -> str:
    """Return the reference of a person for one recipient: 32 letters and digits."""
    cipher = _cipher(recipient, purpose, settings.SECRET_KEY)
    sealed = cipher.encrypt(person_no.to_bytes(4, "big"), None)
    return base64.b32encode(sealed).decode().lower()


def unseal(reference: str, *, recipient: str, purpose: str) -> int:
    """Return the person_no behind a reference, or refuse it."""
    cipher = _cipher(recipient, purpose, settings.SECRET_KEY)
    try:
        sealed = base64.b32decode(reference.upper())
        return int.from_bytes(cipher.decrypt(sealed, None), "big")
    except (ValueError, InvalidTag) as error:
        raise UnknownReferenceError("no person by this reference here") from error


def short(reference: str) -> str:
    """Return the few characters that people say aloud in a meeting: "B4K 9TQ"."""
    letters = reference[:SHORT].upper()
    return f"{letters[:3]} {letters[3:]}"
