"""Community services: referrals and care contacts (CSDS, tables CYP101 and CYP201)."""

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.submissions import (
    Referrals,
    contacts_of,
    dates,
    file_by_year,
    month_end,
    person_ids,
    saw,
)
from synthetic.lives import calibration

SOURCE = "csds"
# Team types of the demo: district nursing, physiotherapy, occupational
# therapy, podiatry, health visiting, rehabilitation.
TEAMS = ("12", "18", "17", "19", "15", "20")
CONTACTS_A_YEAR = np.array([45.0, 14.0, 10.0, 5.0, 6.0, 30.0])
MEAN_DAYS = np.array([110.0, 70.0, 60.0, 250.0, 300.0, 45.0])
ATTENDED = ("5", "6", "3", "2", "4")
ATTENDED_SHARE = (0.88, 0.02, 0.04, 0.04, 0.02)
PROVIDER = "ORGANISATION IDENTIFIER (CODE OF PROVIDER)"
REFERRAL = "UNIQUE SERVICE REQUEST IDENTIFIER"


def write_csds(ctx: Context, years: list[Year]) -> None:
    """Write one chunk's referrals and contacts."""
    rng = ctx.rng("csds")
    referrals = _referrals(ctx, years, rng)
    provider = ctx.people.sources[SOURCE]
    who = person_ids(ctx, SOURCE, referrals.row)
    n = len(referrals.row)
    closed = pl.Series(referrals.closed)
    key = pl.select(
        pl.format("{}R{}", pl.lit(provider), pl.Series(referrals.number))
    ).to_series()
    frame = pl.DataFrame(
        {
            REFERRAL: key,
            PROVIDER: pl.repeat(provider, n, eager=True),
            "PERSON ID": who,
            "REFERRAL REQUEST RECEIVED DATE": dates(referrals.received),
            "PRIMARY REASON FOR REFERRAL (COMMUNITY CARE)": pl.Series(
                ["050", "022", "062", "081"]
            ).gather(rng.integers(0, 4, n)),
            "SERVICE DISCHARGE DATE": pl.select(
                pl.when(closed <= ctx.as_of_day).then(dates(referrals.closed))
            ).to_series(),
            "TEAM TYPE": pl.Series(TEAMS).gather(referrals.team),
            "REPORTING PERIOD END DATE": month_end(referrals.received),
        }
    )
    file_by_year(ctx, "csds_referral", frame, "REFERRAL REQUEST RECEIVED DATE", rng)
    saw(ctx, SOURCE, referrals.row, referrals.received)
    _contacts(ctx, referrals, key, who, provider, rng)


def _referrals(ctx: Context, years: list[Year], rng: np.random.Generator) -> Referrals:
    rows, days, teams = [], [], []
    for year in years:
        rate = calibration.rate("community_per_1000", year.age, ctx.chunk.traits.male)
        usual = np.interp(year.age, [0, 40, 60, 80, 95], [0.03, 0.05, 0.09, 0.2, 0.35])
        need = (0.3 + 0.7 * (year.frailty / usual)).clip(0.3, 3.5)
        row, day = ctx.happen(year, rate * need, rng)
        luck = rng.random(len(row))
        frail = year.frailty[row] > 0.2
        team = np.digitize(luck, [0.25, 0.5, 0.68, 0.9])
        team = np.where(team == 4, 5, team)
        team = np.where(frail & (luck < 0.6), 0, team)
        team = np.where(year.age[row] < 5, 4, team)
        rows.append(row)
        days.append(day)
        teams.append(team)
    row, received, team = (np.concatenate(x) for x in (rows, days, teams))
    return Referrals(
        row=row,
        received=received,
        closed=(received + rng.exponential(MEAN_DAYS[team]) + 5).astype(np.int32),
        team=team,
        intensity=CONTACTS_A_YEAR[team],
        number=ctx.delivery.numbers("community referral", len(row)),
    )


def _contacts(
    ctx: Context,
    referrals: Referrals,
    key: pl.Series,
    who: pl.Series,
    provider: str,
    rng: np.random.Generator,
) -> None:
    which, day = contacts_of(referrals, ctx.as_of_day, ctx.chunk.here_to, rng)
    n = len(which)
    number = pl.Series(ctx.delivery.numbers("community contact", n))
    frame = pl.DataFrame(
        {
            "UNIQUE CARE CONTACT IDENTIFIER": pl.select(
                pl.format("{}C{}", pl.lit(provider), number)
            ).to_series(),
            REFERRAL: key.gather(which),
            PROVIDER: pl.repeat(provider, n, eager=True),
            "PERSON ID": who.gather(which),
            "CARE CONTACT DATE": dates(day),
            "CONSULTATION MECHANISM (COMMUNITY CARE)": pl.Series(["01", "02"]).gather(
                rng.choice(2, n, p=[0.87, 0.13])
            ),
            "ATTENDANCE STATUS": pl.Series(ATTENDED).gather(
                rng.choice(len(ATTENDED), n, p=ATTENDED_SHARE)
            ),
            "CLINICAL CONTACT DURATION OF CARE CONTACT": rng.choice(
                [20, 30, 45], n
            ).astype(np.int32),
            "REPORTING PERIOD END DATE": month_end(day),
        }
    )
    saw(ctx, SOURCE, referrals.row[which], day)
    file_by_year(ctx, "csds_contact", frame, "CARE CONTACT DATE", rng)
