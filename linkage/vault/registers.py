"""Compare the published registers with a truth folder; only made data has one."""

from datetime import date
from pathlib import Path

import polars as pl

from linkage.feature_definitions import FEATURES
from linkage.feature_specs import Register
from linkage.release import selectors
from linkage.release.selectors import ReleaseView
from linkage.steps.cases import cases
from linkage.vault.evaluate import true_people


def evaluate_registers(truth: Path) -> pl.DataFrame:
    """Sensitivity and PPV of every register of the current release.

    truth: a folder with record_to_person.parquet and conditions.parquet (person,
    condition, onset_on). Compared are registered people of the register's ages whom
    the truth names. LookupError before the first release.
    """
    view = selectors.current()
    if view is None:
        raise LookupError("no release has been published")
    people = _people(view, truth)
    return cases(_found(view, people), _true(people, truth, view.as_of))


def _registers() -> dict[str, Register]:
    return {n: s.rule for n, s in FEATURES.items() if isinstance(s.rule, Register)}


def _people(view: ReleaseView, truth: Path) -> pl.DataFrame:
    """Registered people of the release: person_no, age_years, person."""
    registered = view.bitmap("is_registered")
    ages = pl.DataFrame(
        {
            "person_no": pl.Series(registered.to_array(), dtype=pl.Int32),
            "age_years": view.take("age_years", registered),
        }
    )
    return ages.join(true_people(truth), on="person_no")


def _of_age(people: pl.DataFrame, rule: Register) -> pl.DataFrame:
    old_enough = (pl.col("age_years") >= rule.age_at_least) | (
        pl.col("age_years").is_nan()
    )
    return people.filter(old_enough)


def _found(view: ReleaseView, people: pl.DataFrame) -> pl.DataFrame:
    parts = [
        _of_age(people, rule)
        .filter(
            pl.col("person_no").is_in(
                pl.Series(
                    view.bitmap(f"has_{name}").to_array(), dtype=pl.Int32
                ).implode()
            )
        )
        .select("person", condition=pl.lit(name))
        for name, rule in _registers().items()
    ]
    return pl.concat(parts)


def _true(people: pl.DataFrame, truth: Path, as_of: date) -> pl.DataFrame:
    conditions = pl.read_parquet(truth / "conditions.parquet").filter(
        pl.col("onset_on") <= as_of
    )
    parts = [
        _of_age(people, rule)
        .select("person")
        .join(conditions.filter(condition=name), on="person")
        .select("person", "condition")
        for name, rule in _registers().items()
    ]
    return pl.concat(parts)
