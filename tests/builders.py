"""Frames with defaults, so that a test states only what matters to it.

`person()`, `event()`, `activity()` give rows as dictionaries; `people()`, `events()`,
`activities()` turn rows into frames as the longitudinal store holds them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import polars as pl
from pyroaring import BitMap

from governance.geography import AREA_DECILES, FUEL_POVERTY
from linkage.feature_definitions import FEATURES, codelists
from linkage.release.catalogue import Attribute, Catalogue
from linkage.release.selectors import ReleaseView
from linkage.steps.derive import derive
from linkage.steps.index import index
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES

AS_OF = date(2026, 9, 30)
_keys = count(1)

PERSON: dict[str, Any] = {
    "person_no": pl.Int32,
    "sex": pl.String,
    "birth_month": pl.Date,
    "ethnicity": pl.String,
    "ethnicity_source": pl.String,
    "died_on": pl.Date,
    "practice_code": pl.String,
    "lsoa_code": pl.String,
    "in_care_home": pl.Boolean,
    "needs_interpreter": pl.Boolean,
    "language": pl.String,
    "type1_opt_out_on": pl.Date,
    "national_opt_out": pl.Boolean,
}
REGISTRATION: dict[str, Any] = {
    "person_no": pl.Int32,
    "practice_code": pl.String,
    "start_on": pl.Date,
    "end_on": pl.Date,
}
RESIDENCE: dict[str, Any] = {
    "person_no": pl.Int32,
    "lsoa_code": pl.String,
    "in_care_home": pl.Boolean,
    "start_on": pl.Date,
    "end_on": pl.Date,
}
EVENT: dict[str, Any] = {
    "person_no": pl.Int32,
    "record_key": pl.Int64,
    "on_date": pl.Date,
    "recorded_on": pl.Date,
    "kind": pl.Int16,
    "system": pl.Int16,
    "code": pl.String,
    "value": pl.Float32,
    "unit": pl.String,
}
ACTIVITY: dict[str, Any] = {
    "person_no": pl.Int32,
    "record_key": pl.Int64,
    "setting": pl.Int16,
    "kind": pl.Int16,
    "start_on": pl.Date,
    "end_on": pl.Date,
    "recorded_on": pl.Date,
    "urgency": pl.Int16,
    "provider_code": pl.String,
    "specialty": pl.String,
    "outcome": pl.String,
    "reason_code": pl.String,
    "seen_by": pl.String,
    "cost_gbp": pl.Float32,
}


def person(person_no: int = 1, **given: Any) -> dict[str, Any]:
    """A woman of 66 registered at Z81001 in the fifth decile of deprivation."""
    return {
        "person_no": person_no,
        "sex": "F",
        "birth_month": date(1960, 1, 1),
        "ethnicity": "A",
        "practice_code": "Z81001",
        "lsoa_code": "E01900001",
        "in_care_home": False,
        "needs_interpreter": False,
        "national_opt_out": False,
    } | given


def registration(person_no: int = 1, **given: Any) -> dict[str, Any]:
    """A registration at Z81001 since 2010 that has not ended."""
    return {
        "person_no": person_no,
        "practice_code": "Z81001",
        "start_on": date(2010, 1, 1),
    } | given


def residence(person_no: int = 1, **given: Any) -> dict[str, Any]:
    """An address in E01900001 since 2010, at home."""
    return {
        "person_no": person_no,
        "lsoa_code": "E01900001",
        "in_care_home": False,
        "start_on": date(2010, 1, 1),
    } | given


def event(
    code: str,
    on_date: date,
    *,
    person_no: int = 1,
    kind: str = "observation",
    system: str = "snomed",
    **given: Any,
) -> dict[str, Any]:
    """A code in a GP record, known on the day it is dated unless said otherwise."""
    return {
        "person_no": person_no,
        "record_key": next(_keys),
        "on_date": on_date,
        "recorded_on": on_date,
        "kind": EVENT_KINDS[kind],
        "system": SYSTEMS[system],
        "code": code,
    } | given


def activity(
    setting: str,
    kind: str,
    start_on: date,
    *,
    person_no: int = 1,
    urgency: str | None = None,
    **given: Any,
) -> dict[str, Any]:
    """One use of a service, ended and known on the day it began."""
    return {
        "person_no": person_no,
        "record_key": next(_keys),
        "setting": SETTINGS[setting],
        "kind": ACTIVITY_KINDS[kind],
        "start_on": start_on,
        "end_on": start_on,
        "recorded_on": start_on,
        "urgency": URGENCIES[urgency] if urgency else None,
    } | given


def frame(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Rows as a frame of exactly this schema; a key outside it is an error."""
    made = [dict(row) for row in rows]
    for row in made:
        if extra := set(row) - set(schema):
            raise KeyError(f"no such column: {', '.join(sorted(extra))}")
    return pl.DataFrame(
        {name: [row.get(name) for row in made] for name in schema}, schema=dict(schema)
    )


def people(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame(rows, PERSON)


def registrations(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame(rows, REGISTRATION)


def residences(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame(rows, RESIDENCE)


def events(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame(rows, EVENT)


def activities(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame(rows, ACTIVITY)


@dataclass
class InMemory:
    """A release's bitmaps and columns made from a frame of one row per person."""

    columns: pl.DataFrame
    catalogue: Catalogue
    made: dict[str, Any] = field(default_factory=dict)

    def _index(self, attribute: str) -> Any:
        if attribute not in self.made:
            ids = self.columns["person_no"].cast(pl.UInt32).to_numpy()
            self.made[attribute] = index(
                ids, self.columns[attribute], self.catalogue[attribute]
            )
        return self.made[attribute]

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]:
        everyone = {"yes": BitMap(self.columns["person_no"].to_list())}
        return {
            name: everyone if name == "everyone" else dict(self._index(name).bitmaps)
            for name in attributes
        }

    def column(self, attribute: str) -> bytes:
        if attribute == "person_no":
            return self.columns["person_no"].cast(pl.UInt32).to_numpy().tobytes()
        return self._index(attribute).numbers.tobytes()


def release_view(
    columns: pl.DataFrame, attributes: Iterable[Attribute], *, as_of: date = AS_OF
) -> ReleaseView:
    """A release made from a frame (`person_no` and the attributes' columns)."""
    catalogue = Catalogue(attributes)
    source = InMemory(columns.sort("person_no"), catalogue)
    return ReleaseView(1, as_of, None, catalogue, source)


def geography() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two practices of one PCN and two LSOAs of one council, in governance's form."""
    registered = pl.DataFrame(
        {
            "practice_code": ["Z81001", "Z81002"],
            "pcn_code": "U90001",
            "neighbourhood_code": "N01",
            "place_code": "P01",
            "sub_icb_code": "Z01A",
            "icb_code": "QZ1",
        }
    )
    resident = pl.DataFrame(
        {
            "lsoa_code": ["E01900001", "E01900002"],
            "msoa_code": "E02900001",
            "ward_code": "E05900001",
            "district_code": "E07900001",
            "council_code": "E10900001",
            "imd_decile": pl.Series([5, 1], dtype=pl.Int16),
            "imd_fifth": pl.Series([3, 1], dtype=pl.Int16),
            "imd_rank": pl.Series([16000, 5], dtype=pl.Int32),
            "is_rural": [False, False],
            **dict.fromkeys(AREA_DECILES, pl.Series([4, 2], dtype=pl.Int16)),
            FUEL_POVERTY: [9.5, 17.0],
        }
    )
    return registered, resident


def derived(
    event_rows: Iterable[Mapping[str, Any]] = (),
    activity_rows: Iterable[Mapping[str, Any]] = (),
    *,
    person_rows: Iterable[Mapping[str, Any]] | None = None,
    registration_rows: Iterable[Mapping[str, Any]] | None = None,
    residence_rows: Iterable[Mapping[str, Any]] | None = None,
    specs: Mapping[str, Any] | None = None,
    as_of: date = AS_OF,
) -> pl.DataFrame:
    """`derive` with the product's definitions; one registered person by default."""
    given = list(person_rows if person_rows is not None else [person()])
    numbers = [row["person_no"] for row in given]
    if registration_rows is None:
        registration_rows = [registration(n) for n in numbers]
    if residence_rows is None:
        residence_rows = [residence(n) for n in numbers]
    return derive(
        people(*given),
        registrations(*registration_rows),
        residences(*residence_rows),
        events(*event_rows),
        activities(*activity_rows),
        geography(),
        specs=FEATURES if specs is None else specs,
        codelists=codelists(),
        as_of=as_of,
    )
