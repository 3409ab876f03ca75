"""Risk profile, threshold explorer and model card: who may open them, what they say."""

import csv
import html
import io
import re
from collections import Counter
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from django.test import Client
from django.urls import reverse

from dashboards.selectors.model_tables import of_few
from linkage.release import selectors as release
from linkage.release.catalogue import Attribute
from risk import selectors as risk
from risk import tasks
from risk.definitions import MODELS
from risk.models import ModelApproval, ModelWatch, TrainedModel
from risk.steps.assess import assess
from risk.steps.train import train
from tests.builders import AS_OF, release_view
from tests.page_builders import attributes, make_people
from tests.unit.risk.model_people import SPEC, learnt

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
NAME = "emergency_admission"
BANDS = [band.name for band in MODELS[NAME].bands]


@pytest.fixture(scope="session")
def performance() -> dict:
    """The figures of a small model, tried on people of two practices."""
    rows = learnt(4000)
    return assess(train(rows, SPEC), rows, learnt(4000, seed=2), SPEC)


@pytest.fixture
def trained(system, performance) -> TrainedModel:
    return TrainedModel.objects.create(
        name=NAME,
        version=3,
        approved_as=3,
        index_on=date(2024, 8, 31),
        horizon_days=365,
        people=4000,
        outcomes=400,
        seed=1,
        spec_hash="a" * 64,
        features=[],
        performance=performance,
        payload=b"",
        in_use=True,
    )


@pytest.fixture
def with_bands(system, monkeypatch):
    """The invented release with bands of risk and impactability."""
    people = make_people(6000, 1)
    rank = people["risk_emergency_12m"].rank("ordinal", descending=True).to_numpy()
    place = np.searchsorted([0.005, 0.05, 0.2], rank / 6000)
    made = people.with_columns(
        risk_band=pl.Series([BANDS[i] for i in place]),
        impact=pl.Series(np.random.default_rng(5).uniform(0, 100, 6000)),
    )
    more = [
        Attribute("risk_band", "Band", "category", values=tuple(BANDS)),
        Attribute("impact", "Impactability", "number"),
    ]
    view = release_view(made, [*attributes(), *more], as_of=AS_OF)
    monkeypatch.setattr(release, "current", lambda: view)
    return view


def text_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("role", "org", "name", "allowed"),
    [
        ("system_analyst", "QZZ", "risk", True),
        ("place_lead", "P1", "risk", True),
        ("pcn_mdt_member", "U1", "risk", True),
        ("data_manager", "QZZ", "risk", False),
        ("ig_lead", "QZZ", "models", False),
        ("icb_board_member", "QZZ", "models", True),
        ("partner_client", "P1", "models", False),
    ],
)
def test_pages_of_risk_open_for_their_roles_only(
    signed_in, with_bands, role, org, name, allowed
) -> None:
    response = signed_in(role, org).get(reverse(name))
    assert response.status_code == (200 if allowed else 403)


def test_without_a_model_the_pages_say_so(signed_in) -> None:
    client = signed_in("place_lead", "P1")
    assert "No figures of risk yet" in text_of(client.get(reverse("risk")))
    assert "Not trained yet" in text_of(client.get(reverse("model", args=[NAME])))
    assert client.get(reverse("model", args=["no_such"])).status_code == 404


def test_the_explorer_answers_for_the_capacity_asked(
    signed_in, with_bands, trained
) -> None:
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("risk"), {"per_week": "25"}))
    assert "For 25 reviews a week, a list of 4 weeks reaches down to" in page
    assert "12.5 a week" in page
    assert "Who is on the list, by deprivation" in page
    assert "Ordered by what could be done" in page
    # A leader of a place sees protected counts only: 100 people are 100 to the five.
    assert ">100<" in page.replace(" ", "")
    usual = text_of(client.get(reverse("risk"), {"per_week": "many"}))
    assert "For 12 reviews a week" in usual


def test_movement_between_bands_since_the_release_before(
    signed_in, with_bands, monkeypatch
) -> None:
    client = signed_in("system_analyst", "QZZ")
    assert "Movement between bands" not in text_of(client.get(reverse("risk")))
    was_high = with_bands.source.columns.with_columns(
        risk_band=pl.when(pl.col("risk_band") == BANDS[2])
        .then(pl.lit(BANDS[3]))
        .otherwise("risk_band")
    )
    other = release_view(
        was_high, list(with_bands.catalogue.values()), as_of=date(2026, 6, 30)
    )
    monkeypatch.setattr(release, "earlier", lambda: [with_bands, other])
    page = text_of(client.get(reverse("risk")))

    def table(number: int) -> str:
        found = page[page.index(f'id="movement-{number}"') :]
        return found[: found.index("</table>")]

    # Nobody moves between a release and itself.
    assert table(1).count("100%") == len(BANDS)
    # Who is rising now was lower then; the others stayed.
    assert "30 June 2026" in table(2)
    rising = table(2)[table(2).index("Rising (next") :]
    cells = re.findall(r"numeric[^>]*>([^<]*)<", rising[: rising.index("</tr>")])
    assert cells == ["0%", "0%", "0%", "100%"]


def test_the_profile_downloads_protected_figures(signed_in, with_bands) -> None:
    client = signed_in("system_analyst", "QZZ")
    sent = client.get(reverse("risk-csv", args=["risk-bands"]))
    assert sent["Content-Type"].startswith("text/csv")
    assert "very high" in sent.content.decode().lower()
    assert client.get(reverse("risk-csv", args=["no-such"])).status_code == 404


def test_figures_of_a_model_that_is_not_in_order_say_so_above_them(
    signed_in, with_bands, trained
) -> None:
    """Since when, why and who may act; in the page, its figures and their CSV."""
    client = signed_in("system_analyst", "QZZ")

    def asked() -> tuple[str, str]:
        page = text_of(client.get(reverse("risk")))
        sent = client.get(reverse("risk-csv", args=["risk-bands"]))
        return page, sent.content.decode()

    page, sent = asked()
    above = page[: page.index('id="explorer"')]
    assert ">Not approved<" in above
    assert "approved by 0 of 2 people" in above
    assert "PCN multidisciplinary team member" in above
    assert "Not fit for this decision" in page
    assert "is not approved, its version in use being of" in sent
    ModelApproval.objects.bulk_create(
        ModelApproval(name=NAME, spec_hash="a" * 64, model_version=3, user_id=n)
        for n in (1, 2)
    )
    page, sent = asked()
    for words in ("not approved", "Not to be acted on", "app-not-in-order"):
        assert words not in page
        assert words not in sent
    TrainedModel.objects.filter(pk=trained.pk).update(
        stopped_because="The figures have shifted",
        stopped_at=datetime(2026, 9, 12, 6, tzinfo=UTC),
    )
    page, sent = asked()
    above = page[: page.index('id="explorer"')]
    assert ">Stopped<" in above
    assert "stopped since 12 September 2026: The figures have shifted." in above
    figure = page[page.index('id="risk-bands"') :]
    assert figure.index("Not to be acted on") < figure.index("app-figure__reading")
    assert "The figures have shifted" in sent
    indicator = reverse("indicator", args=["emergency_admission_risk"])
    assert "Not to be acted on" in text_of(client.get(indicator))
    other = reverse("indicator", args=["emergency_admissions"])
    assert "Not to be acted on" not in text_of(client.get(other))


def test_the_explorer_tells_nothing_of_a_list_whose_size_is_hidden(
    signed_in, with_bands, trained
) -> None:
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("risk"), {"per_week": "1"}))
    assert "would hold too few people to tell how far down it reaches" in page
    table = page[page.index('id="sizes"') :]
    rows = table[: table.index("</table>")].split("<tr")[2:]
    cells = [re.findall(r"numeric[^>]*>([^<]*)<", row) for row in rows]
    assert cells[0] == cells[1] == ["fewer than 8 people", *["hidden"] * 3]
    # Sixteen people are told of, with their chances.
    assert "hidden" not in cells[3]
    assert all("%" in cell for cell in cells[3][1:])


def test_the_card_answers_whether_the_score_may_be_trusted(signed_in, trained) -> None:
    client = signed_in("icb_board_member", "QZZ")
    page = text_of(client.get(reverse("model", args=[NAME])))
    assert "it put" in page
    assert "by age, sex and deprivation alone" in page
    for words in (
        "What was foretold and what happened: slope",
        "What acting on the model is worth",
        "Age, sex and deprivation only",
        "Lists of one size in every PCN",
        "By deprivation fifth",
        "By practice",
        "with death competing",
        "TRIPOD+AI checklist",
        "10 Sample size",
        "4,000 people, 400 with the outcome.",
        "Nobody yet.",
        "The cut is the same for every group",
        "95% interval of the AUROC",
        "95% interval of the PPV",
        "95% interval of the slope",
        "95% interval of the intercept",
        "95% interval of the AUPRC",
        "95% interval of the Brier score",
        "How the 95% intervals are worked out",
        "No ethnic group in one deprivation fifth has 2,000 people",
    ):
        assert words in page, words
    assert "I have read this card" not in page
    sent = client.get(reverse("model-csv", args=[NAME, "calibration"]))
    assert "Foretold" in sent.content.decode()
    observed = Counter(
        of_few(part) for part in trained.performance["calibration_curve"]
    )
    assert sent.content.decode().count("Happened") == observed[False]
    record = client.get(reverse("model-record", args=[NAME])).json()
    assert record["version"] == 3
    assert "may not order lists" in record["standing"]


def test_the_cards_drawings_carry_their_intervals(signed_in, trained) -> None:
    client = signed_in("place_lead", "P1")
    for key, drawn in (("calibration", "Happened"), ("decision-curve", "Everybody")):
        sent = client.get(reverse("model-csv", args=[NAME, key])).content.decode()
        rows = list(csv.DictReader(io.StringIO(sent.lstrip("\ufeff"))))
        mine = [row for row in rows if row["series"] == drawn]
        assert mine
        for row in mine:
            assert (
                float(row["lower_95"]) <= float(row["count"]) <= float(row["upper_95"])
            )
    page = text_of(client.get(reverse("model", args=[NAME])))
    figure = page[page.index('id="calibration"') :]
    assert '"error_x": {"type": "data"' in figure[: figure.index("</script>")]
    assert "95% interval" in figure[: figure.index("</table>")]


def test_the_worst_cell_of_ethnicity_and_deprivation_is_told(
    signed_in, trained
) -> None:
    worst = {
        "ethnicity_group": "Asian",
        "imd_fifth": "1",
        "people": 2301,
        "observed": 412,
        "expected": 380.0,
        "ratio": 1.0842,
        "cells": 9,
        "interval": [0.9823, 1.1942],
        "least": 2000,
    }
    address = reverse("model", args=[NAME])
    client = signed_in("place_lead", "P1")

    def told(**cell: object) -> str:
        trained.performance = trained.performance | {"worst_cell": worst | cell}
        trained.save()
        page = text_of(client.get(address))
        found = page[page.index('id="worst-cell"') :]
        return found[: found.index("</p>")]

    found = told()
    assert "Of the 9 cells" in found
    assert "Asian, deprivation fifth" in found
    assert "1.08 observed / expected (95% interval 0.98 to 1.19)" in found
    assert "2,300 people, of whom 410 had the outcome" in found
    few = told(observed=5)
    assert "hidden, being of few people" in few
    assert "1.08" not in few


def test_the_register_of_algorithms_is_public_and_counts_nobody(trained) -> None:
    (told,) = Client().get(reverse("algorithms")).json()["algorithms"]
    assert told["name"] == MODELS[NAME].title
    assert told["not_for"]
    assert 0.5 < told["performance"]["auroc"] < 1
    assert not {"people", "observed", "expected"} & set(told["performance"])


def test_the_public_record_answers_every_field_of_the_standard(trained) -> None:
    """Fields of version 3.0 of the ATRS; words filled, nobody counted."""
    numbers = ["1", "2", "3", "4"]
    for section, fields in (("1", 4), ("2", 5), ("3", 6)):
        numbers += [f"{section}.{n}" for n in range(1, fields + 1)]
    numbers += [f"1.4.{n}" for n in range(1, 6)]
    for section, fields in (("4.1", 4), ("4.2", 9), ("4.3", 10), ("4.4", 5)):
        numbers += [f"{section}.{n}" for n in range(1, fields + 1)]
    numbers += ["5.1", "5.2"]
    (told,) = Client().get(reverse("algorithms")).json()["algorithms"]
    fields = [each for part in told["sections"] for each in part["fields"]]
    assert sorted(each["number"] for each in fields) == sorted(numbers)
    words = {each["number"]: each["words"] for each in fields}
    assert not [number for number, said in words.items() if "{" in said or not said]
    assert words["1"] == MODELS[NAME].title
    assert "Proactive care" in words["3.1"]
    assert "may not order lists: approved by 0 of 2 people" in words["3.4"]
    assert "95% interval" in words["4.2.7"]
    assert "About 4,000 people" in words["4.3.3"]
    asked = {each["number"] for each in fields if each["deployment"]}
    assert asked == {"4", "1.3", "2.4", "4.1.2", "5.1"}
    page = text_of(Client().get(reverse("public-register")))
    assert "4.3.4 Sensitive attributes" in page
    assert "For the organisation to answer before live use." in page


def test_two_different_people_approve_before_a_model_orders_a_list(
    signed_in, trained
) -> None:
    attribute = MODELS[NAME].attribute
    first = signed_in("system_analyst", "QZZ")
    address = reverse("approve-model", args=[NAME])
    assert first.post(address, {"note": "level holds"}).status_code == 302
    assert "approved by 1 of 2" in risk.may_feed_lists(attribute)
    again = first.post(address, follow=True)
    assert "a second person must" in again.content.decode()
    assert ModelApproval.objects.count() == 1
    assert signed_in("pcn_mdt_member", "U1").post(address).status_code == 302
    assert risk.may_feed_lists(attribute) == ""
    page = text_of(first.get(reverse("model", args=[NAME])))
    assert "level holds" in page
    # Another definition needs new approvals.
    TrainedModel.objects.filter(pk=trained.pk).update(spec_hash="b" * 64)
    assert "approved by 0 of 2" in risk.may_feed_lists(attribute)


def test_who_may_not_approve_is_refused(signed_in, trained) -> None:
    for role, org in (("place_lead", "P1"), ("icb_board_member", "QZZ")):
        response = signed_in(role, org).post(reverse("approve-model", args=[NAME]))
        assert response.status_code == 403
    assert not ModelApproval.objects.exists()


def test_lists_of_one_size_come_with_intervals(signed_in, trained) -> None:
    page = text_of(signed_in("place_lead", "P1").get(reverse("model", args=[NAME])))
    table = page[page.index('id="list-sizes"') :]
    row = table[table.index(">100<") : table.index("</tr>", table.index(">100<"))]
    cells = re.findall(r"numeric[^>]*>([^<]*)<", row)
    people, having, ppv, interval, among, found, of_that = cells
    low, high = (int(part.strip("% ")) for part in interval.split("to"))
    assert low < int(ppv.strip("%")) < high
    low, high = (int(part.strip("% ")) for part in of_that.split("to"))
    assert low <= int(found.strip("%")) <= high


def test_lists_whose_shares_tell_of_few_people_show_none(signed_in, trained) -> None:
    few = dict.fromkeys(
        ("ppv", "ppv_interval", "ppv_lowest", "ppv_highest")
        + ("sensitivity", "sensitivity_interval")
    )
    part = {"per_pcn": 10, "pcns": 2, "people": 20, "hits": 5} | few
    older = {"per_pcn": 25, "people": 50, "ppv": 0.1, "sensitivity": 0.987}
    trained.performance = trained.performance | {"at_list_size_per_pcn": [part, older]}
    trained.save()
    page = text_of(signed_in("place_lead", "P1").get(reverse("model", args=[NAME])))
    table = page[page.index('id="list-sizes"') :]
    rows = table[: table.index("</table>")].split("</tr>")
    (first,) = [row for row in rows if ">10<" in row]
    cells = re.findall(r"numeric[^>]*>([^<]*)<", first)
    hidden = ["hidden", "", "hidden and hidden", "hidden", ""]
    assert cells == ["20", "hidden", *hidden]
    assert not [row for row in rows if ">25<" in row]


def test_what_was_foretold_stands_beside_what_happened_with_its_interval(
    signed_in, trained
) -> None:
    client = signed_in("place_lead", "P1")

    def cells() -> list[list[str]]:
        page = text_of(client.get(reverse("model", args=[trained.name])))
        table = page[page.index('id="tenths"') :]
        rows = table[: table.index("</table>")].split("<tr")[2:]
        return [re.findall(r"numeric[^>]*>([^<]*)<", row) for row in rows]

    made = cells()
    assert len(made) == 10
    counted = [
        round(part["observed"] * part["people"])
        for part in trained.performance["calibration_curve"]
    ]
    for having, (_, happened, interval) in zip(counted, made, strict=True):
        if 1 <= having <= 7:
            assert (happened, interval) == ("fewer than 8 people", "")
            continue
        low, high = (float(part.strip("% ")) for part in interval.split("to"))
        assert low <= float(happened.strip("%")) <= high


def test_a_stopped_model_says_why(signed_in, trained) -> None:
    TrainedModel.objects.filter(pk=trained.pk).update(
        stopped_because="The figures have shifted."
    )
    page = text_of(signed_in("place_lead", "P1").get(reverse("model", args=[NAME])))
    assert "stopped: The figures have shifted." in page


def test_each_check_stands_beside_its_limit_last_value_and_trend(
    signed_in, trained
) -> None:
    """What is beyond its limit comes first; groups and inputs are called by name."""
    for release_id, shift, level in ((4, 0.05, 1.02), (5, 0.11, 1.04), (6, 0.31, 1.3)):
        ModelWatch.objects.create(
            release_id=release_id,
            name=NAME,
            model_version=3,
            figures={
                "stability": shift,
                "known_fell": {"latest_egfr": 0.02},
                "having_fell": {},
                "input_stability": {"age_years": 0.01},
                "newest": {
                    "foretold_on": f"2025-0{release_id}-30",
                    "stops": True,
                    "level": {
                        "observed": 900,
                        "expected": 850.0,
                        "observed_over_expected": level,
                    },
                    "groups": {"imd_fifth": {"1": 1.06}},
                },
            },
        )
    # What an earlier version showed says nothing of this one's trend.
    ModelWatch.objects.filter(release_id=4).update(model_version=2)
    page = text_of(signed_in("place_lead", "P1").get(reverse("model", args=[NAME])))
    table = page[page.index('id="watched"') :]
    table = html.unescape(table[: table.index("</table>")])
    assert "at release 6" in table
    rows = [re.sub(r"<[^>]+>", "|", row) for row in table.split("<tr")[2:]]
    assert "What is foretold: stability index" in rows[0] + rows[1]
    assert "Observed over expected" in rows[0] + rows[1]
    assert all("beyond: lists stop" in row for row in rows[:2])
    assert all("within" in row for row in rows[2:])
    assert "up to 0.25" in table
    assert "rising: 0.11, 0.31" in table
    assert "rising: 1.04, 1.30" in table
    assert "Deprivation fifth: 1 (most deprived)" in table
    assert "steady: 1.06, 1.06" in table


def test_a_new_level_is_proposed_by_one_and_approved_by_another(
    signed_in, with_bands, trained, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    sent = []
    monkeypatch.setattr(tasks.recalibrate, "delay", lambda *ids: sent.append(ids))
    address = reverse("model", args=[NAME])
    ask = reverse("ask-for-level", args=[NAME])
    first = signed_in("system_analyst", "QZZ")
    page = text_of(first.get(address))
    assert "Propose a new level" in page
    board = signed_in("icb_board_member", "QZZ")
    assert "Propose a new level" not in text_of(board.get(address))
    assert board.post(ask).status_code == 403
    assert first.get(ask).status_code == 405
    with django_capture_on_commit_callbacks(execute=True):
        assert first.post(ask).status_code == 302
    assert [ids[:2] for ids in sent] == [(NAME, with_bands.id)]
    figures = {"observed_over_expected": 1.2, "interval": [1.1, 1.3]}
    waits = TrainedModel.objects.get(pk=trained.pk)
    waits.pk, waits.version, waits.approved_as, waits.in_use = None, 4, 4, False
    waits.waits_because = "A new level, proposed by System Analyst."
    waits.calibration = {
        "before": figures,
        "after": figures | {"observed_over_expected": 1.01, "interval": [0.93, 1.09]},
    }
    waits.save(force_insert=True)
    ModelApproval.objects.create(
        name=NAME, spec_hash="a" * 64, model_version=4, user_id=1, full_name="Somebody"
    )
    page = text_of(first.get(address))
    assert "Propose a new level" not in page
    section = page[page.index('id="waiting"') :]
    for words in (
        "A new level, proposed by System Analyst.",
        "Said yes: Somebody.",
        "1 more must",
        "1.200",
        "1.010",
        "0.930 to 1.090",
    ):
        assert words in section
    # Nothing is asked for while one waits, and the yes is to the version that waits.
    assert "decide on that one first" in text_of(first.post(ask, follow=True))
    assert len(sent) == 1
    second = signed_in("pcn_mdt_member", "U1")
    second.post(reverse("approve-model", args=[NAME]), {"version": "4"})
    assert ModelApproval.objects.filter(model_version=4).count() == 2
    assert "The next full refresh puts it to use" in text_of(second.get(address))


def test_an_alert_that_stops_nothing_is_for_those_who_answer_for_models(
    signed_in, trained
) -> None:
    words = "The input “Aged” has shifted: stability index 0.31, limit 0.25."
    home = reverse("home")
    clients = {
        role: signed_in(role, "QZZ")
        for role in ("system_analyst", "data_manager", "icb_board_member")
    }
    assert "Alerts of one model" not in text_of(clients["data_manager"].get(home))
    for release_id, alerts in ((4, []), (5, [{"words": words, "stops": False}])):
        ModelWatch.objects.create(
            release_id=release_id,
            name=NAME,
            model_version=3,
            figures={"stability": 0.1},
            alerts=alerts,
        )
    for role in ("system_analyst", "data_manager"):
        page = text_of(clients[role].get(home))
        assert "Alerts of one model" in page
        assert words in page
    card = text_of(signed_in("place_lead", "P1").get(reverse("model", args=[NAME])))
    assert "Alerts of the newest release" in card
    assert words in card
    # It stops nothing, so it is nothing for the board.
    assert words not in text_of(clients["icb_board_member"].get(home))
    # What was said of another version says nothing of this one.
    TrainedModel.objects.filter(pk=trained.pk).update(version=4)
    assert risk.alerts() == []
