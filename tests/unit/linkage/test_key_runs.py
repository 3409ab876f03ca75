"""Keys are found again exactly and read out by range, in memory or in a file."""

import numpy as np
import pytest

from linkage import key_runs
from linkage.key_runs import KeyRuns


@pytest.fixture(params=["in memory", "in a file"])
def runs(request, monkeypatch) -> KeyRuns:
    monkeypatch.setattr(key_runs, "RUN", 3000)
    if request.param == "in a file":
        monkeypatch.setattr(key_runs, "IN_MEMORY", 5000)
    return KeyRuns()


def test_what_was_added_is_found_and_nothing_else(runs) -> None:
    rng = np.random.default_rng(1)
    keys = rng.integers(-(2**63), 2**63 - 1, 20_000)
    put_in, others = keys[:15_001], keys[15_001:]
    for batch in np.array_split(put_in, 13):
        runs.add(batch)
    assert runs.many == put_in.size
    asked = rng.permutation(keys)
    assert (runs.held(asked) == np.isin(asked, put_in)).all()
    assert not runs.held(others).any()
    assert (np.sort(np.concatenate(list(runs.batches()))) == np.sort(put_in)).all()
    low, high = -(2**62), 2**61
    within = put_in[(put_in >= low) & (put_in <= high)]
    assert (np.sort(runs.between(low, high)) == np.sort(within)).all()


def test_runs_beyond_what_may_lie_in_memory_lie_in_a_file(runs, request) -> None:
    for n in range(10):
        runs.add(np.arange(1000) + 1000 * n)
    is_spilt = request.node.callspec.params["runs"] == "in a file"
    assert bool(runs._mapped) == is_spilt
    assert runs.held(np.array([0, 5000, 9999, 10_000])).tolist() == [True] * 3 + [False]


def test_without_keys_nothing_is_found(runs) -> None:
    runs.add(np.empty(0, dtype=np.int64))
    assert not runs.held(np.array([1, 2])).any()
    assert runs.between(-5, 5).size == 0
