"""The invented release with what the clinician's cohort asks: alone, medicines."""

import numpy as np

from linkage.release.catalogue import Attribute
from linkage.release.selectors import ReleaseView
from tests.builders import AS_OF, release_view
from tests.page_builders import attributes, make_people

PEOPLE = 6000
# My frail patients on ten medicines who live alone, as the builder's address says it.
CLINICIAN = (
    "c1=feature:frailty_recorded&c1-is=moderate&c1-is=severe"
    "&c2=feature:medicines_12m&c2-low=10&c3=feature:lives_alone"
)
CLINICIAN_WHO = {
    "all_of": [
        {"feature": "frailty_recorded", "any_of": ["moderate", "severe"]},
        {"feature": "medicines_12m", "at_least": 10.0},
        {"feature": "lives_alone"},
    ]
}
MORE = [
    Attribute("lives_alone", "Lives alone", "flag"),
    Attribute("homeless", "Homeless", "flag", sensitive=True),
    Attribute(
        "medicines_12m",
        "Different medicines in 12 months",
        "number",
        unit="medicines",
        bins=(1, 2, 5, 8, 10, 15),
    ),
]


def make_cohort_release() -> ReleaseView:
    """The invented release with two more attributes; id 1 as the other has."""
    rng = np.random.default_rng(9)
    people = make_people(PEOPLE, seed=1)
    age = people["age_years"].to_numpy()
    return release_view(
        people.with_columns(
            lives_alone=rng.random(PEOPLE) < 0.1 + age / 250,
            homeless=rng.random(PEOPLE) < 0.1,
            medicines_12m=rng.poisson(age / 9).astype(float),
        ),
        attributes() + MORE,
        as_of=AS_OF,
    )


def slowly(view: ReleaseView, practices: set[str]) -> int:
    """Count the clinician's cohort one person at a time."""
    source = view.source.columns  # type: ignore[attr-defined]
    return sum(
        row["frailty_recorded"] in {"moderate", "severe"}
        and row["medicines_12m"] >= 10
        and row["lives_alone"]
        and row["practice_code"] in practices
        for row in source.iter_rows(named=True)
    )
