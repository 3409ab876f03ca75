"""The Data Quality Maturity Index against its published example."""

import pytest

from linkage.steps.maturity import Item, maturity

# DQMI methodology, appendix 1 (NHS Digital, October 2021): records, valid and complete,
# defaults, threshold in %, item score; the coverage is that of its data set.
THIRD, TWO_THIRDS = 1 / 3, 2 / 3
EXAMPLE = [
    (Item(2500, 2400, 1, 100, 0.02), 94.0),
    (Item(2500, 2500, 1, 100, 1.0), 100.0),
    (Item(2500, 2000, 1, 100, 0.0), 76.0),
    (Item(1000, 900, THIRD, 900, 0.0), 0.0),
    (Item(1000, 800, THIRD, 800, 1.0), 80.0),
    (Item(1000, 900, THIRD, 450, 0.0), 45.0),
    (Item(1000, 1000, THIRD, 100, 0.035), 93.5),
    (Item(10_000, 10_000, THIRD), 100.0),
    (Item(10_000, 10_000, THIRD), 100.0),
    (Item(50_000, 50_000, TWO_THIRDS, 100, 0.02), 100.0),
    (Item(50_000, 49_000, TWO_THIRDS, 5000, 1.0), 98.0),
    (Item(50_000, 45_000, TWO_THIRDS, 5000, 0.035), 83.5),
]


@pytest.mark.parametrize(("item", "score"), EXAMPLE)
def test_items_of_the_published_example(item: Item, score: float) -> None:
    assert item.score is not None
    assert item.score * 100 == pytest.approx(score)


def test_the_published_example() -> None:
    found = maturity(item for item, _ in EXAMPLE)
    assert found is not None
    assert round(found, 1) == 47.2


def test_what_does_not_apply_never_counts() -> None:
    """Data sets 4 and 5 of the example, of which nothing was expected."""
    nothing = [Item(0, 0, 0), Item(0, 0, 1)]
    found = maturity([*(item for item, _ in EXAMPLE), *nothing])
    assert found is not None
    assert round(found, 1) == 47.2
    assert maturity(nothing) is None


def test_defaults_beyond_every_record_do_not_go_below_nought() -> None:
    assert Item(10, 2, 1, 9, 0.0).score == 0.0
