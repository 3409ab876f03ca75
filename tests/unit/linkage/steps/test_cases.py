import polars as pl

from linkage.steps.cases import cases


def frame(*pairs):
    return pl.DataFrame(
        {"person": [p for p, _ in pairs], "condition": [c for _, c in pairs]},
        schema={"person": pl.Int32, "condition": pl.String},
    )


def test_cases_are_counted_by_condition():
    true = frame((1, "copd"), (2, "copd"), (3, "copd"), (4, "copd"), (1, "asthma"))
    found = frame((1, "copd"), (2, "copd"), (3, "copd"), (9, "copd"), (9, "copd"))
    rows = {row["condition"]: row for row in cases(found, true).iter_rows(named=True)}
    assert rows["copd"] == {
        "condition": "copd",
        "true": 4,
        "found": 4,
        "right": 3,
        "sensitivity": 0.75,
        "ppv": 0.75,
    }
    assert (rows["asthma"]["sensitivity"], rows["asthma"]["ppv"]) == (0.0, None)


def test_a_condition_that_nobody_has_has_no_sensitivity():
    row = cases(frame((1, "copd")), frame()).row(0, named=True)
    assert (row["sensitivity"], row["ppv"]) == (None, 0.0)
