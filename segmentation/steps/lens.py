"""Mark the people whom a lens picks out, whatever segment they are in."""

from collections.abc import Mapping

import polars as pl

from linkage.steps.holds import holds
from segmentation.specs import LensSpec, PlusSpec


def lenses(
    features: pl.DataFrame, specs: Mapping[str, LensSpec], plus: PlusSpec
) -> pl.DataFrame:
    """One row per person: `person_no` and a flag per lens, null where not known.

    A lens may stand within others, named before or after it. LookupError where they
    name what does not exist, or each other.
    """
    made = features.select("person_no")
    waiting = {spec.attribute: spec for spec in specs.values()}
    for spec in specs.values():
        if lost := set(spec.within) - set(waiting):
            raise LookupError(f"{spec.attribute}: no lens {', '.join(sorted(lost))}")
    while waiting:
        ready = [n for n, s in waiting.items() if set(s.within) <= set(made.columns)]
        if not ready:
            raise LookupError(f"lenses in a circle: {', '.join(sorted(waiting))}")
        columns = [
            _flag(features, made, waiting.pop(name), plus).alias(name) for name in ready
        ]
        made = made.with_columns(columns)
    return made.select("person_no", *(spec.attribute for spec in specs.values()))


def _flag(
    features: pl.DataFrame, made: pl.DataFrame, spec: LensSpec, plus: PlusSpec
) -> pl.Series:
    asked = [holds(test) for test in spec.all_of]
    asked += [~holds(test) for test in spec.none_of]
    if spec.any_of:
        asked.append(pl.any_horizontal([holds(test) for test in spec.any_of]))
    among = made.select(pl.col(name).fill_null(value=False) for name in spec.within)
    if spec.within:
        asked.append(pl.lit(among.select(pl.any_horizontal(pl.all())).to_series()))
    # Whom the local groups add is known without the address that Core20 needs.
    added = pl.any_horizontal(
        [pl.all_horizontal([holds(t) for t in g.all_of]) for g in plus.groups]
    )
    known = pl.col(spec.known_by).is_not_null()
    picked = pl.all_horizontal(asked) if asked else pl.lit(value=False)
    if spec.plus:
        picked = picked | added
        known = known | added
    return features.select(flag=pl.when(known).then(picked))["flag"]
