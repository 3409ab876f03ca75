"""Risk's stages of a refresh: scores, the training of models, predictions."""

from datetime import date, timedelta

import polars as pl
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from linkage.definitions import FEEDS
from linkage.models import Release
from linkage.release import parts
from linkage.release.actions import features_at
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from linkage.release.store import read_activity, read_events
from linkage.steps.derive.known import known_activity, known_events
from risk.definitions import MODELS, SCORES, score_tables
from risk.models import TrainedModel
from risk.score_specs import ImportedMethod
from risk.specs import ModelSpec
from risk.steps.assess import assess
from risk.steps.gather import gather
from risk.steps.outcome import HAPPENED
from risk.steps.predict import predict
from risk.steps.score import score
from risk.steps.train import Trained, enough, train
from risk.store import read_deaths

FEATURES_PART = "features"
SCORES_PART = "scores"
PREDICTIONS_PART = "predictions"
SCORED_KINDS = ("diagnosis", "observation", "prescription", "status")
# GP records reach back to birth, and no further than this.
EVER = date(1900, 1, 1)
# A model stands on these; where one changed, its inputs may mean something else.
STANDS_ON = ("feature/", "codelist/", "risk/model/")


def score_people(release_id: int, shard: int) -> StageOutcome:
    """Reckon every published score of one shard's people into the part "scores"."""
    as_of = Release.objects.get(pk=release_id).as_of
    tables = score_tables()
    features = parts.read(
        release_id, shard, FEATURES_PART, ["age_years", *sorted(tables.features)]
    )
    events = read_events(shard, kinds=SCORED_KINDS, since=EVER, until=as_of)
    activity = read_activity(
        shard, since=as_of - timedelta(days=tables.furthest_days), until=as_of
    )
    made = score(
        features,
        known_events(events, as_of),
        known_activity(activity, as_of),
        tables=tables,
        feeds={name: spec.number for name, spec in FEEDS.items()},
        as_of=as_of,
    )
    parts.write(release_id, shard, SCORES_PART, made)
    return StageOutcome(
        features.height + events.height, made.height, score_attributes()
    )


def gather_training(release_id: int, shard: int) -> StageOutcome:
    """Keep one shard's people as they were at each index date, if a model is due."""
    release = Release.objects.get(pk=release_id)
    rows_in = rows_out = 0
    for name, spec in MODELS.items():
        if usable(name, release) is not None:
            continue
        deaths = read_deaths(shard)
        # The outcome is what is known of it today, late records and all.
        activity = read_activity(
            shard,
            since=release.as_of - timedelta(days=max(spec.training.train_days)),
            until=release.as_of,
        )
        for days in (*spec.training.train_days, spec.training.test_days):
            index_on = release.as_of - timedelta(days=days)
            features, _, read = features_at(shard, index_on)
            made = gather(
                features,
                deaths,
                activity,
                spec,
                index_on=index_on,
                most=spec.training.most_people // settings.SHARDS,
            )
            parts.write(release_id, shard, training_part(name, days), made)
            rows_in, rows_out = rows_in + read, rows_out + made.height
    return StageOutcome(rows_in, rows_out)


def train_model(release_id: int) -> StageOutcome:
    """Train every model that is due, try it on the later date, put it to use.

    With too few outcomes to learn from there is no model, and no prediction.
    """
    release = Release.objects.get(pk=release_id)
    rows_in = trained = 0
    for name, spec in MODELS.items():
        if usable(name, release) is not None:
            continue
        learnt = pl.concat(
            parts.read_all(release_id, training_part(name, days))
            for days in spec.training.train_days
        )
        later = parts.read_all(release_id, training_part(name, spec.training.test_days))
        rows_in += learnt.height + later.height
        if enough(learnt, spec) and enough(later, spec):
            fitted = train(learnt, spec)
            _keep(
                name, spec, release, fitted, learnt, assess(fitted, learnt, later, spec)
            )
            trained += 1
    return StageOutcome(rows_in, trained)


def predict_risk(release_id: int, shard: int) -> StageOutcome:
    """Foretell for one shard's people by every model in use.

    Without a model the columns are there and empty: nothing is known.
    """
    release = Release.objects.get(pk=release_id)
    wanted = {feature for spec in MODELS.values() for feature in spec.features}
    features = parts.read(
        release_id, shard, FEATURES_PART, sorted(wanted | {"age_years"})
    ).with_columns(index_on=pl.lit(release.as_of))
    made = features.select("person_no")
    described: list[Attribute] = []
    for name, spec in MODELS.items():
        model = usable(name, release)
        described += model_attributes(name, spec, model)
        if model is None:
            made = made.with_columns(
                pl.lit(None, dtype=pl.Float64).alias(spec.attribute),
                pl.lit(None, dtype=pl.String).alias(spec.band_attribute),
                pl.lit(None, dtype=pl.String).alias(spec.reasons_attribute),
            )
        else:
            trained = Trained.from_bytes(bytes(model.payload))
            made = made.join(
                predict(features, trained, spec), on="person_no", how="left"
            )
    parts.write(release_id, shard, PREDICTIONS_PART, made)
    return StageOutcome(features.height, made.height, tuple(described))


def usable(name: str, release: Release) -> TrainedModel | None:
    """Return the model in use, if a release may still use it.

    Not one that learnt from after the release's date, that is older than its
    definition allows, or that stands on definitions which changed since.
    """
    training = MODELS[name].training
    model = TrainedModel.objects.filter(name=name, in_use=True).first()
    if model is None:
        return None
    age = release.as_of - trained_as_of(model, min(training.train_days))
    fresh = timedelta(0) <= age <= timedelta(days=training.renew_after_days)
    same = model.definitions["hashes"] == standing_on(release)
    return model if fresh and same else None


def trained_as_of(model: TrainedModel, last_days: int) -> date:
    """Return the date of the release for which a model was trained."""
    return model.index_on + timedelta(days=last_days)


def standing_on(release: Release) -> dict[str, str]:
    """Return the hashes of the definitions of a release on which models stand."""
    return {
        name: found
        for name, found in release.definitions.items()
        if name.startswith(STANDS_ON)
    }


def training_part(name: str, days: int) -> str:
    """Return the name of the part with a model's rows of one index date."""
    return f"training {name} {days}"


def _keep(
    name: str,
    spec: ModelSpec,
    release: Release,
    fitted: Trained,
    learnt: pl.DataFrame,
    figures: dict[str, object],
) -> TrainedModel:
    """Keep a trained model as the next version and put it to use."""
    with transaction.atomic():
        known = TrainedModel.objects.filter(name=name)
        last = known.aggregate(last=Max("version"))["last"] or 0
        known.update(in_use=False)
        return TrainedModel.objects.create(
            name=name,
            version=last + 1,
            index_on=release.as_of - timedelta(days=min(spec.training.train_days)),
            horizon_days=spec.outcome.horizon_days,
            people=learnt["person_no"].n_unique(),
            outcomes=int(learnt[HAPPENED].sum()),
            seed=spec.training.seed,
            spec_hash=MODELS.hashes[name],
            features=list(fitted.inputs),
            definitions={
                "hashes": standing_on(release),
                "batches": release.batches,
                "code_version": release.code_version,
                "release": release.pk,
            },
            calibration={
                "intercept": fitted.intercept,
                "slope": fitted.slope,
                "rounds": fitted.rounds,
                "bands_from": dict(
                    zip((b.name for b in spec.bands), fitted.cuts, strict=False)
                ),
            },
            performance=figures,
            payload=fitted.to_bytes(),
            in_use=True,
        )


def score_attributes() -> tuple[Attribute, ...]:
    """Return what the part "scores" holds of every score."""
    found = []
    for name, spec in SCORES.items():
        source = f"risk/scores/{name}.yaml, version {spec.version}"
        found.append(
            Attribute(
                spec.attribute,
                spec.title,
                "number",
                unit=spec.unit,
                bins=spec.bins,
                part=SCORES_PART,
                source=source,
            )
        )
        if spec.band_attribute:
            found.append(
                Attribute(
                    spec.band_attribute,
                    f"{spec.title}: band",
                    "category",
                    values=tuple(band.name for band in spec.bands),
                    part=SCORES_PART,
                    source=source,
                )
            )
        if isinstance(spec.method, ImportedMethod):
            found.append(
                Attribute(
                    f"{spec.attribute}_on",
                    f"{spec.title}: date",
                    "date",
                    part=SCORES_PART,
                    source=source,
                )
            )
    return tuple(found)


def model_attributes(
    name: str, spec: ModelSpec, model: TrainedModel | None
) -> tuple[Attribute, ...]:
    """Return what the part "predictions" holds of a model; the source names which."""
    trained = f"model {model.version}" if model else "no model: too few outcomes"
    source = f"risk/predictions/{name}.yaml, version {spec.version}, {trained}"
    return (
        Attribute(
            spec.attribute,
            spec.title,
            "number",
            unit="probability",
            bins=spec.bins,
            part=PREDICTIONS_PART,
            source=source,
        ),
        Attribute(
            spec.band_attribute,
            f"{spec.title}: band",
            "category",
            values=tuple(band.name for band in spec.bands),
            part=PREDICTIONS_PART,
            source=source,
        ),
    )
