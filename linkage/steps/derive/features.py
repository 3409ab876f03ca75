"""Derive every feature of people in one pass over their events and activity."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import get_args

import polars as pl

from linkage.code_lists import Codelist
from linkage.code_rules import CodeRule
from linkage.feature_specs import ActivityRule, FeatureSpec, Person
from linkage.steps.derive.activities import from_activity
from linkage.steps.derive.built import built
from linkage.steps.derive.codes import from_codes
from linkage.steps.derive.known import Hits, known_activity, known_events
from linkage.steps.derive.people import REGISTERED, RESIDENT, Geography, people_at


def derive(
    person: pl.DataFrame,
    registration: pl.DataFrame,
    residence: pl.DataFrame,
    event: pl.DataFrame,
    activity: pl.DataFrame,
    geography: Geography,
    *,
    specs: Mapping[str, FeatureSpec],
    codelists: Mapping[str, Codelist],
    as_of: date,
    until: date | None = None,
) -> pl.DataFrame:
    """One row per person alive at `as_of` and registered or resident here then.

    The frames hold the columns of the longitudinal store, any persons' rows in any
    order, up to `as_of` or beyond, then up to `until`. `geography` is (registered,
    resident) as `governance.geography` gives it.
    Columns: `person_no` (Int32), the codes of both hierarchies, then every feature
    in the order of `specs`; null where not known. Sorted by `person_no`.
    LookupError where a rule names a codelist or a feature that does not exist.
    """
    check(specs, codelists)
    people = people_at(person, registration, residence, geography, as_of)
    ids = people.select("person_no")
    wanted = {name: codelists[name] for name in _lists(specs)}
    ours = known_events(event, as_of).join(ids, on="person_no", how="semi")
    hits = Hits(ours, wanted)
    made: dict[str, pl.Series] = {name: people[name] for name in REGISTERED + RESIDENT}

    uses = {n: s.rule for n, s in specs.items() if isinstance(s.rule, ActivityRule)}
    used = from_activity(uses, known_activity(activity, as_of, until), people, as_of)
    later: dict[str, FeatureSpec] = {}
    for name, spec in specs.items():
        rule = spec.rule
        if isinstance(rule, Person):
            made[name] = people[rule.of].alias(name)
        elif isinstance(rule, get_args(CodeRule)):
            found = from_codes(name, rule, hits, people, as_of)
            made |= {c: found[c] for c in spec.columns(name)}
        elif name in uses:
            made[name] = used[name]
        else:
            later[name] = spec
    _combine(later, made, as_of)
    order = [column for name, spec in specs.items() for column in spec.columns(name)]
    return ids.with_columns(made[c].alias(c) for c in (*REGISTERED, *RESIDENT, *order))


def standing_on(
    specs: Mapping[str, FeatureSpec], columns: Iterable[str]
) -> dict[str, FeatureSpec]:
    """The features that make some columns, and every feature that those read.

    Places stand on none: they are always there. KeyError for any other column that no
    feature makes.
    """
    made_by = {c: name for name, spec in specs.items() for c in spec.columns(name)}
    wanted: set[str] = set()
    waiting = [c for c in columns if c not in (*REGISTERED, *RESIDENT)]
    while waiting:
        name = made_by[waiting.pop()]
        if name not in wanted:
            wanted.add(name)
            waiting += specs[name].built_on
    return {name: spec for name, spec in specs.items() if name in wanted}


def _lists(specs: Mapping[str, FeatureSpec]) -> list[str]:
    return sorted({name for spec in specs.values() for name in spec.codelists})


def check(specs: Mapping[str, FeatureSpec], codelists: Mapping[str, Codelist]) -> None:
    """LookupError where a rule names what does not exist, or rules go in a circle."""
    columns = {c for name, spec in specs.items() for c in spec.columns(name)}
    for name, spec in specs.items():
        if lost := spec.codelists - set(codelists):
            raise LookupError(f"{name}: no codelist {', '.join(sorted(lost))}")
        if strange := set(spec.built_on) - columns:
            raise LookupError(f"{name}: no feature {', '.join(sorted(strange))}")
    made = set(columns)
    waiting = {n: s for n, s in specs.items() if s.built_on}
    made -= {c for n, s in waiting.items() for c in s.columns(n)}
    while waiting:
        ready = [n for n, s in waiting.items() if made.issuperset(s.built_on)]
        if not ready:
            raise LookupError(f"features in a circle: {', '.join(sorted(waiting))}")
        for name in ready:
            made.update(waiting.pop(name).columns(name))


def _combine(
    later: dict[str, FeatureSpec], made: dict[str, pl.Series], as_of: date
) -> None:
    """Add the features that are built on other features, each after what it reads."""
    while later:
        ready = [n for n, s in later.items() if all(b in made for b in s.built_on)]
        for name in ready:
            spec = later.pop(name)
            frame = pl.DataFrame([made[column] for column in spec.built_on])
            made[name] = built(spec.rule, frame, as_of).alias(name)
