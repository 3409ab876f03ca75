"""The card of a model that foretells pounds: how right they were, and for whom."""

import re

import polars as pl
import pytest
from django.urls import reverse

from risk.models import TrainedModel
from risk.steps.assess import assess
from risk.steps.train import train
from tests.page_builders import make_model, text_of
from tests.unit.risk.model_people import SPEC, learnt

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
NAME = "cost_next_year"


@pytest.fixture(scope="session")
def costly() -> dict:
    """The figures of a small model of pounds, of two practices."""
    outcome = SPEC.outcome.model_validate({"of": "cost", "horizon_days": 365})
    spec = SPEC.model_copy(update={"outcome": outcome})
    rows, later = (
        learnt(4000, seed=seed).with_columns(outcome=pl.col("amount_gbp") > 0)
        for seed in (1, 2)
    )
    return assess(train(rows, spec), rows, later, spec)


@pytest.fixture
def trained(system, costly) -> TrainedModel:
    return make_model(NAME, costly)


def test_the_card_of_pounds_says_for_whom_they_are_right(
    signed_in, trained, costly
) -> None:
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("model", args=[NAME])))

    def rows(table: str) -> list[tuple[str, list[str]]]:
        found = page[page.index(f'id="{table}"') :]
        found = found[: found.index("</table>")].split("<tr")[2:]
        return [
            (
                re.search(r"table__header[^>]*>([^<]*)<", row)[1],
                re.findall(r"numeric[^>]*>([^<]*)<", row),
            )
            for row in found
        ]

    def caption(place: int) -> str:
        found = page[page.index(f'id="group-{place}-caption"') :]
        return found[: found.index("<")]

    def number(words: str) -> float:
        return float(words.replace("£", "").replace(",", ""))

    assert len(rows("tenths")) == 10
    names = [title for title, _ in rows("comparison")]
    assert names == [
        "This model (boosted trees)",
        "Log-linear regression, same inputs",
        "Age, sex and deprivation only",
    ]
    for words in ("By sex", "By age", "By ethnic group", "By practice", "TRIPOD+AI"):
        assert words in page, words
    places = [n for n in range(1, 7) if f'id="group-{n}"' in page]
    assert len(places) == len(costly["groups"])
    (fifths,) = (n for n in places if "By deprivation fifth" in caption(n))
    assert len(rows(f"group-{fifths}")) == 5
    for _, cells in rows(f"group-{fifths}"):
        _, _, expected, spent, interval, ratio, of_that, error = cells
        low, high = (number(part) for part in interval.split(" to "))
        assert low <= number(spent) <= high
        low, high = (float(part) for part in of_that.split(" to "))
        assert low <= float(ratio) <= high
        assert float(ratio) == pytest.approx(number(spent) / number(expected), abs=0.01)
        assert number(error) > 0
    # Nothing is said of a chance.
    assert "By lists of one size" not in page
    assert "with death competing" not in page
    sent = client.get(reverse("model-csv", args=[NAME, "calibration"]))
    # As in the table, nothing where 1 to 7 people cost anything.
    told = [part["having"] not in range(1, 8) for part in costly["calibration_curve"]]
    assert sent.content.decode().count("Spent") == sum(told) > 5
    hidden = [cells for _, cells in rows("tenths") if "fewer than 8 people" in cells]
    assert len(hidden) == len(told) - sum(told)
    assert (
        client.get(reverse("model-csv", args=[NAME, "decision-curve"])).status_code
        == 404
    )
    record = client.get(reverse("model-record", args=[NAME])).json()
    assert set(record["performance"]) >= {
        "observed_over_expected",
        "variance_explained",
    }


def test_an_older_trial_of_pounds_shows_what_it_kept(
    signed_in, trained, costly
) -> None:
    older = {
        key: costly[key]
        for key in ("main", "tested_on", "people", "observed_over_expected")
        + ("variance_explained", "top_20th_of_cost", "treated_left_out")
    }
    older["calibration_curve"] = [
        {"people": 400, "foretold": 1234.4, "observed": 1300.0}
    ]
    TrainedModel.objects.filter(pk=trained.pk).update(performance=older)
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("model", args=[NAME])))
    assert "£1,234" in page
    assert "By sex" not in page
