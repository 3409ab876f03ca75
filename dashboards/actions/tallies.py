"""Count each programme month by month, as sets of people: offered, accepted, reached.

Runs as the worker, on every decision of every team; pages read the sets alone.
"""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from django.db import transaction
from pyroaring import BitMap

from dashboards import list_entries, store
from dashboards.actions.stepped import compared_by_step
from dashboards.definitions import LISTS
from dashboards.list_specs import BALANCE, ListSpec
from dashboards.models import (
    Allocation,
    Card,
    CardEvent,
    Decision,
    Intervention,
    Outcome,
    ProgrammeTally,
)
from dashboards.steps.allocate import balance
from dashboards.steps.effect import by_lot
from governance import audit
from linkage.release import selectors as release

# An arm smaller than this says nothing, and may say who somebody is.
FEWEST_IN_AN_ARM = 20
# A measure over twelve months is whole a year after the lot was drawn.
WHOLE_AFTER = timedelta(days=365)
Key = tuple[str, date, str]


def tally_programmes() -> int:
    """Count every programme anew; returns how many figures were written."""
    live = release.current()
    if live is None:
        return 0
    written = 0
    for programme, spec in LISTS.items():
        sets, amounts = _counted(programme, spec, live.id, live.as_of)
        rows = [
            ProgrammeTally(
                programme=programme,
                practice_code=practice,
                month=month,
                measure=measure,
                persons=people.serialize(),
                amount=amounts.get((practice, month, measure)),
            )
            for (practice, month, measure), people in sets.items()
        ]
        if spec.comparison is not None and spec.comparison.by == "person":
            rows.append(_compared(programme, spec, live.id, live.as_of))
        elif spec.comparison is not None:
            rows += compared_by_step(programme, spec, live.as_of)
        with transaction.atomic():
            ProgrammeTally.objects.filter(programme=programme).delete()
            ProgrammeTally.objects.bulk_create(rows, batch_size=1000)
        written += len(rows)
    audit.record("programmes_counted", None, subject="programmes", figures=written)
    return written


def _counted(
    programme: str, spec: ListSpec, release_id: int, as_of: date
) -> tuple[dict[Key, BitMap], dict[Key, float]]:
    """Return who stands behind each practice's, month's and measure's figure."""
    sets: dict[Key, BitMap] = defaultdict(BitMap)
    amounts: dict[Key, float] = defaultdict(float)
    place = {reason.text: n for n, reason in enumerate(spec.reasons)}

    def add(practice: str, day: date, measure: str, person_no: int) -> None:
        sets[practice, day.replace(day=1), measure].add(person_no)

    def add_why(
        practice: str, day: date, because: list[str], what: str, person_no: int
    ) -> None:
        # What an earlier definition found has no rule today that could be mended.
        for text in because:
            if text in place:
                add(practice, day, f"why:{place[text]}:{what}", person_no)

    on_list = list_entries.rows(
        release_id, "practice_code", "person_no", programme=programme
    )
    for practice, person_no in on_list:
        add(practice, as_of, "listed", person_no)
    decided = Decision.objects.filter(
        programme=programme, decision__isnull=True
    ).exclude(choice=Decision.Choice.UNDO)
    for practice, day, choice, person_no, because in decided.values_list(
        "practice_code", "decided_at", "choice", "person_no", "because"
    ):
        for what in ("decided", choice):
            add(practice, day.date(), what, person_no)
            add_why(practice, day.date(), because, what, person_no)
    better = _count_reported(programme, spec, as_of, sets, amounts)
    invited = Card.objects.filter(programme=programme, first_invited_on__isnull=False)
    for practice, day, person_no in invited.values_list(
        "practice_code", "first_invited_on", "person_no"
    ):
        add(practice, day, "invited", person_no)
    refused = CardEvent.objects.filter(programme=programme, kind="refused")
    for practice, at, person_no in refused.values_list(
        "practice_code", "at", "person_no"
    ):
        add(practice, at.date(), "refused", person_no)
    reached = Card.objects.filter(programme=programme, reached_on__isnull=False)
    for practice, day, person_no in reached.values_list(
        "practice_code", "reached_on", "person_no"
    ):
        add(practice, day, "reached", person_no)
    done = Intervention.objects.filter(
        decision__programme=programme, done_on__isnull=False
    )
    for practice, day, person_no, because in done.values_list(
        "practice_code", "done_on", "person_no", "decision__because"
    ):
        add(practice, day, "done", person_no)
        add_why(practice, day, because, "done", person_no)
        if person_no in better:
            add(practice, day, "better", person_no)
            add_why(practice, day, because, "better", person_no)
    measured = Outcome.objects.filter(
        intervention__decision__programme=programme,
        release_id=release_id,
        before__isnull=False,
        after__isnull=False,
    )
    for practice, measure, before, after, person_no in measured.values_list(
        "practice_code", "measure", "before", "after", "person_no"
    ):
        for name, value in (("before", before), ("after", after)):
            key = (practice, as_of.replace(day=1), f"{name}:{measure}")
            sets[key].add(person_no)
            amounts[key] += value
    return sets, amounts


def _count_reported(
    programme: str,
    spec: ListSpec,
    as_of: date,
    sets: dict[Key, BitMap],
    amounts: dict[Key, float],
) -> BitMap:
    """Count what people told of themselves, first and last; return who is better.

    Of those alone who were asked twice: once says nothing of change.
    """
    told: dict[tuple[str, int], list[float]] = defaultdict(list)
    practices: dict[int, str] = {}
    events = CardEvent.objects.filter(programme=programme, kind="reported")
    for practice, person_no, detail in events.order_by("pk").values_list(
        "practice_code", "person_no", "detail"
    ):
        told[detail["measure"], person_no].append(float(detail["value"]))
        practices[person_no] = practice
    better = BitMap()
    directions = {measure.name: measure.better for measure in spec.reported}
    for (measure, person_no), values in told.items():
        if measure not in directions or len(values) < 2:
            continue
        for name, value in (("first", values[0]), ("last", values[-1])):
            key = (practices[person_no], as_of.replace(day=1), f"{name}:{measure}")
            sets[key].add(person_no)
            amounts[key] += value
        sign = 1 if directions[measure] == "higher" else -1
        if sign * (values[-1] - values[0]) > 0:
            better.add(person_no)
    return better


def _compared(
    programme: str, spec: ListSpec, release_id: int, as_of: date
) -> ProgrammeTally:
    """Reckon how alike the arms are and, a year on, what the lot shows."""
    lots = pl.DataFrame(
        [
            {"person_no": n, "arm": arm, "drawn_on": day}
            | {name: traits.get(name) for name in BALANCE}
            for n, arm, day, traits in Allocation.objects.filter(
                programme=programme, person_no__isnull=False
            ).values_list("person_no", "arm", "drawn_on", "traits")
        ],
        schema={"person_no": pl.Int32, "arm": pl.String, "drawn_on": pl.Date}
        | dict.fromkeys(BALANCE, pl.Float64),
    )
    arms = dict(lots["arm"].value_counts().iter_rows())
    detail: dict[str, Any] = {"balance": [], "effects": [], "is_whole": False}
    if min(arms.get("offer", 0), arms.get("usual", 0)) >= FEWEST_IN_AN_ARM:
        detail["balance"] = balance(lots, list(BALANCE)).to_dicts()
        whole = lots.filter(pl.col("drawn_on") <= as_of - WHOLE_AFTER)
        detail |= _effects(whole, spec, release_id)
    return ProgrammeTally(
        programme=programme,
        month=as_of.replace(day=1),
        measure="comparison",
        persons=BitMap(lots["person_no"].to_list()).serialize(),
        detail=detail,
    )


def _effects(lots: pl.DataFrame, spec: ListSpec, release_id: int) -> dict[str, Any]:
    arms = dict(lots["arm"].value_counts().iter_rows())
    if min(arms.get("offer", 0), arms.get("usual", 0)) < FEWEST_IN_AN_ARM:
        return {}
    now = release.view(release_id)
    values = store.profile(release_id, now.catalogue, spec.outcomes)
    # A measure may be a baseline trait as well: only the later value belongs here.
    joined = lots.select("person_no", "arm").join(values, on="person_no")
    found = []
    for measure in spec.outcomes:
        of = {
            arm: joined.filter(pl.col("arm") == arm)[measure]
            .drop_nulls()
            .to_numpy()
            .astype(np.float64)
            for arm in ("offer", "usual")
        }
        effect = by_lot(of["offer"], of["usual"])
        found.append(
            {
                "measure": measure,
                "difference": effect.difference,
                "lower": effect.lower,
                "upper": effect.upper,
            }
        )
    return {"effects": found, "is_whole": True}
