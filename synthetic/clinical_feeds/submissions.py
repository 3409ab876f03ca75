"""What the mental health and community submissions have in common."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.identity import source_records


@dataclass(frozen=True)
class Referrals:
    """Referrals of a chunk to one kind of provider, as parallel arrays.

    row, received, closed (FAR-like when open: after as_of), team (number), intensity
    (contacts a year), number (of the referral).
    """

    row: np.ndarray
    received: np.ndarray
    closed: np.ndarray
    team: np.ndarray
    intensity: np.ndarray
    number: np.ndarray


def person_ids(ctx: Context, source: str, row: np.ndarray) -> pl.Series:
    """The national submission's own person number of each row of the chunk."""
    person = ctx.person(row)
    known = source_records(ctx.people, source, np.unique(person))
    return pl.DataFrame({"person": person}).join(
        known.select("person", "person_id"),
        on="person",
        how="left",
        maintain_order="left",
    )["person_id"]


def contacts_of(
    referrals: Referrals, as_of_day: int, here_to: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which referral (index) and day of each contact, Poisson while it is open."""
    last = np.minimum(np.minimum(referrals.closed, as_of_day), here_to[referrals.row])
    days = (last - referrals.received).clip(0)
    times = rng.poisson(referrals.intensity * days / 365.25) + (days > 7)
    which = np.repeat(np.arange(len(times)), times)
    day = referrals.received[which] + rng.random(len(which)) * days[which]
    order = np.lexsort((day, which))
    return which[order], day[order].astype(np.int32)


def month_end(day: np.ndarray) -> pl.Series:
    """End of the reporting month of each day."""
    return dates(day).dt.month_end()


def saw(ctx: Context, source: str, row: np.ndarray, day: np.ndarray) -> None:
    """Tell `Lives` who was seen by a provider and when."""
    trust = ctx.people.sources.get(source, source)
    ctx.lives.saw(
        pl.DataFrame(
            {
                "person": ctx.person(row),
                "on": dates(day),
            }
        ).with_columns(source=pl.lit(trust))
    )


def dates(day: np.ndarray) -> pl.Series:
    """Day numbers as dates."""
    return pl.Series(day.astype(np.int32)).cast(pl.Date)


def file_by_year(
    ctx: Context,
    feed: str,
    frame: pl.DataFrame,
    date_column: str,
    rng: np.random.Generator,
) -> None:
    """Append rows to one file per financial year of a date column."""
    frame = frame.with_columns(_year=financial_year(pl.col(date_column)))
    for (of,), rows in frame.group_by("_year", maintain_order=True):
        ctx.delivery.csv(feed, of, faults.repeated(rows.drop("_year"), rng))
