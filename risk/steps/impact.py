"""Impactability: how much could be done for a person, beside others of their place."""

from functools import reduce
from operator import add

import polars as pl

from linkage.steps.holds import holds
from risk.gap_specs import DomainSpec, ImpactSpec, Points


def impact(people: pl.DataFrame, spec: ImpactSpec) -> pl.DataFrame:
    """Return the domains' sub-scores and their mean, 0 to 100, for adults.

    `people`: `person_no` and `spec.features`, everybody of the release, since each is
    standardised beside the others of the same place. Nobody below the youngest age
    has a score, nor counts among the others. A place without differences gives 50.
    """
    youngest, oldest = spec.ages
    adults = people.filter(pl.col("age_years") >= youngest)
    raw = adults.select(
        "person_no",
        "age_years",
        spec.within,
        *(points(domain).alias(name) for name, domain in spec.domains.items()),
    )
    names = list(spec.domains)
    scored = raw.with_columns(_standard(name, spec) for name in names)
    span = max(oldest - youngest, 1)
    place = ((pl.col("age_years") - youngest) / span).clip(0, 1)
    multiplier = 1 - spec.age_share + 2 * spec.age_share * place
    mean = pl.mean_horizontal(names) * multiplier
    made = scored.select(
        "person_no",
        mean.clip(0, 100).alias(spec.attribute),
        *(pl.col(name).alias(spec.column(name)) for name in names),
    )
    return people.select("person_no").join(
        made, on="person_no", how="left", maintain_order="left"
    )


def points(domain: DomainSpec) -> pl.Expr:
    """Return the points of a domain before they are standardised."""
    return reduce(add, [_points(each) for each in domain.adds])


def _points(each: Points) -> pl.Expr:
    if each.test is not None:
        found = pl.when(holds(each.test)).then(each.points).otherwise(0.0)
    else:
        found = pl.col(each.each or "").cast(pl.Float64).fill_null(0) * each.points
    return found.clip(upper_bound=each.most) if each.most is not None else found


def _standard(name: str, spec: ImpactSpec) -> pl.Expr:
    column = pl.col(name).cast(pl.Float64)
    mean, spread = column.mean().over(spec.within), column.std().over(spec.within)
    z = pl.when(spread > 0).then((column - mean) / spread).otherwise(0.0)
    return ((z.clip(-spec.clip, spec.clip) + spec.clip) / (2 * spec.clip) * 100).alias(
        name
    )
