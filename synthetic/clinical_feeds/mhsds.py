"""Mental health services: referrals, care contacts and ward stays (MHSDS v6)."""

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

SOURCE = "mhsds"
# Team types: A06 community mental health, A02 crisis resolution, C10 children and young
# people, A16 memory, A08 assertive outreach, E01 learning disability.
TEAMS = ("A06", "A02", "C02", "A16", "A08", "E01")
CONTACTS_A_YEAR = np.array([9.0, 40.0, 8.0, 4.0, 26.0, 10.0])
MEAN_DAYS = np.array([300.0, 30.0, 200.0, 150.0, 900.0, 400.0])
# Primary reason: 12 depression, 01 suspected first episode psychosis, 10 anxiety,
# 18 self-harm, 25 organic brain disorder, 27 neurodevelopmental.
REASONS = ("12", "01", "13", "18", "16", "27")
ATTENDED = ("5", "6", "3", "2", "4")
ATTENDED_SHARE = (0.80, 0.02, 0.10, 0.05, 0.03)
WARD_STAY_RATE = 0.075  # a year, for people with severe mental illness
WARD_STAY_DAYS = 34.0


def write_mhsds(ctx: Context, years: list[Year]) -> None:
    """Write one chunk's referrals, contacts and ward stays."""
    rng = ctx.rng("mhsds")
    referrals = _referrals(ctx, years, rng)
    provider = ctx.people.sources[SOURCE]
    who = person_ids(ctx, SOURCE, referrals.row)
    as_of = ctx.as_of_day
    number = pl.Series(referrals.number)
    closed = pl.Series(referrals.closed)
    key = pl.select(pl.format("{}R{}", pl.lit(provider), number)).to_series()
    frame = pl.DataFrame(
        {
            "UniqServReqID": key,
            "ServiceRequestId": number.cast(pl.String),
            "OrgIDProv": pl.repeat(provider, len(key), eager=True),
            "Person_ID": who,
            "ReferralRequestReceivedDate": dates(referrals.received),
            "PrimReasonReferralMH": pl.Series(REASONS).gather(_reason(referrals, rng)),
            "ServTeamType": pl.Series(TEAMS).gather(referrals.team),
            "ServDischDate": pl.select(
                pl.when(closed <= as_of).then(dates(referrals.closed))
            ).to_series(),
            "ReportingPeriodEndDate": month_end(referrals.received),
        }
    )
    file_by_year(ctx, "mhsds_referral", frame, "ReferralRequestReceivedDate", rng)
    saw(ctx, SOURCE, referrals.row, referrals.received)
    _contacts(ctx, referrals, key, who, provider, rng)
    _ward_stays(ctx, years, provider, rng)


def _referrals(ctx: Context, years: list[Year], rng: np.random.Generator) -> Referrals:
    rows, days, teams = [], [], []
    for year in years:
        male = ctx.chunk.traits.male
        smi = year.with_("severe_mental_illness")
        ill = year.with_("depression") | year.with_("anxiety")
        memory = year.with_("dementia")
        disability = year.with_("learning_disability")
        rate = calibration.rate("mental_health_per_1000", year.age, male)
        rate = rate * (0.35 + 3.0 * ill + 12.0 * smi + 3.0 * memory + 2.0 * disability)
        rate = rate * np.exp(0.35 * ctx.chunk.traits.mental - 0.06)
        row, day = ctx.happen(year, rate, rng)
        luck = rng.random(len(row))
        team = np.zeros(len(row), dtype=np.int8)
        team[luck < 0.22] = 1
        team[(luck > 0.75) & smi[row]] = 4
        team[(luck > 0.3) & memory[row]] = 3
        team[(luck > 0.4) & disability[row]] = 5
        team[year.age[row] < 18] = 2
        rows.append(row)
        days.append(day)
        teams.append(team)
    row, received, team = (np.concatenate(x) for x in (rows, days, teams))
    lasts = rng.exponential(MEAN_DAYS[team]) + 7
    return Referrals(
        row=row,
        received=received,
        closed=(received + lasts).astype(np.int32),
        team=team,
        intensity=CONTACTS_A_YEAR[team],
        number=ctx.delivery.numbers("mental health referral", len(row)),
    )


def _reason(referrals: Referrals, rng: np.random.Generator) -> np.ndarray:
    usual = np.array([0, 3, 2, 4, 1, 5])[referrals.team]
    other = rng.integers(0, 4, len(usual))
    return np.where(rng.random(len(usual)) < 0.7, usual, other)


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
    number = pl.Series(ctx.delivery.numbers("mental health contact", n))
    status = rng.choice(len(ATTENDED), n, p=ATTENDED_SHARE)
    frame = pl.DataFrame(
        {
            "UniqCareContID": pl.select(
                pl.format("{}C{}", pl.lit(provider), number)
            ).to_series(),
            "UniqServReqID": key.gather(which),
            "OrgIDProv": pl.repeat(provider, n, eager=True),
            "Person_ID": who.gather(which),
            "CareContDate": dates(day),
            "ConsMechanismMH": pl.Series(["01", "02", "11"]).gather(
                rng.choice(3, n, p=[0.62, 0.28, 0.10])
            ),
            "AttendStatus": pl.Series(ATTENDED).gather(status),
            "ClinContDurOfCareCont": rng.choice([30, 45, 60], n).astype(np.int32),
            "ReportingPeriodEndDate": month_end(day),
        }
    )
    saw(ctx, SOURCE, referrals.row[which], day)
    file_by_year(ctx, "mhsds_contact", frame, "CareContDate", rng)


def _ward_stays(
    ctx: Context, years: list[Year], provider: str, rng: np.random.Generator
) -> None:
    for year in years:
        rate = WARD_STAY_RATE * year.with_("severe_mental_illness") + 0.0004 * (
            year.age >= 18
        )
        row, day = ctx.happen(year, rate, rng)
        days = (rng.exponential(WARD_STAY_DAYS, len(row)) + 1).astype(int)
        end = pl.Series((day + days).astype(np.int32))
        number = pl.Series(ctx.delivery.numbers("ward stay", len(row)))
        who = person_ids(ctx, SOURCE, row)
        old = year.age[row] >= 65
        frame = pl.DataFrame(
            {
                "UniqWardStayID": pl.select(
                    pl.format("{}W{}", pl.lit(provider), number)
                ).to_series(),
                "UniqHospProvSpellID": pl.select(
                    pl.format("{}H{}", pl.lit(provider), number)
                ).to_series(),
                "OrgIDProv": pl.repeat(provider, len(row), eager=True),
                "Person_ID": who,
                "StartDateWardStay": dates(day),
                "EndDateWardStay": pl.select(
                    pl.when(end <= ctx.as_of_day).then(end.cast(pl.Date))
                ).to_series(),
                # 10 acute adult, 11 acute older adult (MHSDS v6)
                "HospitalBedTypeMH": np.where(old, "11", "10"),
                "ReportingPeriodEndDate": month_end(day),
            }
        )
        saw(ctx, SOURCE, row, day)
        file_by_year(ctx, "mhsds_ward_stay", frame, "StartDateWardStay", rng)
