"""The hand-made people of the system that stands, each of whom a test knows by name.

Someone's every value is their own or a plain default that puts them on the list; the
background people of `page_builders`, of whom none belongs on it, make up the numbers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from dashboards.definitions import LISTS
from dashboards.list_specs import placeholders
from linkage.release.catalogue import Attribute
from tests import page_builders

PROGRAMME = "proactive_care"
AUGUST, SEPTEMBER = date(2026, 8, 31), date(2026, 9, 30)
# Every person of a list is on it by these values; a test changes what it is about.
CANDIDATE: dict[str, Any] = {
    "age_years": 82.0,
    "frailty_recorded": "moderate",
    "frailty_recorded_on": date(2026, 3, 3),
    "emergency_admissions_12m": 2.0,
    "emergency_admissions_prior_12m": 1.0,
    "risk_emergency_12m": 0.3,
}
FLAGS = ("on_palliative_register", "in_care_home", "in_hospital", "lives_alone")
FLAGS += ("open_community_referral", "open_care_episode", "long_term_social_care")
FLAGS += ("has_carer", "needs_interpreter", "is_housebound")
FLAGS += ("type1_opt_out", "national_opt_out")
NUMBERS = ("efi_score", "medicines_12m", "last_medication_review_days", "hfrs")
NUMBERS += ("mental_health_contacts_12m", "emergency_attendances_prior_12m")
NUMBERS += ("bed_days_12m", "impact", "impact_biomarkers", "impact_care_gaps")
NUMBERS += ("impact_complexity", "impact_medication", "impact_unplanned_use")
NUMBERS += ("impact_barriers",)
IMPACT = {name: 50.0 for name in NUMBERS if name.startswith("impact")}
DATES = ("frailty_recorded_on", "care_plan_on")
LIST_ATTRIBUTES = [
    *(Attribute(name, name.replace("_", " "), "flag") for name in FLAGS),
    *(Attribute(name, name.replace("_", " "), "number") for name in NUMBERS),
    *(Attribute(name, name.replace("_", " "), "date") for name in DATES),
    Attribute("efi", "Electronic frailty index", "category", values=("fit", "severe")),
]
ATTRIBUTES = page_builders.attributes() + LIST_ATTRIBUTES
BACKGROUND = 900


@dataclass(frozen=True)
class Someone:
    """A hand-made person: number, practice, names for the vault, list values.

    What the vault has heard since the release was made: `died_on`, or that they
    `left` their practice.
    """

    person_no: int
    practice: str | None
    surname: str = "NOBODY"
    forename: str = "Nora"
    nhs_number: str = "9990000000"
    values: Mapping[str, Any] = field(default_factory=dict)
    died_on: date | None = None
    left: bool = False

    def but(self, **values: Any) -> "Someone":
        """The same person with other values."""
        return replace(self, values=dict(self.values) | values)

    def row(self) -> dict[str, Any]:
        """Their row of a release, over the background's defaults."""
        pcn = page_builders.practice_codes().get(self.practice or "")
        place = {"U1": "P1", "U2": "P1", "U3": "P2", "U4": "P2"}.get(pcn or "")
        return (
            dict.fromkeys(a.name for a in ATTRIBUTES)
            | dict.fromkeys(FLAGS, False)
            | {
                "person_no": self.person_no,
                "practice_code": self.practice,
                "pcn_code": pcn,
                "place_code": place,
                "icb_code": page_builders.ICB,
                "is_registered": self.practice is not None,
                "is_resident": True,
                "has_diabetes_type1": False,
                "has_diabetes_type2": False,
                "sex": "F",
                "age_band": "80-84",
                "ethnicity_group": "White",
                "imd_fifth": "1",
                "segment": page_builders.SEGMENTS[0],
                "condition_count": 3.0,
                "medicines_12m": 4.0,
                "emergency_attendances_12m": 1.0,
                "emergency_attendances_prior_12m": 1.0,
                "bed_days_12m": 5.0,
                "cost_total_12m": 4000.0,
            }
            | CANDIDATE
            | dict(self.values)
        )


def background(seed: int = 3) -> pl.DataFrame:
    """Some hundred people of every practice, none of whom belongs on a list."""
    made = page_builders.make_people(BACKGROUND, seed)
    return made.with_columns(
        emergency_admissions_prior_12m="emergency_admissions_12m",
        emergency_attendances_prior_12m="emergency_attendances_12m",
    )


def frame(someones: Iterable[Someone], others: pl.DataFrame | None) -> pl.DataFrame:
    """Everyone of a release: one row per person, a column per attribute."""
    types = {"flag": pl.Boolean, "category": pl.String, "date": pl.Date}
    schema = {"person_no": pl.Int32} | {
        a.name: types.get(a.kind, pl.Float64) for a in ATTRIBUTES
    }
    made = pl.DataFrame([s.row() for s in someones], schema=schema)
    if others is None:
        return made
    missing = [n for n in schema if n not in others.columns]
    filled = others.with_columns(
        pl.lit(None, dtype=schema[n]).alias(n) for n in missing
    )
    filled = filled.with_columns(pl.col(n).fill_null(value=False) for n in FLAGS)
    return pl.concat([filled.select(list(schema)).cast(schema), made])


def reason(attribute: str, **values: object) -> str:
    """The programme's sentence that counts an attribute, as its definition words it."""
    text = next(
        r.text
        for r in LISTS[PROGRAMME].reasons
        if placeholders(r.text)[:1] == [attribute]
    )
    return text.format(**{attribute: values.pop("is_", None)} | values)


ANNA = Someone(
    7705001,
    "Z81001",
    "ANDERTON",
    "Anna",
    "9990010017",
    {
        "frailty_recorded": "severe",
        "emergency_admissions_12m": 3.0,
        "medicines_12m": 12.0,
        "risk_emergency_12m": 0.62,
        "lives_alone": True,
        "last_medication_review_days": 400.0,
        "hfrs": 7.5,
        **IMPACT,
        "impact": 31.4,
    },
)
BERT = Someone(
    7705002,
    "Z81001",
    "BELLWETHER",
    "Bert",
    "9990010025",
    {"risk_emergency_12m": 0.45, "is_housebound": True, **IMPACT, "impact": 77.6},
)
CORA = Someone(
    7705003,
    "Z81002",
    "CORNFORTH",
    "Cora",
    "9990010033",
    {
        "risk_emergency_12m": 0.41,
        "needs_interpreter": True,
        "open_community_referral": True,
    },
)
DREW = Someone(7705004, "Z81002", "DRYSDALE", "Drew", "9990010041")
JACK = Someone(
    7705015, "Z81001", "JESSOP", "Jack", "9990010157", {"type1_opt_out": True}
)
KATE = Someone(
    7705016, "Z81002", "KETTERING", "Kate", "9990010165", {"national_opt_out": True}
)
# On the list in August and, their use no longer rising, off it in September.
EDNA = Someone(7705005, "Z81001", "EASTERBROOK", "Edna", "9990010050")
RUTH = Someone(
    7705006,
    "Z81001",
    "RAVENSCROFT",
    "Ruth",
    "9990010068",
    {"risk_emergency_12m": 0.25},
    died_on=date(2026, 11, 1),
)
SAM = Someone(
    7705007,
    "Z81002",
    "SALTONSTALL",
    "Sam",
    "9990010076",
    {"risk_emergency_12m": 0.2},
    left=True,
)
OPTED_OUT = (JACK, KATE)
PASSED_OVER = (
    Someone(7705011, "Z81001", values={"on_palliative_register": True}),
    Someone(7705012, "Z81001", values={"in_care_home": True}),
    Someone(7705013, "Z81002", values={"in_hospital": True}),
    Someone(7705014, "Z81001", values={"care_plan_on": date(2026, 7, 1)}),
)
# Of the other network: whatever is theirs must never reach the first one's viewers.
ODA = Someone(
    7705031,
    "Z81005",
    "OXENFOORD",
    "Odalys",
    "9990050310",
    {"medicines_12m": 987.0, "last_medication_review_days": 654.0},
)
PIP = Someone(7705032, "Z81006", "PENHALIGON", "Pippin", "9990050329")
OURS, THEIRS = (ANNA, BERT, CORA, DREW, RUTH, SAM), (ODA, PIP)
EVERYBODY = (*OURS, EDNA, *OPTED_OUT, *PASSED_OVER, *THEIRS)
NOT_RISING = {"emergency_admissions_12m": 1.0}
