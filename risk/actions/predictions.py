"""Foretell for a release's people by every model in use."""

import polars as pl

from linkage.models import Release
from linkage.release import parts
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from risk import store
from risk.actions.models_in_use import usable
from risk.actions.scores import FEATURES_PART
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.specs import ModelSpec
from risk.steps.predict import predict
from risk.steps.train import Trained

PREDICTIONS_PART = "predictions"


def predict_risk(release_id: int, shard: int) -> StageOutcome:
    """Foretell for one shard's people by every model in use.

    Without a model the columns are there and empty: nothing is known.
    """
    release = Release.objects.get(pk=release_id)
    wanted = {feature for spec in MODELS.values() for feature in spec.features}
    features = parts.read(
        release_id,
        shard,
        FEATURES_PART,
        sorted(wanted | {"age_years", "practice_code"}),
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
    store.replace_person_risks(
        release_id,
        shard,
        features.select("person_no", "practice_code").join(
            made, on="person_no", maintain_order="left"
        ),
        MODELS,
    )
    return StageOutcome(features.height, made.height, tuple(described))


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
            unit="£" if spec.outcome.is_amount else "probability",
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
