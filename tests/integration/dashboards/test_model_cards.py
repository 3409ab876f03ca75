"""The card of a model: what it says, who approves it, what is watched."""

import csv
import html
import io
import re
from collections import Counter

import pytest
from django.test import Client
from django.urls import reverse

from dashboards.selectors.model_tables import of_few
from risk import selectors as risk
from risk import tasks
from risk.definitions import MODELS
from risk.models import ModelApproval, ModelWatch, TrainedModel
from tests.page_builders import text_of

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
NAME = "emergency_admission"


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
    """Fields of version 4.0 of the ATRS; words filled, nobody counted."""
    numbers = [f"2.1.4.{n}" for n in range(1, 6)]
    for section, fields in (
        *(("0", 5), ("1", 4), ("2.1", 4), ("2.2", 4), ("2.3", 5)),
        *(("2.4.1", 5), ("2.4.2", 8), ("2.4.3", 9), ("2.4.4", 5), ("2.5", 2)),
    ):
        numbers += [f"{section}.{n}" for n in range(1, fields + 1)]
    (told,) = Client().get(reverse("algorithms")).json()["algorithms"]
    fields = [each for part in told["sections"] for each in part["fields"]]
    assert sorted(each["number"] for each in fields) == sorted(numbers)
    words = {each["number"]: each["words"] for each in fields}
    assert not [number for number, said in words.items() if "{" in said or not said]
    assert words["0.1"] == words["1.1"] == MODELS[NAME].title
    assert "Proactive care" in words["2.3.1"]
    assert "may not order lists: approved by 0 of 2 people" in words["2.3.2"]
    assert "95% interval" in words["2.4.2.7"]
    assert "About 4,000 people" in words["2.4.3.3"]
    asked = {each["number"] for each in fields if each["deployment"]}
    assert asked == {"0.3", "0.4", "1.4", "2.1.3", "2.2.3", "2.5.1"}
    page = text_of(Client().get(reverse("public-register")))
    assert "2.4.3.4 Sensitive attributes" in page
    assert "Tier 2: 2.3 Deployment context" in page
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
                        "interval": [level - 0.03, level + 0.03],
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
        name=NAME,
        spec_hash="a" * 64,
        model_version=4,
        user_id=int(first.session["_auth_user_id"]),
        full_name="Somebody",
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
    no_nearer = "no nearer to 1 than the version in use"
    assert no_nearer not in section
    better = waits.calibration["after"]
    waits.calibration["after"] = figures | {"observed_over_expected": 0.79}
    waits.save()
    assert no_nearer in text_of(first.get(address))
    # A slope that comes nearer is a reason for it.
    for when, slope in (("before", 0.8), ("after", 0.9)):
        waits.calibration[when] = waits.calibration[when] | {"calibration_slope": slope}
    waits.save()
    assert no_nearer not in text_of(first.get(address))
    waits.calibration = {"before": figures, "after": better}
    waits.save()
    # Nothing is asked for while one waits, and the yes is to the version that waits.
    assert "decide on that one first" in text_of(first.post(ask, follow=True))
    assert len(sent) == 1
    # Who proposed it is not asked again.
    second = signed_in("pcn_mdt_member", "U1")
    asks = "I have compared the two and approve version 4"
    assert asks not in section
    assert asks in text_of(second.get(address))
    second.post(reverse("approve-model", args=[NAME]), {"version": "4"})
    assert ModelApproval.objects.filter(model_version=4).count() == 2
    assert "The next full refresh puts it to use" in text_of(second.get(address))
    assert "Its level was set anew" not in text_of(second.get(address))
    TrainedModel.objects.filter(pk=trained.pk).update(in_use=False)
    waits.in_use, waits.waits_because = True, ""
    waits.calibration |= {"recalibrated_on": "2025-09-30", "level_of": 3}
    waits.save()
    page = text_of(second.get(address))
    assert (
        "Its level was set anew by what came of people as at 30 September 2025; all"
        " else is that of version 3."
    ) in page
    assert "Propose a new level" in page


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
