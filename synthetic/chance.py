"""Repeatable chance: random numbers that depend on who and what, not on order.

A person's identity at a hospital must be the same whether the hospital's people are
asked for one at a time, by chunk or all at once. So chance there is a hash of
(seed, what is being decided, person) and not the next draw of a generator.
"""

import zlib

import numpy as np


def rng_for(seed: int, *what: object) -> np.random.Generator:
    """A generator of its own for one named stage of the simulation."""
    return np.random.default_rng([seed, *(_number(part) for part in what)])


def bits(who: np.ndarray, seed: int, *what: object) -> np.ndarray:
    """64 random bits (uint64) for each number in `who` (splitmix64 finaliser)."""
    salt = np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    with np.errstate(over="ignore"):
        for part in what:
            salt = _mix(salt * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_number(part)))
        return _mix(
            np.asarray(who).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + salt
        )


def uniform(who: np.ndarray, seed: int, *what: object) -> np.ndarray:
    """A number in [0, 1) (float64) for each number in `who`."""
    return (bits(who, seed, *what) >> np.uint64(11)) * 2.0**-53


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _number(part: object) -> int:
    return part if isinstance(part, int) else zlib.crc32(str(part).encode())
