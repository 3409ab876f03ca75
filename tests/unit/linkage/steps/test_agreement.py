"""Cohen's kappa, against the example of its textbook."""

import pytest

from linkage.steps.agreement import agreement


def test_the_textbook_example() -> None:
    """Two readers, 50 grant proposals: 20 yes-yes, 15 no-no, 5 and 10 apart."""
    verdicts = [("y", "y")] * 20 + [("n", "n")] * 15
    verdicts += [("y", "n")] * 5 + [("n", "y")] * 10
    found = agreement(verdicts)
    assert found.pairs == 50
    assert found.observed == pytest.approx(0.7)
    assert found.expected == pytest.approx(0.5)
    assert found.kappa == pytest.approx(0.4)


def test_full_agreement_is_one_and_chance_is_nothing() -> None:
    assert agreement([("a", "a"), ("b", "b")]).kappa == 1
    assert agreement([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]).kappa == 0


def test_nothing_is_said_where_nothing_can_be() -> None:
    assert agreement([]).kappa is None
    assert agreement([("a", "a")] * 4).kappa is None
