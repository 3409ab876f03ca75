"""When a delivery waits for a person, and in which words."""

from collections import Counter

import pytest

from linkage.specs import GateSpec
from linkage.steps.gate import Earlier, gate
from linkage.steps.measure import Measured

LIMITS = GateSpec()
HEADERS = ("a", "b")
KNOWN = {"a": ("a",), "b": ("b", "b_code")}


def judged(rows: int, *earlier: int, limits: GateSpec = LIMITS, **faults: object):
    found = Measured(rows=rows, **faults)  # type: ignore[arg-type]
    return gate(found, HEADERS, KNOWN, Earlier(tuple(earlier), HEADERS), limits)


@pytest.mark.parametrize(("rows", "held"), [(701, 0), (700, 0), (699, 1), (1301, 1)])
def test_volume_may_lie_within_thirty_percent_of_the_median(rows, held) -> None:
    verdict = judged(rows, 900, 1000, 1100, 1000, 1000, 1000, 5)
    assert len(verdict.held) == held


def test_only_the_last_six_are_compared_with() -> None:
    verdict = judged(1000, 1000, 1000, 1000, 1000, 1000, 1000, 9, 9, 9, 9, 9, 9, 9)
    assert verdict.held == ()


def test_small_files_and_feeds_without_a_limit_are_not_judged_by_volume() -> None:
    assert (
        judged(1, 150).noted[0]
        == "Earlier files have 150 rows: too few to compare with."
    )
    growing = GateSpec(volume_within=None)
    assert judged(1, 100_000, limits=growing).held == ()


def test_values_are_judged_by_shares_each_with_its_own_limit() -> None:
    faults = {
        "missing": Counter(id=20),
        "unusable": Counter(code=125, sex=110),
        "rejected": 230,
    }
    assert judged(1000, **faults).held == (
        "2.0% of rows have no id; the limit is 1.0%.",
        (
            "12.5% of rows hold a value of code that cannot be used or is not known;"
            " the limit is 10.0%."
        ),
        "23.0% of rows break a rule; the limit is 20.0%.",
    )
    known = GateSpec(limits={"code": 0.5, "id": 0.02}, most_rejected=1)
    assert judged(1000, limits=known, **faults).held == ()
    few = judged(199, missing=Counter(id=199))
    assert few.held == ()
    assert few.noted[-1] == (
        "Fewer than 200 rows: too few to judge their values by shares."
    )


@pytest.mark.parametrize(("rows", "many", "held"), [(220, 3, 0), (2200, 40, 1)])
def test_a_few_rows_over_the_limit_may_be_chance(rows, many, held) -> None:
    assert len(judged(rows, missing=Counter(id=many)).held) == held


def test_columns_are_compared_without_regard_to_case_or_order() -> None:
    earlier = Earlier((), ("A ", "b", "local"))
    verdict = gate(Measured(rows=1), ("B", "a", "new"), KNOWN, earlier, LIMITS)
    assert verdict.held == ()  # what the definition does not know may go
    assert verdict.warned == ("New columns, not read: new.",)
    lost = gate(Measured(rows=1), ("a",), KNOWN, earlier, LIMITS)
    assert lost.held == ("Missing columns that the last file had: b.",)
    back = gate(Measured(rows=1), ("a", "b"), KNOWN, Earlier((), ("a",)), LIMITS)
    assert back.warned == ("New columns, read from now on: b.",)


def test_another_header_of_a_column_is_read_as_before() -> None:
    earlier = Earlier((), ("a", "b"))
    verdict = gate(Measured(rows=1), ("a", "B_code"), KNOWN, earlier, LIMITS)
    assert verdict.held == ()
    said = "Columns under another name, read as before: b is now B_code."
    assert verdict.warned == (said,)


def test_a_first_file_says_which_of_its_columns_nobody_reads() -> None:
    first = gate(Measured(rows=1), ("A", "b", "odd"), KNOWN, Earlier(), LIMITS)
    assert first.held == ()
    assert first.warned == ("Columns that the feed does not know, not read: odd.",)


def test_an_empty_file_is_held_whatever_the_limits() -> None:
    assert judged(0, limits=GateSpec(volume_within=None)).held
