"""Values of a published series to the points of a figure."""

from datetime import date, timedelta

import polars as pl

from linkage.series_specs import Length, MeasureSpec, RateSpec, SeriesSpec

EVERY = {"day": "1d", "week": "1w", "month": "1mo", "year": "1y"}


def series_points(
    values: pl.DataFrame, spec: SeriesSpec, name: str, keys: tuple[str, ...]
) -> pl.DataFrame:
    """One row per combination of `keys` (start_on, breakdown): the keys and value.

    values: measure, breakdown, start_on, value; several rows of one key are several
    places. `name` is a measure or a rate of the spec. A place whose figure is withheld
    leaves the sum not known. Periods are those that charts use; a first or last one
    that is not whole has no point: a sum over half a month would look like a fall.
    """
    if name in spec.rates:
        rate = spec.rates[name]
        parts = [
            _summed(values, spec, part, keys).rename({"value": part})
            for part in (rate.count, rate.out_of)
        ]
        joined = parts[0].join(parts[1], on=list(keys), how="inner")
        share = pl.col(rate.count) / pl.col(rate.out_of) * rate.per
        found = joined.select(*keys, value=pl.when(pl.col(rate.out_of) > 0).then(share))
    else:
        found = _summed(values, spec, name, keys)
    return found.drop_nulls("value").sort(keys)


def unit_of(spec: SeriesSpec, name: str) -> MeasureSpec | RateSpec:
    """The measure or rate of this name."""
    found: MeasureSpec | RateSpec | None = spec.rates.get(name)
    return found if found is not None else spec.measures[name]


def _summed(
    values: pl.DataFrame, spec: SeriesSpec, measure: str, keys: tuple[str, ...]
) -> pl.DataFrame:
    rows = values.filter(pl.col("measure") == measure)
    adds = spec.measures[measure].adds
    group = list(dict.fromkeys([*keys, "start_on"]))
    known = pl.col("value").is_not_null().all()
    whole = pl.col("value").mean() if adds == "none" else pl.col("value").sum()
    # A file of single records has no sum to withhold: its means leave out what lacks.
    total = whole if spec.record else pl.when(known).then(whole)
    found = rows.group_by(group).agg(value=total)
    if "start_on" not in keys:
        return found.select(*keys, "value")
    if spec.drawn_by == spec.period.length:
        return found
    every = EVERY[spec.drawn_by]
    gathered = pl.col("value").sum() if adds == "flow" else pl.col("value").mean()
    other = [key for key in keys if key != "start_on"]
    if adds == "flow":
        found = _whole_periods(found, spec.drawn_by)
    return (
        found.drop_nulls("value")
        .group_by(*other, pl.col("start_on").dt.truncate(every))
        .agg(value=gathered)
    )


def _whole_periods(found: pl.DataFrame, length: Length) -> pl.DataFrame:
    """Without the days of a first or last period that the series does not fill."""
    if found.is_empty():
        return found
    first, last = found["start_on"].min(), found["start_on"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    frame = pl.DataFrame({"day": [first, last, last + timedelta(days=1)]})
    every = EVERY[length]
    begins, ends, after = frame["day"].dt.truncate(every)
    period = pl.col("start_on").dt.truncate(every)
    keep = pl.lit(value=True)
    if begins != first:
        keep = keep & (period != begins)
    if after == ends:
        keep = keep & (period != ends)
    return found.filter(keep)
