"""Nothing after an index date reaches what a model learns from: shown on the store.

The training frame of a past date is held, byte for byte, against the features of a
release that was made as at that date, and against itself after the store has learnt a
great deal more of what came later.
"""

import io
from datetime import timedelta
from random import Random

import polars as pl
import pytest

from config.schedule import STAGES
from linkage.feature_definitions import codelists
from linkage.models import Release
from linkage.release import parts
from risk.actions.training import training_rows
from risk.definitions import MODELS
from risk.steps.outcome import HAPPENED
from tests.builders import AS_OF, activities, activity, event, events
from tests.integration.linkage.release.conftest import ILL, PEOPLE, put

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
NAME = "emergency_admission"
SPEC = MODELS[NAME]
TEST_DAYS = SPEC.training.test_days
INDEX = AS_OF - timedelta(days=TEST_DAYS)
NEEDED = {"derive_features", "gather_training", "publish_release"}
GATHERING = tuple(stage for stage in STAGES if stage.name in NEEDED)


@pytest.fixture(autouse=True)
def gathers_only(settings, store) -> None:
    """Stages up to the training frames; no model is trained, so one is always due."""
    settings.REFRESH_STAGES = f"{__name__}.GATHERING"


def inputs() -> list[str]:
    """What a model reads, without the place that a release adds of its own day."""
    return list(SPEC.features)


def packed(frame: pl.DataFrame) -> bytes:
    """The frame as bytes: equal only if every value, null and type is."""
    held = io.BytesIO()
    frame.sort("person_no").select("person_no", *inputs()).rechunk().write_ipc(
        held, compat_level=pl.CompatLevel.oldest()
    )
    return held.getvalue()


def training(release: Release) -> pl.DataFrame:
    return training_rows(release.pk, NAME, TEST_DAYS)


def what_came_later(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Codes and uses dated after the index date, and old ones heard of after it."""
    rng = Random(seed)
    codes = [sorted(codelists()[name].codes)[0] for name in ("heart_failure", "copd")]
    codes += ["60621009", sorted(codelists()["frailty_severe"].codes)[0]]
    told, used = [], []
    for n, person_no in enumerate(PEOPLE * 3):
        after = INDEX + timedelta(days=rng.randint(1, TEST_DAYS))
        before = INDEX - timedelta(days=rng.randint(0, 600))
        late = n % 2 == 0
        told.append(
            event(
                rng.choice(codes),
                before if late else after,
                recorded_on=after,
                person_no=person_no,
                value=rng.choice([None, 20.0, 40.0]),
                record_key=5_000_000 + seed * 1000 + n,
            )
        )
        used.append(
            activity(
                "admitted",
                "spell",
                before if late else after,
                end_on=after,
                recorded_on=after,
                urgency="emergency",
                person_no=person_no,
                record_key=6_000_000 + seed * 1000 + n,
            )
        )
    return events(*told), activities(*used)


def test_nothing_after_the_index_date_reaches_what_is_learnt(store, refreshed) -> None:
    first = training(refreshed())
    assert first.height == len(PEOPLE)
    # The features of a release made as at that day, by what was known on it.
    then = parts.read_all(refreshed(as_of=INDEX).pk, "features", inputs())
    assert packed(first) == packed(then)

    told, used = what_came_later(seed=1)
    put(store, "event", told)
    put(store, "activity", used)
    second = training(refreshed())
    assert packed(first) == packed(second)
    assert first[HAPPENED].sum() == len(ILL)
    assert second[HAPPENED].sum() > len(ILL)
    # The mutation: with the index date past the day it was heard of, it matters.
    moved = training(refreshed(as_of=AS_OF + timedelta(days=TEST_DAYS)))
    assert packed(moved) != packed(second)
