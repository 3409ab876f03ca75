"""Evidence cards: limits, the worst of several checks, and its words."""

import pytest

from dashboards.steps.fitness import (
    Check,
    Fitness,
    age,
    division_known,
    link_gap,
    standard_error,
    submitting,
)


@pytest.mark.parametrize(
    ("check", "grade"),
    [
        (age("GP journal", 7, 7), "green"),
        (age("GP journal", 14, 7), "amber"),
        (age("GP journal", 15, 7), "red"),
        (age("GP journal", None, 7), None),
        (age("FHIR", 3, None), None),
        (submitting("GP journal", 95, 100), "green"),
        (submitting("GP journal", 94, 100), "amber"),
        (submitting("GP journal", 85, 100), "amber"),
        (submitting("GP journal", 84, 100), "red"),
        (submitting("GP journal", 0, 0), None),
        (division_known("Ethnic group", 0.9), "green"),
        (division_known("Ethnic group", 0.7), "amber"),
        (division_known("Ethnic group", 0.69), "red"),
        (division_known("Ethnic group", None), None),
        (standard_error(17), "green"),
        (standard_error(16), "amber"),
        (standard_error(4), "amber"),
        (standard_error(3), "red"),
        (standard_error(None), None),
        (link_gap(2.0, "ethnic groups"), "green"),
        (link_gap(5.0, "ethnic groups"), "amber"),
        (link_gap(5.1, "ethnic groups"), "red"),
        (link_gap(None, "ethnic groups"), None),
    ],
)
def test_limits(check: Check, grade: str | None) -> None:
    assert check.grade == grade


def test_the_worst_check_speaks() -> None:
    found = Fitness((age("GP journal", 7, 7), submitting("GP journal", 9, 10))).also(
        [standard_error(3)]
    )
    assert found.grade == "red"
    assert found.verdict.startswith("Not fit for this decision, because its smallest")
    assert "9 of 10" not in found.verdict


def test_what_does_not_apply_never_passes() -> None:
    none = Fitness((age("FHIR", 3, None), standard_error(None)))
    assert none.grade is None
    assert "not known" in none.verdict
    assert Fitness((age("GP journal", 1, 7), standard_error(None))).grade == "green"
