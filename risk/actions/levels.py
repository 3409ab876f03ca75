"""Set a model's level anew, as a version that a second person looks at first."""

import polars as pl
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max

from governance import audit
from governance.access import Viewer, viewer_for
from governance.models import User
from linkage.models import Release
from risk import decisions
from risk.actions.dates import Dates, gathered, wanted
from risk.approvals import waiting
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.steps.assess import assess, judged_rows
from risk.steps.gather import rows_of
from risk.steps.level import Level, TooFewError, level_anew
from risk.steps.outcome import HAPPENED
from risk.steps.train import Trained


def recalibrate(*, name: str, release_id: int, by: Viewer) -> TrainedModel:
    """Propose a new level for the model in use, set by the newest period's outcomes.

    People are gathered as they were one horizon (and time for late records) before the
    release; two thirds set the level, the others judge it beside the former. It becomes
    a version that waits: who proposes it is one of the two who must say yes. Trees stay
    as they are. RefusedApprovalError says in words why there is nothing to propose.
    """
    spec, release = MODELS[name], Release.objects.get(pk=release_id)
    model = TrainedModel.objects.filter(name=name, in_use=True).first()
    if model is None:
        raise decisions.RefusedApprovalError("There is no trained model in use.")
    trained = Trained.from_bytes(bytes(model.payload))
    rows, _ = judged_rows(newest_rows(release, name), trained, spec)
    try:
        found = level_anew(rows, trained, spec)
    except TooFewError as error:
        raise decisions.RefusedApprovalError(str(error)) from error
    figures = assess(found.trained, found.fitted_on, found.judged_on, spec)
    with transaction.atomic():
        audit.record(
            "model_recalibrated", by, subject=name, release=release_id, of=model.version
        )
        made = _keep(model, release, found, figures, by)
        decisions.approve(
            name=name, version=made.version, note="Proposed this new level.", by=by
        )
    return made


def recalibrate_for(*, name: str, release_id: int, user_id: int) -> None:
    """Propose a new level for somebody who asked on a page.

    Where there is nothing to propose, the model in use says why
    (`calibration["level_refused"]`) until the next proposal. Nothing is done where a
    version waits by then: somebody was quicker.
    """
    viewer = viewer_for(User.objects.get(pk=user_id))
    if viewer is None or not viewer.may_open("approve_model"):
        raise PermissionDenied(f"user {user_id} may not propose a level")
    if waiting(name):
        return
    try:
        recalibrate(name=name, release_id=release_id, by=viewer)
        refused = ""
    except decisions.RefusedApprovalError as error:
        refused = str(error)
    for model in TrainedModel.objects.filter(name=name, in_use=True).defer("payload"):
        model.calibration |= {"level_refused": refused}
        model.save(update_fields=["calibration"])


def newest_rows(release: Release, name: str) -> pl.DataFrame:
    """Return people as they were on the newest day of which all outcomes are known."""
    spec = MODELS[name]
    columns = wanted([spec], [spec.training.test_days])
    return pl.concat(
        rows_of(made, name, spec)
        for shard in range(settings.SHARDS)
        for _, made in gathered(Dates(release, shard, columns), shard, {name: spec})
    )


def _keep(
    model: TrainedModel,
    release: Release,
    found: Level,
    figures: dict[str, object],
    by: Viewer,
) -> TrainedModel:
    """Keep a copy of a model with the new level as a version that waits."""
    known = TrainedModel.objects.filter(name=model.name)
    last = known.aggregate(last=Max("version"))["last"]
    day = found.judged_on["index_on"][0]
    model.calibration = model.calibration | {
        "intercept": found.trained.intercept,
        "slope": found.trained.slope,
        "recalibrated_on": day.isoformat(),
        "level_of": model.version,
        "level_refused": "",
        "level_release": release.pk,
        "fitted_on": {
            "people": found.fitted_on.height,
            "outcomes": int(found.fitted_on[HAPPENED].sum()),
        },
        "before": found.before,
        "after": found.after,
        "bands_from": dict(
            zip(
                (band.name for band in MODELS[model.name].bands),
                found.trained.cuts,
                strict=False,
            )
        ),
    }
    model.pk, model.version, model.in_use = None, last + 1, False
    model.approved_as = model.version
    model.payload = found.trained.to_bytes()
    model.performance = figures
    model.waits_because = f"A new level, proposed by {by.full_name}."[:300]
    model.stopped_because, model.stopped_at = "", None
    model.save(force_insert=True)
    return model
