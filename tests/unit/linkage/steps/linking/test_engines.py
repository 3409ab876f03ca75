"""Splink on DuckDB and the frames engine give one model's weights."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.steps.linking.explain import explain
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.prepare import INPUT, prepare
from linkage.steps.linking.train import train, write_model
from linkage.steps.linking.weigh import shares, weigh
from tests.linking_people import A, B, frame, linked, said

NAMES = ["Ann", "Anne-Marie", "Md", "Mohammed", "Xasan", "Smith", "Smith-Jones", "J"]
NAMES += ["Jones", "Jonse", "Łuczak", "Baby", None]
DATES = ["1950-03-07", "1950-07-03", "1950-01-01", "1951-03-07", "1988-10-21", None]
DATES += ["1905-03-07", "1973-03-07"]
record = st.builds(
    said,
    forename=st.sampled_from(NAMES),
    surname=st.sampled_from(NAMES),
    born_on=st.sampled_from(DATES),
    sex=st.sampled_from(["1", "2", "9", None]),
    postcode=st.sampled_from(["ZZ1 1AA", "ZZ1 1AB", "ZZ2 2BB", None]),
)


@pytest.mark.parametrize("tier", ["names", "national"])
@settings(max_examples=3, deadline=None)
@given(st.lists(record, min_size=2, max_size=12))
def test_both_engines_give_the_same_weights(tier, records) -> None:
    prepared = prepare(frame(records).select(INPUT))
    model = model_in_use(tier)
    left, right = (x.astype(np.uint32) for x in np.triu_indices(len(records), 1))
    for common in (None, shares(prepared, model)):
        one = weigh(prepared, left, right, model, common, "frames")
        other = weigh(prepared, left, right, model, common, "duckdb")
        for field in one.levels:
            assert one.levels[field].tolist() == other.levels[field].tolist(), field
            assert np.allclose(one.bits[field], other.bits[field], atol=1e-5), field


def test_the_explanation_adds_up_to_the_weight() -> None:
    records = frame([said(nhs_number=A), said(forename="Peggy", postcode="ZZ1 1AB")])
    model = model_in_use("names")
    told = explain(records[1:].select(INPUT), records[:1].select(INPUT), model, 10_000)
    words = dict(told.select("name", "words").iter_rows())
    assert words["Forename"] == "a nickname or another spelling of it"
    assert words["Postcode"] == "the same district"
    prepared = prepare(records.select(INPUT))
    one, other = np.array([0], dtype=np.uint32), np.array([1], dtype=np.uint32)
    whole = weigh(prepared, one, other, model, None, "frames").total()[0]
    assert told["weight"].sum() == pytest.approx(whole + model.prior_bits(10_000))


def test_training_learns_from_pairs_that_a_number_vouches_for(tmp_path) -> None:
    numbers = [f"99900{n:05}" for n in range(3000)]
    people = [
        {"nhs_number": n, "forename": NAMES[i % 6], "born_on": f"19{i % 90 + 10}-03-07"}
        for i, n in enumerate(numbers)
    ]
    records = [said(**p) for p in people] + [
        said(**(p | {"postcode": "ZZ2 2BB"} if i % 4 == 0 else p))
        for i, p in enumerate(people)
    ]
    model = train(frame(records), model_in_use("names"), seed=1, pairs=2e5)
    postcode = next(c for c in model.comparisons if c.field == "postcode")
    assert postcode.levels[0].m == pytest.approx(0.75, abs=0.05)
    path = tmp_path / "model.yaml"
    write_model(model, path)
    assert "trained_on" in path.read_text(encoding="utf-8")


def test_links_tell_the_rule_and_the_weight() -> None:
    found = linked(
        said(nhs_number=A),
        said(nhs_number=A, born_on="1950-07-03"),
        said(forename="Peggy"),
        said(nhs_number=B, forename="Grace", surname="Else", born_on="1980-01-31"),
    ).links.sort("record_id")
    assert found["rule"].to_list() == [
        "new_nhs_number",
        "nhs_number_and_birth_date",
        "weighed",
        "new_nhs_number",
    ]
    assert found["weight"].is_null().to_list() == [True, False, False, True]


def test_an_empty_file_has_no_links() -> None:
    assert linked().links.height == 0
    assert isinstance(linked().review, pl.DataFrame)
