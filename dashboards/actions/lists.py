"""Make every programme's list for a release, and measure what earlier lists led to."""

from datetime import date

import polars as pl

from dashboards import store
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec
from dashboards.models import Outcome
from dashboards.steps.shortlist import shortlist
from linkage.release import selectors as release
from linkage.release.catalogue import Catalogue
from linkage.release.stages import StageOutcome
from risk import selectors as risk


def make_lists(release_id: int) -> StageOutcome:
    """Make the lists of one release, from everyone in it.

    Safe to repeat: a list's rows of this release are replaced. Readers see them when
    the release is published, with everything else.
    """
    now = release.view(release_id)
    earlier = release.current()
    if earlier is not None and earlier.id == release_id:
        earlier = release.previous()
    looked_at = listed = 0
    for programme, spec in LISTS.items():
        profile = store.profile(release_id, now.catalogue, spec.attributes)
        if risk.may_feed_lists(spec.order_by):
            # Not approved, or stopped: the list stands, the model does not order it.
            unknown = pl.lit(None, dtype=pl.Float64).alias(spec.order_by)
            profile = profile.with_columns(unknown)
        before = None
        if earlier is not None:
            before = _before(earlier.id, earlier.catalogue, spec)
        made = shortlist(profile, before, spec, as_of=now.as_of)
        store.replace_entries(
            programme, release_id, made.entries, earlier.id if earlier else None
        )
        store.write_run(
            programme,
            release_id,
            LISTS.hashes[programme],
            made.entries.height,
            made.left_out,
        )
        _measure(programme, spec, profile, release_id, now.as_of)
        looked_at, listed = profile.height, listed + made.entries.height
    return StageOutcome(rows_in=looked_at, rows_out=listed)


def _before(
    release_id: int, catalogue: Catalogue, spec: ListSpec
) -> pl.DataFrame | None:
    """Read what a list watches in the release before; None where it has not all."""
    watched = {r.changed for r in spec.reasons if r.changed}
    if not watched <= set(catalogue):
        return None
    try:
        return store.profile(release_id, catalogue, watched)
    except LookupError:  # its parts have been retired; only bitmaps are kept
        return None


def _measure(
    programme: str,
    spec: ListSpec,
    profile: pl.DataFrame,
    release_id: int,
    as_of: date,
) -> None:
    """Write each intervention's outcome measures as this release sees them."""
    interventions = store.open_interventions(programme)
    if not interventions:
        return
    people = [i.person_no for i in interventions]
    rows = profile.filter(pl.col("person_no").is_in(people))
    values = {row["person_no"]: row for row in rows.iter_rows(named=True)}
    store.write_outcomes(
        [
            Outcome(
                intervention=i,
                person_no=i.person_no,
                practice_code=i.practice_code,
                measure=measure,
                release_id=release_id,
                measured_on=as_of,
                before=i.baseline.get(measure),
                after=values[i.person_no][measure],
            )
            for i in interventions
            if i.person_no in values
            for measure in spec.outcomes
        ]
    )
