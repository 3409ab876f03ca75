"""Segments, scores, training and predictions as stages of a whole refresh."""

from datetime import date, timedelta

import polars as pl
import pytest
from django.core.management import CommandError, call_command

from governance.access import Viewer
from linkage.models import Release
from linkage.release import parts, selectors
from linkage.steps.evidence import CodeEvidence
from risk import actions
from risk import selectors as risk
from risk.models import ModelWatch, TrainedModel
from risk.steps import train
from segmentation import selectors as segmentation
from tests.builders import AS_OF
from tests.integration.linkage.release.conftest import ILL, PEOPLE
from tests.page_builders import make_user

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
NAME = "emergency_admission"


@pytest.fixture
def learns_from_few(monkeypatch) -> None:
    """Let a model be trained on two dozen people; what it says is not looked at."""
    monkeypatch.setattr(train, "OUTCOMES_PER_FOLD", 1)


def column(release: Release, part: str, name: str) -> dict:
    frame = parts.read_all(release.pk, part, [name])
    return dict(frame.select("person_no", name).iter_rows())


def test_a_release_holds_segments_and_scores(refreshed, acting_as) -> None:
    release = refreshed()
    hfrs = column(release, "scores", "hfrs")
    # F03 2.1; J44 and I50 are no stems of the score. Nobody looked at the others.
    assert hfrs[ILL[0]] == 2.1
    assert hfrs[ILL[1]] == 0
    assert {hfrs[n] for n in PEOPLE if n not in ILL} == {None}
    # Pulmonary 1, dementia 2, heart failure 2 (weights of 2011).
    assert column(release, "scores", "charlson")[ILL[0]] == 5
    with acting_as("web"):
        view = selectors.current()
        frail = view.bitmap("segment", "frailty_dementia")
        assert len(view.any_of("segment", view.values("segment"))) == len(PEOPLE)
        assert not frail & view.bitmap("segment", "healthy")
        assert set(view.bitmap("segment", "long_term_conditions")) >= set(ILL[1:])
        assert view.known("hfrs").to_array().tolist() == sorted(ILL)
        assert len(view.known("core20")) == len(PEOPLE)


def test_an_explanation_is_for_those_who_may_see_the_person(
    refreshed, acting_as, viewer_of
) -> None:
    refreshed()
    theirs = next(n for n in ILL if n % 2 == 0)
    with acting_as("web"):
        found = segmentation.explain(viewer_of("Z81001"), theirs)
        (reason,) = found.reasons
        (copd,) = reason.evidence
        assert (copd.feature, copd.value, copd.since) == (
            "has_copd",
            True,
            date(2020, 1, 1),
        )
        assert copd.code == CodeEvidence(
            "13645005",
            "Chronic obstructive pulmonary disease",
            "snomed",
            date(2020, 1, 1),
        )
        assert segmentation.explain(viewer_of("Z81002"), theirs) is None


def test_too_few_outcomes_give_no_model_and_no_prediction(refreshed) -> None:
    release = refreshed()
    assert not TrainedModel.objects.exists()
    assert set(column(release, "predictions", "risk_emergency_12m").values()) == {None}
    assert "no model" in release_source(release)
    assert risk.model_card(NAME) is None
    with pytest.raises(CommandError, match="not been trained"):
        call_command("model_card")


def release_source(release: Release) -> str:
    return next(
        row["source"] for row in release.catalogue if row["name"] == "risk_band"
    )


def test_a_model_is_trained_on_the_past_and_used_until_it_is_old(
    refreshed, acting_as, learns_from_few, capsys
) -> None:
    first = refreshed()
    with acting_as("web"):
        card = risk.model_card(NAME)
    assert (card.version, card.in_use) == (1, True)
    assert card.index_on == AS_OF - timedelta(days=760)
    assert card.performance["tested_on"] == str(AS_OF - timedelta(days=395))
    assert (card.people, card.outcomes) == (len(PEOPLE), 2 * len(ILL))
    assert card.definitions["batches"] == first.batches
    assert None not in column(first, "predictions", "risk_emergency_12m").values()
    assert release_source(first).endswith("model 1")
    call_command("model_card", NAME)
    told = capsys.readouterr().out
    assert f"tried on {len(PEOPLE)} people as at 2025-08-31" in told
    assert "too few outcomes to judge" in told

    refreshed(as_of=AS_OF + timedelta(days=30))
    assert TrainedModel.objects.filter(name=NAME).count() == 1
    refreshed(as_of=AS_OF + timedelta(days=31))
    assert [c.version for c in risk.versions(NAME)] == [2, 1]
    assert TrainedModel.objects.get(name=NAME, in_use=True).version == 2
    # A model may not speak of a time before it was trained.
    refreshed()
    assert risk.model_card(NAME).version == 3
    assert risk.model_card(NAME).index_on == card.index_on


def test_training_again_from_the_same_store_gives_the_same_model(
    refreshed, learns_from_few
) -> None:
    first = refreshed()
    model = TrainedModel.objects.get(name=NAME)
    before = column(first, "predictions", "risk_emergency_12m")
    model.delete()
    second = refreshed()
    again = TrainedModel.objects.get(name=NAME)
    assert bytes(again.payload) == bytes(model.payload)
    assert again.performance == model.performance
    assert column(second, "predictions", "risk_emergency_12m") == before


def test_a_model_on_changed_definitions_is_trained_again(
    refreshed, learns_from_few
) -> None:
    release = refreshed()
    assert actions.usable(NAME, release) is not None
    release.definitions |= {"feature/copd": "0" * 64}
    assert actions.usable(NAME, release) is None


def test_reasons_are_read_for_the_people_asked_for(refreshed, learns_from_few) -> None:
    release = refreshed()
    shard = next(iter(parts.shards(release.pk, "predictions")))
    made = parts.read(release.pk, shard, "predictions")
    told = made.with_columns(
        risk_reasons=pl.when(pl.col("person_no") == ILL[0]).then(
            pl.lit('[{"feature": "age_years", "words": "Aged 66", "adds": 0.3}]')
        )
    )
    parts.write(release.pk, shard, "predictions", told)
    assert risk.reasons(release.pk, [ILL[0], ILL[1]]) == {
        ILL[0]: [{"feature": "age_years", "words": "Aged 66", "adds": 0.3}]
    }
    assert risk.reasons(release.pk, [ILL[1]]) == {}


@pytest.fixture
def viewer_of(as_role):
    """A viewer whose scope is one practice."""
    worker = as_role("worker")

    def make(practice: str) -> Viewer:
        number = int(practice[1:])
        worker.execute(
            "INSERT INTO governance_user (id, username, full_name, is_active, password)"
            " OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'x', true, '!')",
            [number, practice],
        )
        worker.execute(
            "INSERT INTO governance_scope (user_id, practice_code) VALUES (%s, %s)",
            [number, practice],
        )
        return Viewer(
            number, practice, "x", "pcn_mdt", "direct_care", practice, "x", "practice"
        )

    return make


def test_every_release_is_held_against_the_models_trial(
    refreshed, learns_from_few
) -> None:
    release = refreshed()
    watch = ModelWatch.objects.get(release_id=release.pk, name=NAME)
    assert watch.model_version == 1
    assert watch.figures["people"] == len(PEOPLE)
    assert {"stability", "input_stability", "known_fell"} <= set(watch.figures)
    stops = [alert for alert in watch.alerts if alert["stops"]]
    model = TrainedModel.objects.get(name=NAME)
    assert bool(model.stopped_because) == bool(stops)


def test_a_stopped_model_is_taken_up_by_somebody_and_few_set_no_level(
    refreshed, learns_from_few
) -> None:
    release = refreshed()
    TrainedModel.objects.filter(name=NAME).update(stopped_because="It has drifted.")
    assert "It has drifted." in risk.may_feed_lists("risk_emergency_12m")
    call_command("model_level", NAME, "resume", by="x", because="A late feed.")
    assert "It has drifted." not in risk.may_feed_lists("risk_emergency_12m")
    assert actions.usable(NAME, release).definitions["release"] == release.pk
    with pytest.raises(CommandError, match="nobody who may propose"):
        call_command("model_level", NAME, "recalibrate", by="nobody")
    make_user("system_analyst", "QZ1", "analyst")
    with pytest.raises(CommandError, match="Only .* people of one part had the"):
        call_command("model_level", NAME, "recalibrate", by="analyst")
    with pytest.raises(CommandError, match="Version 1 .* is not approved by 2"):
        call_command("model_level", NAME, "use", version_no=1, by="analyst")
    assert TrainedModel.objects.get(name=NAME).in_use
    with pytest.raises(CommandError, match="no version 9"):
        call_command("model_level", NAME, "use", version_no=9, by="analyst")
    with pytest.raises(CommandError, match="--because"):
        call_command("model_level", NAME, "resume", by="analyst")


def test_gaps_and_impactability_are_part_of_a_release(refreshed) -> None:
    release = refreshed()
    gaps = parts.read_all(release.pk, "gaps")
    assert len(gaps) == len(PEOPLE)
    assert gaps["care_gaps"].null_count() == 0
    rated = parts.read_all(release.pk, "impact", ["impact"])["impact"].drop_nulls()
    assert rated.is_between(0, 100).all()
