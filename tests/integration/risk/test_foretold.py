"""What was foretold outlives its release, and is held against what came."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import psycopg
import pytest

from linkage.models import Release, ReleasePart
from linkage.release import parts
from risk import actions
from risk import selectors as risk
from risk.definitions import MODELS
from risk.models import ForetoldAt, ModelWatch, TrainedModel
from risk.steps.assess import watched
from tests.builders import (
    AS_OF,
    activities,
    activity,
    event,
    events,
    registration,
    registrations,
)
from tests.integration.linkage.release.conftest import make_places, put

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
ADMISSION, COPD, COST = "emergency_admission", "onset_copd", "cost_next_year"
WATCHED = (ADMISSION, COPD, COST)
SHARDS, NUMBERS = 2, 9600
THEN, NOW = AS_OF - timedelta(days=760), AS_OF
COPD_CODE = "13645005"
CHANCE, POUNDS = 0.25, 100.0


@pytest.fixture
def people(as_role, empty_store, settings) -> tuple[psycopg.Connection, dict]:
    """Some 1,200 people of two partitions: the loader, and numbers by shard."""
    settings.SHARDS = SHARDS
    make_places()
    loader = as_role("loader")
    loader.execute(
        "INSERT INTO person (person_no, sex, birth_month, practice_code, lsoa_code,"
        " in_care_home, needs_interpreter, national_opt_out)"
        " SELECT n, 'F', '1950-01-01', 'Z81001', 'E01900001', false, false, false"
        " FROM generate_series(1, %s) n",
        [NUMBERS],
    )
    worker = as_role("worker")
    numbers = {
        shard: [
            number
            for (number,) in worker.execute(
                f"SELECT person_no FROM person_p{shard:02d}"
            )
        ]
        for shard in range(SHARDS)
    }
    rows = [registration(n) for shard in numbers.values() for n in shard]
    put(loader, "registration", registrations(*rows))
    return loader, numbers


def release_of(as_of: date, numbers: dict) -> Release:
    """A release in which every model says the same of everybody."""
    release = Release.objects.create(as_of=as_of, state="building", code_version="x")
    for shard, people in numbers.items():
        frame = pl.DataFrame({"person_no": pl.Series(people, dtype=pl.Int32)})
        known = frame.with_columns(
            *(pl.lit(None, kind).alias(name) for name, kind in columns().items()),
        ).with_columns(
            age_years=pl.lit(75),
            sex=pl.when(pl.col("person_no") % 2 == 0)
            .then(pl.lit("F"))
            .otherwise(pl.lit("M")),
            imd_fifth=(pl.col("person_no") % 5 + 1).cast(pl.String),
            age_band=pl.lit("75-79"),
            ethnicity_group=pl.lit("White"),
            care_plan_on=pl.lit(None, pl.Date),
            has_copd=pl.lit(value=False),
            cost_total_12m=pl.lit(0.0),
        )
        told = frame.with_columns(
            pl.lit(CHANCE).alias(MODELS[ADMISSION].attribute),
            pl.lit(CHANCE).alias(MODELS[COPD].attribute),
            pl.lit(POUNDS).alias(MODELS[COST].attribute),
        )
        parts.write(release.pk, shard, "features", known)
        parts.write(release.pk, shard, "predictions", told)
    return release


def columns() -> dict[str, pl.DataType]:
    """Every feature that the models read, and of which type nothing is known."""
    found: dict[str, pl.DataType] = dict.fromkeys(
        MODELS[ADMISSION].limits.groups, pl.String()
    )
    for spec in (MODELS[name] for name in WATCHED):
        found |= dict.fromkeys(spec.features, pl.String())
        for entry in spec.inputs:
            dates = {entry.dated_by, *entry.dates.values()} - {None}
            found |= dict.fromkeys(dates, pl.Date())
            if entry.kind != "category":
                found[entry.feature] = pl.Float64()
    return found


def trained(name: str, version: int, as_of: date, **given) -> TrainedModel:
    """A version trained for a release of a day, whose trial is level."""
    spec = MODELS[name]
    level = {"observed_over_expected": 1.0, "interval": [0.9, 1.1], "expected": 500}
    few = pl.DataFrame({"index_on": [as_of]}).with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in columns().items())
    )
    watch = watched(few, np.array([CHANCE]), spec)
    value = POUNDS if spec.outcome.is_amount else CHANCE
    return TrainedModel.objects.create(
        name=name,
        version=version,
        index_on=as_of - timedelta(days=min(spec.training.train_days)),
        horizon_days=spec.outcome.horizon_days,
        people=5000,
        outcomes=500,
        seed=1,
        spec_hash=MODELS.hashes[name],
        features=[],
        definitions={"hashes": {}, "release": 0},
        performance={
            "main": "it",
            "models": {"it": level},
            "people": 5000,
            "outcomes": 500,
            "groups": {},
            "tested_on": (as_of - timedelta(days=395)).isoformat(),
            "watch": watch | {"cuts": [value / 2], "shares": [0.0, 1.0]},
        },
        payload=b"",
        **given,
    )


def what_came(loader, numbers: dict, *, admitted: float, dear: float) -> None:
    """Admissions of a share, a cost of each; COPD of a quarter, half of whom die."""
    everybody = sorted(n for shard in numbers.values() for n in shard)
    random = np.random.default_rng(4)
    used, coded, died = [], [], []
    for key, n in enumerate(everybody):
        day = THEN + timedelta(days=int(random.integers(1, 366)))
        ill = random.random() < admitted
        used.append(
            activity(
                *(("admitted", "spell") if ill else ("gp", "appointment")),
                day,
                person_no=n,
                urgency="emergency" if ill else None,
                cost_gbp=dear,
                record_key=10_000 + key,
            )
        )
        if random.random() < CHANCE:
            found = THEN + timedelta(days=int(random.integers(1, 600)))
            coded.append(event(COPD_CODE, found, person_no=n, record_key=50_000 + key))
            if n % 2:
                died.append((found + timedelta(days=60), n))
    put(loader, "activity", activities(*used))
    put(loader, "event", events(*coded))
    with loader.cursor() as cursor:
        cursor.executemany("UPDATE person SET died_on = %s WHERE person_no = %s", died)


@pytest.mark.parametrize(
    ("admitted", "dear", "found"),
    [(CHANCE, POUNDS, set()), (2 * CHANCE, POUNDS / 2, {ADMISSION, COST})],
)
def test_drift_is_found_where_it_is_and_the_lists_stop(
    people, acting_as, admitted, dear, found
) -> None:
    loader, numbers = people
    with acting_as("worker"):
        for name in WATCHED:
            trained(name, 1, THEN, in_use=True, approved_as=1)
        first = release_of(THEN, numbers)
        actions.watch_models(first.pk)
        assert ForetoldAt.objects.get().versions == dict.fromkeys(WATCHED, 1)
        # The release is gone long before the horizon has ended.
        ReleasePart.objects.filter(release_id=first.pk).delete()
    what_came(loader, numbers, admitted=admitted, dear=dear)
    with acting_as("worker"):
        for name in WATCHED:  # their successors wait, so that the first stay in use
            trained(name, 2, NOW, approved_as=2, waits_because="It strays.")
        second = release_of(NOW, numbers)
        actions.watch_models(second.pk)
        watches = {w.name: w for w in ModelWatch.objects.filter(release_id=second.pk)}
        assert set(watches) == set(WATCHED)
        for name, watch in watches.items():
            told = watch.figures["drift"]
            assert told["foretold_on"] == THEN.isoformat()
            assert (told["version"], told["superseded"]) == (1, False)
            ratio = told["level"]["observed_over_expected"]
            assert (0.85 < ratio < 1.15) is (name not in found), (name, ratio)
            stops = [alert["words"] for alert in watch.alerts if alert["stops"]]
            model = TrainedModel.objects.get(name=name, in_use=True)
            assert bool(stops) is (name in found), stops
            assert bool(model.stopped_because) is (name in found)
        if found:
            assert "sex" in watches[ADMISSION].figures["drift"]["groups"]
            again(numbers)


def again(numbers: dict) -> None:
    """Somebody lets lists go on: the same news stops nothing again."""
    TrainedModel.objects.update(stopped_because="", stopped_at=None)
    third = release_of(NOW + timedelta(days=1), numbers)
    actions.watch_models(third.pk)
    watch = ModelWatch.objects.get(release_id=third.pk, name=ADMISSION)
    assert watch.figures["drift"]["level"]["observed_over_expected"] > 1.5
    assert watch.alerts
    assert not [alert for alert in watch.alerts if alert["stops"]]
    assert [each.name for each in risk.alerts() if each.stopped] == []
    # One day in four weeks is kept, and none beyond the longest horizon.
    kept = ForetoldAt.objects.order_by("as_of").values_list("as_of", flat=True)
    assert list(kept) == [THEN, NOW]
    last = release_of(NOW + timedelta(days=29), numbers)
    actions.watch_models(last.pk)
    assert list(kept.all()) == [NOW, last.as_of]
