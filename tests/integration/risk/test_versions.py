"""Which version is in use: trained anew, waiting, approved, with a new level."""

from datetime import timedelta

import polars as pl
import pytest

from governance.access import Viewer, viewer_for
from linkage.models import Release
from risk import approvals, decisions, tasks
from risk import selectors as risk
from risk.actions import levels, training
from risk.actions.models_in_use import due, usable
from risk.definitions import MODELS
from risk.models import ModelApproval, TrainedModel
from risk.steps.assess import assess
from risk.steps.train import train
from tests.builders import AS_OF
from tests.integration.linkage.release.conftest import make_places
from tests.live_system import audit_rows
from tests.page_builders import make_registers, make_user
from tests.unit.risk.model_people import SPEC, learnt
from tests.unit.risk.test_renewal import card

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
NAME = "emergency_admission"
ATTRIBUTE = MODELS[NAME].attribute
STRAYS = {"observed_over_expected": 1.3, "interval": [1.25, 1.35]}


@pytest.fixture
def people(settings) -> list[Viewer]:
    """Three who may approve models."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_places()
    make_registers()
    users = [make_user("system_analyst", "QZ1", name) for name in ("a", "b", "c")]
    return [viewer_for(user) for user in users]


@pytest.fixture
def trains(monkeypatch, people, acting_as):
    """Run the stage at a day with a trial of these figures, as the worker."""
    rows = learnt(2000)
    fitted = train(rows, SPEC)
    monkeypatch.setattr(training, "training_rows", lambda *_: rows)
    monkeypatch.setattr(training, "train", lambda *_, **__: fitted)

    def run(day: int, **main) -> Release:
        monkeypatch.setattr(training, "assess", lambda *_: card(**main))
        release = Release.objects.create(
            as_of=AS_OF + timedelta(days=day), state="published", code_version="x"
        )
        with acting_as("worker"):
            training.train_model(release.pk, NAME)
        return release

    return run


def in_use() -> int:
    return TrainedModel.objects.get(name=NAME, in_use=True).version


def test_approvals_hold_for_a_version_that_is_like_the_one_looked_at(
    trains, people, acting_as
) -> None:
    trains(0)
    with acting_as("web"):
        decisions.approve(name=NAME, by=people[0])
    assert "approved by 1 of 2" in risk.may_feed_lists(ATTRIBUTE)
    trains(31)
    assert in_use() == 2
    # The first yes holds for it, and the second was said of it.
    with acting_as("web"):
        decisions.approve(name=NAME, by=people[1])
        assert risk.may_feed_lists(ATTRIBUTE) == ""
    trains(62)
    assert in_use() == 3
    assert risk.may_feed_lists(ATTRIBUTE) == ""
    assert [a.model_version for a in risk.model_card(NAME).approvals] == [1, 2]
    with pytest.raises(decisions.RefusedApprovalError, match="second person"):
        decisions.approve(name=NAME, by=people[0])


def test_a_version_that_strays_waits_and_the_former_stays_in_use(
    trains, people, acting_as
) -> None:
    trains(0)
    for viewer in people[:2]:
        decisions.approve(name=NAME, by=viewer)
    later = trains(31, **STRAYS)
    assert in_use() == 1
    assert usable(NAME, later).version == 1
    assert risk.may_feed_lists(ATTRIBUTE) == ""
    (waiting,) = approvals.waiting(NAME)
    assert (waiting.version, waiting.missing) == (2, 2)
    assert "outside 0.9 to 1.1" in waiting.because
    assert audit_rows("model_waits")[0]["subject"] == NAME
    # It is not trained again every night while it waits.
    assert not due(NAME, trains(32, **STRAYS))
    assert TrainedModel.objects.count() == 2
    with acting_as("web"):
        decisions.approve(name=NAME, version=2, by=people[0])
        assert approvals.waiting(NAME)[0].missing == 1
    trains(33)
    assert in_use() == 1
    with acting_as("web"):
        decisions.approve(name=NAME, version=2, by=people[2])
    trains(34)
    assert in_use() == 2
    assert approvals.waiting(NAME) == []
    assert risk.may_feed_lists(ATTRIBUTE) == ""
    with pytest.raises(decisions.RefusedApprovalError, match="no such"):
        decisions.approve(name=NAME, version=1, by=people[0])


def test_one_operator_goes_back_only_to_what_two_people_approved(
    trains, people
) -> None:
    trains(0)
    for viewer in people[:2]:
        decisions.approve(name=NAME, by=viewer)
    trains(31, **STRAYS)
    with pytest.raises(decisions.RefusedApprovalError, match="not approved by 2"):
        decisions.use_version(name=NAME, version=2, by="operator")
    assert in_use() == 1
    for viewer in people[:2]:
        decisions.approve(name=NAME, version=2, by=viewer)
    trains(32)
    assert in_use() == 2
    stopped = "The figures have shifted."
    TrainedModel.objects.filter(version=1).update(stopped_because=stopped)
    decisions.use_version(name=NAME, version=1, by="operator")
    assert in_use() == 1
    # What stopped it holds until somebody lets it go on.
    assert stopped in risk.may_feed_lists(ATTRIBUTE)
    decisions.resume(name=NAME, because="A late feed.", by="operator")
    assert risk.may_feed_lists(ATTRIBUTE) == ""


def test_nobody_waits_for_a_version_that_nobody_approved(trains, people) -> None:
    trains(0)
    decisions.approve(name=NAME, by=people[0])
    trains(31, **STRAYS)
    assert in_use() == 2
    assert approvals.waiting(NAME) == []
    # It is another than the one that was looked at.
    assert "approved by 0 of 2" in risk.may_feed_lists(ATTRIBUTE)


def test_another_definition_is_another_model(trains, people, monkeypatch) -> None:
    trains(0)
    for viewer in people[:2]:
        decisions.approve(name=NAME, by=viewer)
    TrainedModel.objects.update(spec_hash="f" * 64)
    ModelApproval.objects.update(spec_hash="f" * 64)
    trains(31)
    assert in_use() == 2
    assert "approved by 0 of 2" in risk.may_feed_lists(ATTRIBUTE)


@pytest.fixture
def small(monkeypatch, people) -> TrainedModel:
    """A model in use, of few inputs, whose level is half of what came."""
    models = dict(MODELS) | {NAME: SPEC}
    monkeypatch.setattr(levels, "MODELS", models)
    rows = learnt(6000)
    seldom = rows.with_columns(pl.col("outcome") & (pl.col("person_no") % 2 == 0))
    fitted = train(seldom, SPEC)
    newest = learnt(9000, seed=4)
    monkeypatch.setattr(levels, "newest_rows", lambda *_: newest)
    return TrainedModel.objects.create(
        name=NAME,
        version=1,
        approved_as=1,
        index_on=AS_OF - timedelta(days=760),
        horizon_days=365,
        people=6000,
        outcomes=900,
        seed=1,
        spec_hash=MODELS.hashes[NAME],
        features=list(fitted.inputs),
        definitions={"hashes": {}, "release": 0},
        performance=assess(fitted, seldom, newest, SPEC),
        payload=fitted.to_bytes(),
        in_use=True,
    )


def test_a_new_level_is_proposed_by_one_and_approved_by_another(
    small, people, acting_as
) -> None:
    release = Release.objects.create(as_of=AS_OF, state="published", code_version="x")
    # What could not be made before says nothing of what is made now.
    TrainedModel.objects.update(calibration={"level_refused": "Too few."})
    with acting_as("web"):
        decisions.ask_for_level(name=NAME, by=people[0])
        decisions.ask_for_level(name=NAME, by=people[2])  # at the same moment
    with acting_as("worker"):
        tasks.recalibrate(NAME, release.pk, people[0].user_id)
        tasks.recalibrate(NAME, release.pk, people[2].user_id)
    (waiting,) = approvals.waiting(NAME)
    assert waiting.missing == 1
    assert waiting.because == "A new level, proposed by A."
    assert waiting.before["observed_over_expected"] > 1.6
    low, high = waiting.after["interval"]
    assert low < 1 < high
    assert in_use() == 1
    with acting_as("web"):
        with pytest.raises(decisions.RefusedApprovalError, match="second person"):
            decisions.approve(name=NAME, version=2, by=people[0])
        with pytest.raises(decisions.RefusedApprovalError, match="decide on that"):
            decisions.ask_for_level(name=NAME, by=people[1])
        decisions.approve(name=NAME, version=2, by=people[1])
    with acting_as("worker"):
        training.train_model(release.pk, NAME)
    assert in_use() == 2
    assert risk.may_feed_lists(ATTRIBUTE) == ""
    made = TrainedModel.objects.get(version=2)
    assert made.calibration["level_of"] == 1
    assert made.calibration["level_refused"] == ""
    asked = audit_rows("model_level_asked")
    assert [row["subject"] for row in asked] == [NAME, NAME]
    assert audit_rows("model_recalibrated")
    assert audit_rows("model_put_to_use")


def test_too_few_outcomes_are_said_to_whoever_asked(
    small, people, acting_as, monkeypatch
) -> None:
    release = Release.objects.create(as_of=AS_OF, state="published", code_version="x")
    monkeypatch.setattr(levels, "newest_rows", lambda *_: learnt(500, seed=4))
    with acting_as("worker"):
        tasks.recalibrate(NAME, release.pk, people[0].user_id)
    assert approvals.waiting(NAME) == []
    told = risk.model_card(NAME).calibration["level_refused"]
    assert "a level is set and judged by 100" in told
