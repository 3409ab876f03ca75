"""Month by month: emergency admissions, deaths and a programme that changes them.

The hazards are functions of age, sex, deprivation, conditions, latent frailty, smoking
and recent admissions; not of the calendar year. The course runs a year past `as_of`, so
that what comes next is known to the truth folder (and end of life can be seen coming).
"""

from dataclasses import dataclass

import numpy as np

from synthetic import chance
from synthetic.lives import calibration
from synthetic.lives.frailty import MODERATE, deficit_share
from synthetic.lives.onset import KEYS
from synthetic.lives.traits import FAR, Traits

MONTH_DAYS = 365.25 / 12
YEAR_MONTHS = 12
DEPRIVATION = np.array([0.20, 0.10, 0.0, -0.07, -0.13], dtype=np.float32)
DEATH_DEPRIVATION = np.array([0.22, 0.10, 0.0, -0.08, -0.15], dtype=np.float32)
# So strong a latent frailty, and conditions that weigh more than on average, spread
# the chances of people of one age as widely as published models find: the true
# chances themselves rank with an AUROC of about .79 (.78 to .84 in SPARRA version 4,
# medRxiv 2021.08.06.21261593, and the models reviewed by Wallace, BMJ Open 2014).
FRAILTY_EMERGENCY, FRAILTY_DEATH, SMOKER = 0.82, 0.30, 0.15
CONDITIONS_EMERGENCY = 1.45
# After an admission the hazard is doubled and falls back by a quarter a month:
# readmission within 30 days about 15% (NHS Digital, Emergency readmissions 2022-23).
RECENT_GAIN, RECENT_FADE, RECENT_CAP = 0.75, 0.76, 1.6
SEASON = 0.06  # winter over mean, of the log hazard

# Share of deaths in hospital, England 2022 (ONS Deaths registered, about 43%).
DIES_IN_HOSPITAL = 0.43

PROGRAMME = "proactive_care_2024"
PROGRAMME_START_MONTHS_BEFORE_END = 30
PROGRAMME_MONTHLY_OFFER, PROGRAMME_RATE_RATIO = 0.03, 0.85
PROGRAMME_MONTHS = 12


@dataclass(frozen=True)
class Course:
    """What happened to a chunk, as parallel arrays.

    emergency_row, emergency_day: row in the chunk and day number of each admission.
    death_day: per person, FAR for the living (deaths after as_of are included).
    enrolled_day: start in the programme, FAR for those never in it.
    probability: dict of as-of day to probability of an emergency admission in the
        following 12 months, given what is true of the person on that day.
    """

    emergency_row: np.ndarray
    emergency_day: np.ndarray
    death_day: np.ndarray
    enrolled_day: np.ndarray
    probability: dict[int, np.ndarray]


def run_course(
    traits: Traits,
    onset: np.ndarray,
    offered: np.ndarray,
    seed: int,
    start_day: int,
    as_of_day: int,
    hazard_days: tuple[int, ...],
) -> Course:
    """Simulate a chunk from `start_day` to a year after `as_of_day`.

    offered: bool per person, whether their practice offers the programme.
    hazard_days: day numbers at which to note the true probability.
    """
    rng = chance.rng_for(seed, "course", int(traits.person[0]))
    n = len(traits)
    months = round((as_of_day - start_day) / MONTH_DAYS) + YEAR_MONTHS
    first = start_day + np.arange(months) * MONTH_DAYS
    emergency, death = _fixed_logs(traits)
    by_month = _onset_months(onset, start_day, months)
    emergency_weight = CONDITIONS_EMERGENCY * _weights("emergency")
    death_weight = _weights("death")
    number = np.zeros(n, dtype=np.float32)
    recent = np.zeros(n, dtype=np.float32)
    death_day = np.full(n, FAR, dtype=np.int32)
    enrolled = np.full(n, FAR, dtype=np.int32)
    rows: list[np.ndarray] = []
    dates: list[np.ndarray] = []
    notes = {_month_of(day, start_day): day for day in hazard_days}
    probability: dict[int, np.ndarray] = {}
    programme_from = months - YEAR_MONTHS - PROGRAMME_START_MONTHS_BEFORE_END
    for month in range(months):
        day = first[month]
        who, what = by_month[month]
        np.add.at(emergency, who, emergency_weight[what])
        np.add.at(death, who, death_weight[what])
        np.add.at(number, who, 1)
        if month % YEAR_MONTHS == 0:
            age = traits.age_at(day + 6 * MONTH_DAYS)
            base, base_death = _base_logs(traits, age)
            frail = deficit_share(traits, age, number)
        here = (traits.arrived <= day) & (traits.left > day + MONTH_DAYS)
        here &= (traits.born <= day) & (death_day == FAR)
        in_programme = (enrolled <= day) & (day < enrolled + PROGRAMME_MONTHS * 30.4)
        effect = np.where(in_programme, np.log(PROGRAMME_RATE_RATIO), 0)
        log = base + emergency + recent + effect
        season = SEASON * np.cos(2 * np.pi * (day % 365.25 - 15) / 365.25)
        hazard = np.exp(log + season) / YEAR_MONTHS
        dying = np.exp(base_death + death + 0.5 * recent) / YEAR_MONTHS
        if month in notes:
            probability[notes[month]] = _year_ahead(log, recent, dying)
        admitted = (rng.random(n, dtype=np.float32) < -np.expm1(-hazard)) & here
        dies = (rng.random(n, dtype=np.float32) < -np.expm1(-dying)) & here
        row = np.flatnonzero(admitted)
        rows.append(row)
        dates.append((day + rng.random(len(row)) * MONTH_DAYS).astype(np.int32))
        death_day[dies] = (day + rng.random(dies.sum()) * MONTH_DAYS).astype(np.int32)
        recent *= RECENT_FADE
        recent[row] = np.minimum(recent[row] + RECENT_GAIN, RECENT_CAP)
        if month >= programme_from:
            ready = offered & here & (enrolled == FAR) & (frail >= MODERATE)
            ready &= (age >= 65) & ~traits.care_home
            offer = PROGRAMME_MONTHLY_OFFER * np.where(recent > 0.3, 2.5, 1.0)
            joins = ready & (rng.random(n, dtype=np.float32) < offer)
            enrolled[joins] = int(day + MONTH_DAYS)
    return Course(
        emergency_row=np.concatenate(rows),
        emergency_day=np.concatenate(dates),
        death_day=death_day,
        enrolled_day=enrolled,
        probability=probability,
    )


def _fixed_logs(traits: Traits) -> tuple[np.ndarray, np.ndarray]:
    smoker = SMOKER * (traits.smoker == 2)
    emergency = DEPRIVATION[traits.fifth - 1] + FRAILTY_EMERGENCY * traits.frailty
    death = DEATH_DEPRIVATION[traits.fifth - 1] + FRAILTY_DEATH * traits.frailty
    # Care home residents live about two years (ONS 2021); few are admitted more often.
    death = death + 0.9 * traits.care_home
    return (
        (emergency + smoker).astype(np.float32),
        (death + 2 * smoker).astype(np.float32),
    )


def _base_logs(traits: Traits, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logs = []
    for measure in ("emergency_per_1000", "deaths_per_1000"):
        rate = calibration.rate(measure, age, traits.male)
        logs.append(np.log(rate / calibration.normaliser(measure, age)))
    return logs[0], logs[1]


def _weights(outcome: str) -> np.ndarray:
    by_key = calibration.effects(f"log_rr_{outcome}")
    return np.array([by_key[key] for key in KEYS], dtype=np.float32)


def _onset_months(
    onset: np.ndarray, start_day: int, months: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each month: rows and condition numbers that begin in it (0: or before)."""
    row, what = np.nonzero(onset < start_day + months * MONTH_DAYS)
    month = ((onset[row, what] - start_day) / MONTH_DAYS).astype(np.int32).clip(0)
    order = np.argsort(month, kind="stable")
    cuts = np.searchsorted(month[order], np.arange(1, months))
    return list(
        zip(np.split(row[order], cuts), np.split(what[order], cuts), strict=True)
    )


def _month_of(day: int, start_day: int) -> int:
    return round((day - start_day) / MONTH_DAYS)


def _year_ahead(log: np.ndarray, recent: np.ndarray, dying: np.ndarray) -> np.ndarray:
    """Probability of at least one admission in 12 months, deaths competing.

    Holds the person's conditions as they are; recent use fades as it would.
    """
    none = np.ones(len(log))
    admitted = np.zeros(len(log))
    fading = recent.copy()
    for _ in range(YEAR_MONTHS):
        hazard = np.exp(log - recent + fading) / YEAR_MONTHS
        # A death in hospital is preceded by an admission (spells.py).
        hazard += DIES_IN_HOSPITAL * dying
        total = hazard + (1 - DIES_IN_HOSPITAL) * dying
        leaves = -np.expm1(-total)
        admitted += none * leaves * hazard / total
        none *= 1 - leaves
        fading *= RECENT_FADE
    return admitted.astype(np.float32)
