"""Partners' public keys: which are taken, under which name, for which algorithms."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from governance.clients import RefusedKeyError, algorithms_of, public_part, thumbprint

# RFC 7638, section 3.1: its example key and its thumbprint.
EXAMPLE = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuh"
    "DR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
    "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
    "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
    "Cur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
}
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def rsa_key(bits: int = 2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def test_a_key_is_named_by_its_thumbprint():
    kept = public_part(json.dumps(EXAMPLE | {"alg": "RS256", "kid": "their own name"}))
    assert kept == EXAMPLE
    digest = bytes.fromhex(thumbprint(kept))
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == THUMBPRINT


def test_each_kind_signs_with_its_own_algorithms():
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert algorithms_of(json.loads(ECAlgorithm.to_jwk(curve))) == ("ES256",)
    assert algorithms_of(EXAMPLE) == ("RS256", "RS384", "PS256", "PS384")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lambda: "", "no public key"),
        (lambda: "[]", "no public key"),
        (lambda: "{}", "no public key"),
        (lambda: '{"kty": "oct", "k": "AAAA"}', "no public key"),
        (lambda: '{"kty": {}}', "no public key"),
        (lambda: RSAAlgorithm.to_jwk(rsa_key()), "private key"),
        (lambda: RSAAlgorithm.to_jwk(rsa_key(1024).public_key()), "2048 bits"),
        (
            lambda: ECAlgorithm.to_jwk(
                ec.generate_private_key(ec.SECP256K1()).public_key()
            ),
            "P-256 or P-384",
        ),
        (
            lambda: OKPAlgorithm.to_jwk(
                ed25519.Ed25519PrivateKey.generate().public_key()
            ),
            "no public key",
        ),
        (
            lambda: '{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}',
            "not right",
        ),
    ],
)
def test_other_keys_are_refused_with_the_reason(given, why):
    with pytest.raises(RefusedKeyError, match=why):
        public_part(given())
