"""Which coded entries stand behind a person's features, for a viewer who sees them."""

from collections.abc import Collection, Iterable
from datetime import date

import polars as pl

from governance import access
from linkage.codebook.in_force import in_force
from linkage.feature_definitions import FEATURES
from linkage.models import Event
from linkage.steps.derive.known import known_events
from linkage.steps.evidence import CodeEvidence, evidence

SCHEMA = {
    "on_date": pl.Date,
    "recorded_on": pl.Date,
    "system": pl.Int16,
    "code": pl.String,
}


def codes_behind(
    viewer: access.Viewer,
    person_no: int,
    columns: Iterable[str],
    *,
    as_of: date,
    kinds: Collection[int] | None = None,
) -> dict[str, CodeEvidence]:
    """Return the entry behind each column that stands on one, by the column's name.

    `kinds` of events (numbers of the vocabulary) are those that the viewer's role may
    see; without it, all. Row-level security gives no event of somebody whom the viewer
    may not see. The caller writes the audit row first.
    """
    with access.scoped(viewer):
        events = Event.objects.filter(person_no=person_no, on_date__lte=as_of)
        if kinds is not None:
            events = events.filter(kind__in=kinds)
        rows = list(events.values_list(*SCHEMA))
    known = known_events(pl.DataFrame(rows, schema=SCHEMA, orient="row"), as_of)
    made_by = {c: name for name, spec in FEATURES.items() for c in spec.columns(name)}
    lists = in_force()
    found: dict[str, CodeEvidence] = {}
    for column in columns:
        waiting = [column] if column in made_by else []
        while waiting:
            spec = FEATURES[made_by[waiting.pop(0)]]
            stands_on = evidence(known, spec.rule, lists)
            if stands_on is not None:
                found[column] = stands_on
                break
            waiting += spec.built_on
    return found
