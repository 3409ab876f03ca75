"""NHS numbers that no one has, and tokens made from them.

The 999 range is reserved for tests (NHS Data Dictionary, NHS NUMBER); 909,091 of its
numbers pass Modulus 11. Past that come other numbers that begin with 9, which have
never been issued.
"""

import hashlib
import hmac

import numpy as np
import polars as pl

WEIGHTS = np.arange(10, 1, -1)
TEST_BODIES = np.arange(999_000_000, 1_000_000_000)
OTHER_BODIES = (900_000_000, 999_000_000)


def with_check_digit(bodies: np.ndarray) -> np.ndarray:
    """The valid ten-digit numbers (int64) of nine-digit bodies, in the same order.

    Bodies whose check digit would be 10 have none and are left out (Modulus 11, NHS
    Data Dictionary).
    """
    digits = np.stack([bodies // 10**k % 10 for k in range(8, -1, -1)], axis=1)
    check = 11 - digits @ WEIGHTS % 11
    check = np.where(check == 11, 0, check)
    return (bodies * 10 + check)[check != 10]


def nhs_numbers(n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` different valid numbers (int64) in random order, test range first."""
    numbers = rng.permutation(with_check_digit(TEST_BODIES))
    if n > len(numbers):
        missing = n - len(numbers)
        bodies = rng.choice(
            OTHER_BODIES[1] - OTHER_BODIES[0],
            size=int(missing * 1.15) + 100,
            replace=False,
            shuffle=False,
        )
        more = with_check_digit(np.sort(bodies) + OTHER_BODIES[0])
        numbers = np.concatenate([numbers, rng.permutation(more)])
    return rng.permutation(numbers[:n])


def dscro_tokens(nhs_number: pl.Series, seed: int) -> pl.Series:
    """64 hexadecimal digits per NHS number, as a data services office would send.

    An HMAC-SHA256 under a key that only the generator can make again; null stays null.
    """
    key = hashlib.sha256(f"catchment demo dscro {seed}".encode()).digest()
    return pl.Series(
        "token",
        [
            None
            if number is None
            else hmac.new(key, number.encode(), hashlib.sha256).hexdigest()
            for number in nhs_number.to_list()
        ],
        dtype=pl.String,
    )
