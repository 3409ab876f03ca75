"""Reckon published scores for a shard: the value, its band, and what added to it.

A score is absent where nobody could have recorded it, and outside the ages it was
made for. Absent is null and never zero.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from linkage.steps.holds import holds
from linkage.vocabulary import EVENT_KINDS, SYSTEMS
from risk.score_specs import (
    LOCAL,
    AdmissionMethod,
    Ages,
    BandSpec,
    CodedMethod,
    CohortMethod,
    ImportedMethod,
    RecordedMethod,
    ScoreSpec,
    WaysMethod,
)
from risk.steps.admission import index_admissions, lace, parr30, spells
from risk.steps.code_bits import (
    Flags,
    Marks,
    Order,
    answers,
    columns,
    find,
    unpacked,
)
from risk.steps.points import Floats, named, supersede, total
from risk.steps.record import held
from risk.steps.score_tables import ICD10, ScoreTables
from risk.steps.ways import Part, present

TERMS = "terms"


def score(
    features: pl.DataFrame,
    events: pl.DataFrame,
    activity: pl.DataFrame,
    *,
    tables: ScoreTables,
    feeds: Mapping[str, int],
    as_of: date,
    terms: bool = True,
) -> pl.DataFrame:
    """Return one row per person of `features` with every score's columns.

    `features` has `person_no`, `age_years` and what `tables.features` names.
    `events`: `person_no`, `on_date`, `kind`, `system`, `code`, `value`, `feed_no`;
    `activity`: `person_no`, `setting`, `kind`, `urgency`, `start_on`, `end_on`. Both
    hold only what was known by `as_of`. `feeds` holds the number of each feed.
    Columns of a score: its attribute (Float64), its band attribute, and
    `<attribute>_terms`, the groups or conditions that added to it; of an imported
    score also `<attribute>_on` and `<attribute>_source`. Without `terms` no score
    says what added to it.
    """
    shard = Shard(features, events, activity, tables, feeds, as_of, terms)
    scored = features
    for name, spec in tables.specs.items():
        made = shard.columns(name, spec, scored)
        of_age = _of_age(spec.ages)
        aged = features.select("age_years").with_columns(made)
        kept = aged.select(pl.when(of_age).then(pl.col(c.name)) for c in made)
        if spec.band_attribute:
            kept = kept.with_columns(
                band(pl.col(spec.attribute), spec.bands).alias(spec.band_attribute)
            )
        scored = scored.with_columns(kept)
    return scored.drop([c for c in features.columns if c != "person_no"])


class Shard:
    """One shard's people with the answers of their codes, got once for all scores."""

    def __init__(
        self,
        features: pl.DataFrame,
        events: pl.DataFrame,
        activity: pl.DataFrame,
        tables: ScoreTables,
        feeds: Mapping[str, int],
        as_of: date,
        terms: bool = True,
    ) -> None:
        self.terms = terms
        self.features, self.tables, self.as_of = features, tables, as_of
        self.order = Order(features["person_no"])
        self.activity, self.events, self.feeds = activity, events, feeds
        numbers = {
            feeds[feed]
            for spec in tables.specs.values()
            if isinstance(spec.method, CodedMethod)
            for feed in spec.method.feeds
        }
        self.diagnoses = (
            events.lazy()
            .filter(
                (pl.col("system") == ICD10)
                & (pl.col("kind") == EVENT_KINDS["diagnosis"])
                & pl.col("feed_no").is_in(sorted(numbers))
            )
            .select("person_no", "on_date", "code")
            .collect()
        )
        found = find(self.diagnoses, self.order, tables.hospital, as_of)
        self.hospital = unpacked(answers(found, tables.hospital, self.order.people))
        self.looked_at: dict[int, Flags] = {}
        self.record: dict[tuple[str, ...], dict[Part, Flags]] = {}
        self.groups: dict[str, Marks] = {}

    def columns(
        self, name: str, spec: ScoreSpec, scored: pl.DataFrame
    ) -> list[pl.Series]:
        """Return a score's columns before ages are looked at; the value is first."""
        method = spec.method
        match method:
            case CodedMethod():
                return self._coded(name, spec, method)
            case WaysMethod():
                return self._ways(name, spec, method)
            case AdmissionMethod():
                return self._admission(name, spec, method)
            case ImportedMethod():
                return self._imported(spec, method)
            case RecordedMethod():
                places = {v: float(i + 1) for i, v in enumerate(method.values)}
                value = scored[method.feature].replace_strict(
                    places, default=None, return_dtype=pl.Float64
                )
                return [value.alias(spec.attribute)]
            case CohortMethod():
                inside = scored.select(_in_cohort(method).cast(pl.Float64))
                return [inside.to_series().alias(spec.attribute)]

    def _coded(
        self, name: str, spec: ScoreSpec, method: CodedMethod
    ) -> list[pl.Series]:
        table = self.tables.points[name]
        place = self.tables.hospital.place
        marks = supersede(
            columns(
                self.hospital,
                [place[g.question(method.look_back_days)] for g in table.groups],
            ),
            table.supersedes,
        )
        self.groups[name] = marks
        value = total(marks, tuple(group.hundredths for group in table.groups))
        if method.floor is not None:
            value = np.maximum(value, method.floor)
        carrying = [i for i, g in enumerate(table.groups) if g.hundredths]
        names = tuple(table.groups[i].name for i in carrying)
        if method.look_back_days not in self.looked_at:
            self.looked_at[method.look_back_days] = self._looked_at(
                method.look_back_days
            )
        return _columns(
            spec,
            value,
            self.looked_at[method.look_back_days],
            self._named(columns(marks, carrying), names),
        )

    def _named(self, marks: Marks, names: tuple[str, ...]) -> pl.Series | None:
        return named(marks, names) if self.terms else None

    def _looked_at(self, days: int) -> Flags:
        """Whoever has an admission or a coded diagnosis in so many days."""
        after = self.as_of - timedelta(days=days)

        def marked(frame: pl.DataFrame, column: str) -> Flags:
            inside = (pl.col(column) > after) & (pl.col(column) <= self.as_of)
            return self.order.marked(frame.filter(inside)["person_no"])

        return marked(self.diagnoses, "on_date") | marked(
            spells(self.activity), "start_on"
        )

    def _ways(self, name: str, spec: ScoreSpec, method: WaysMethod) -> list[pl.Series]:
        table = self.tables.ways[name]
        if method.event_kinds not in self.record:
            self.record[method.event_kinds] = held(
                self.events,
                self.order,
                self.features,
                self.tables,
                method.event_kinds,
                self.as_of,
            )
        marks = present(table, self.record[method.event_kinds], self.order.people)
        weights = tuple(condition.hundredths for condition in table.conditions)
        value = total(marks, weights) / method.out_of
        registered = self.features["is_registered"].fill_null(value=False).to_numpy()
        names = tuple(condition.name for condition in table.conditions)
        return _columns(spec, value, registered, self._named(marks, names))

    def _admission(
        self, name: str, spec: ScoreSpec, method: AdmissionMethod
    ) -> list[pl.Series]:
        index = index_admissions(self.activity, method, self.as_of)
        people = (
            self.features.select("person_no", "age_years", "imd_decile")
            .with_row_index("place")
            .join(index, on="person_no", maintain_order="left")
        )
        places = people["place"].to_numpy()
        marks = np.zeros_like(self.groups[method.groups])
        marks[places] = self.groups[method.groups][places]
        table = self.tables.points[method.groups]
        value = np.zeros(self.order.people)
        if method.rule == "parr30":
            weights = self.tables.weights[name]
            groups = {g.name: marks[places, i] for i, g in enumerate(table.groups)}
            value[places] = parr30(people, groups, weights)
            told = [i for i, g in enumerate(table.groups) if g.name in weights]
        else:
            points = tuple(group.hundredths for group in table.groups)
            value[places] = lace(people, total(marks[places], points))
            told = [i for i, g in enumerate(table.groups) if g.hundredths]
        known = np.zeros(self.order.people, dtype=np.bool_)
        known[places] = True
        names = tuple(table.groups[i].name for i in told)
        return _columns(spec, value, known, self._named(columns(marks, told), names))

    def _imported(self, spec: ScoreSpec, method: ImportedMethod) -> list[pl.Series]:
        after = self.as_of - timedelta(days=method.within_days)
        names = {number: feed for feed, number in self.feeds.items()}
        latest = (
            self.events.lazy()
            .filter(
                _is_of(method)
                & pl.col("on_date").is_between(after, self.as_of, closed="right")
                & pl.col("value").is_between(method.low, method.high)
            )
            .sort("person_no", "on_date", "value")
            .group_by("person_no", maintain_order=True)
            .agg(pl.col("value", "on_date", "feed_no").last())
            .collect()
        )
        found = self.features.select("person_no").join(
            latest, on="person_no", how="left", maintain_order="left"
        )
        source = found["feed_no"].replace_strict(
            names, default=None, return_dtype=pl.String
        )
        return [
            found["value"].cast(pl.Float64).alias(spec.attribute),
            found["on_date"].alias(f"{spec.attribute}_on"),
            source.alias(f"{spec.attribute}_source"),
        ]


def _is_of(method: ImportedMethod) -> pl.Expr:
    """Whether an event is a value of the score, under either of its names."""
    system, code = pl.col("system"), pl.col("code")
    named = (system == SYSTEMS[method.system]) & code.is_in(list(method.codes))
    local = (system == SYSTEMS[LOCAL]) & code.is_in(list(method.local_codes))
    return named | local


def band(value: pl.Expr, bands: Sequence[BandSpec]) -> pl.Expr:
    """Return the highest band that a value reaches; null stays null."""
    found = pl.lit(bands[0].name)
    for entry in bands[1:]:
        reached = (
            value > entry.above if entry.above is not None else value >= entry.at_least
        )
        found = pl.when(reached).then(pl.lit(entry.name)).otherwise(found)
    return pl.when(value.is_not_null()).then(found)


def _in_cohort(method: CohortMethod) -> pl.Expr:
    """Whether one of the tests holds that may speak, and none that excludes."""
    spoken = [
        holds(test)
        if test.unless_known is None
        else holds(test) & pl.col(test.unless_known).is_null()
        for test in method.any_of
    ]
    return pl.any_horizontal(spoken) & ~pl.any_horizontal(
        [holds(test) for test in method.none_of] or [pl.lit(value=False)]
    )


def _of_age(ages: Ages) -> pl.Expr:
    return pl.col("age_years").is_between(ages.at_least, ages.at_most)


def _columns(
    spec: ScoreSpec, value: Floats, known: Flags, terms: pl.Series | None
) -> list[pl.Series]:
    """Return the value and its terms, null where the score is not known."""
    made: dict[str, Floats | Flags | pl.Series] = {"value": value, "known": known}
    wanted = [pl.when("known").then(pl.col("value")).alias(spec.attribute)]
    if terms is not None:
        made[TERMS] = terms
        name = f"{spec.attribute}_{TERMS}"
        wanted.append(pl.when("known").then(pl.col(TERMS)).alias(name))
    return pl.DataFrame(made).select(wanted).get_columns()
