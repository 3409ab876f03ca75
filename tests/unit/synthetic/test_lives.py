"""Lives follow the published levels, hang together, and end once."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic.lives import EVERY, FAR, KEYS, Lives, check, simulate
from synthetic.lives.calibration import conditions, effects, prevalence, rate
from synthetic.lives.frailty import MILD, MODERATE, SEVERE, deficit_share
from synthetic.lives.spells import reasons
from synthetic.progress import Progress

AS_OF_DAY = (date(2026, 9, 30) - date(1970, 1, 1)).days
COMMON = ("hypertension", "diabetes_type2", "asthma", "depression", "osteoarthritis")


def column(lived: Lives, name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk.traits, name) for chunk in lived.chunks])


def onset(lived: Lives, key: str) -> np.ndarray:
    return np.concatenate([c.onset[:, KEYS.index(key)] for c in lived.chunks])


@pytest.mark.parametrize("condition", COMMON)
def test_common_conditions_are_as_common_as_published(lived, condition):
    found = check.prevalence(lived).row(
        by_predicate=pl.col("condition") == condition, named=True
    )
    assert found["achieved"] == pytest.approx(found["percent"], rel=0.2)


# Common enough for 8,000 people to show; each moves no rate.
FURTHER = ("nondiabetic_hyperglycaemia", "migraine", "atopic_eczema", "irritable_bowel")


@pytest.mark.parametrize("condition", FURTHER)
def test_conditions_that_move_no_rate_are_as_common_as_their_level(lived, condition):
    found = check.prevalence(lived).row(
        by_predicate=pl.col("condition") == condition, named=True
    )
    assert found["achieved"] == pytest.approx(found["percent"], rel=0.2)


def test_conditions_that_move_no_rate_leave_the_others_where_they_were(lived):
    for chunk in lived.chunks:
        assert (chunk.every[:, : len(KEYS)] == chunk.onset).all()
        assert chunk.every.shape[1] == len(EVERY)


def test_rates_of_admission_and_death_are_as_published(lived):
    for row in check.rates(lived).iter_rows(named=True):
        # 8,000 people have some 80 deaths a year: three standard deviations.
        assert row["achieved"] == pytest.approx(row["published"], rel=0.34)


def test_the_true_probability_is_what_happens(lived):
    fifths = check.calibration_of(lived)
    assert fifths["observed"].sum() == pytest.approx(fifths["expected"].sum(), rel=0.1)
    assert fifths["observed"].is_sorted()


def test_poorer_areas_have_more_of_a_smokers_disease(lived):
    has = onset(lived, "copd") <= AS_OF_DAY
    age = (AS_OF_DAY - column(lived, "born")) / 365.25
    fifth = column(lived, "fifth")
    older = age > 50
    assert has[older & (fifth == 1)].mean() > 1.4 * has[older & (fifth == 5)].mean()


def test_smokers_have_more_copd_and_obesity_goes_with_diabetes(lived):
    age = (AS_OF_DAY - column(lived, "born")) / 365.25
    copd = onset(lived, "copd") < AS_OF_DAY
    smoked = column(lived, "smoker") > 0
    assert copd[smoked & (age > 50)].mean() > 2 * copd[~smoked & (age > 50)].mean()
    diabetes = onset(lived, "diabetes_type2") < AS_OF_DAY
    large = column(lived, "bmi") >= 30
    adult = age >= 40
    assert diabetes[large & adult].mean() > 1.5 * diabetes[~large & adult].mean()


def test_nobody_has_both_types_of_diabetes(lived):
    one, two = onset(lived, "diabetes_type1"), onset(lived, "diabetes_type2")
    assert not ((one < FAR) & (two < FAR)).any()


def test_what_no_feed_records_raises_the_risk(lived):
    """Latent frailty moves the true probability within an age band."""
    latest = lived.hazards.filter(pl.col("as_of") == pl.col("as_of").max())
    frailty = pl.Series(column(lived, "frailty")).gather(latest["person"])
    age = pl.Series((AS_OF_DAY - column(lived, "born")) / 365.25).gather(
        latest["person"]
    )
    band = latest.with_columns(frailty=frailty).filter(age.is_between(50, 60))
    low = band.filter(pl.col("frailty") < -0.5)["emergency_admission_12m"].mean()
    high = band.filter(pl.col("frailty") > 0.5)["emergency_admission_12m"].mean()
    assert high > 1.4 * low


def test_spells_follow_each_other_within_a_life(lived):
    for chunk in lived.chunks:
        spells = chunk.spells
        before = spells.with_columns(
            last=pl.col("discharged").cum_max().shift(1).over("row")
        ).drop_nulls("last")
        assert (before["admitted"] > before["last"]).all()
        assert (spells["discharged"] >= spells["admitted"]).all()
        row = spells["row"].to_numpy()
        assert (spells["admitted"].to_numpy() >= chunk.traits.born[row]).all()
        assert (spells["admitted"].to_numpy() <= chunk.here_to[row]).all()


def test_a_hospital_death_ends_a_spell_on_that_day(lived):
    died = pl.concat(
        chunk.spells.filter("died").select(
            person=pl.col("row") + chunk.first,
            on=pl.col("discharged").cast(pl.Date),
        )
        for chunk in lived.chunks
    )
    in_hospital = lived.deaths.filter(pl.col("place") == "hospital")
    joined = in_hospital.join(died, on="person")
    assert joined.height == in_hospital.height
    assert (joined["on"] == joined["died_on"]).all()
    share = in_hospital.height / lived.deaths.height
    assert 0.3 < share < 0.6  # ONS: about 43%


def test_only_frail_older_people_at_home_join_the_programme(lived, people):
    joined = lived.programme_effects.join(people.persons, on="person")
    age = (joined["enrolled_on"] - joined["born_on"]).dt.total_days() / 365.25
    assert joined.height > 10
    assert age.min() >= 64.4  # ages are reckoned at the middle of a year
    assert not joined["care_home"].any()
    practices = people.persons["practice_code"].drop_nulls().n_unique()
    assert joined["practice_code"].n_unique() <= practices / 2


def test_frailty_of_older_people_is_spread_as_in_the_index_study(lived):
    share = []
    for chunk in lived.chunks:
        age = chunk.traits.age_at(AS_OF_DAY)
        number = (chunk.onset <= AS_OF_DAY).sum(axis=1)
        who = (age >= 65) & (chunk.here_to >= AS_OF_DAY)
        share.append(deficit_share(chunk.traits, age, number)[who])
    found = np.concatenate(share)
    # Clegg 2016, 65 and over: fit 50%, mild 35%, moderate 12%, severe 3%.
    assert (found < MILD).mean() == pytest.approx(0.50, abs=0.12)
    assert (found >= MODERATE).mean() == pytest.approx(0.15, abs=0.06)
    assert (found >= SEVERE).mean() == pytest.approx(0.03, abs=0.025)


def test_the_same_seed_lives_the_same_lives(people, world, lived):
    again = simulate(people, world, 11, date(2026, 9, 30), Progress(quiet=True))
    assert again.deaths.equals(lived.deaths)
    assert again.conditions.equals(lived.conditions)
    other = simulate(people, world, 12, date(2026, 9, 30), Progress(quiet=True))
    assert not other.deaths.equals(lived.deaths)


@pytest.mark.parametrize("condition", conditions())
def test_every_condition_has_a_rising_curve_and_effects(condition):
    for sex in ("M", "F"):
        ages, shares = prevalence(condition, sex)
        assert (np.diff(shares) > 0).all()
        assert len(ages) == len(shares)
        assert shares[-1] < 1
    loadings = [
        effects(f"{trait}_loading")[condition]
        for trait in ("frailty", "metabolic", "mental", "smoking")
    ]
    assert sum(value**2 for value in loadings) < 1


def test_rates_are_read_between_the_ages_of_the_table():
    male = np.array([True, True])
    young, old = rate("deaths_per_1000", np.array([65.0, 75.0]), male)
    assert young == pytest.approx(0.0125)
    assert old == pytest.approx(0.033)
    between = rate("deaths_per_1000", np.array([70.0]), male[:1])[0]
    assert young < between < old


def test_reasons_that_name_a_disease_need_it(lived):
    table = reasons()
    for chunk in lived.chunks:
        spells = chunk.spells
        needs = table["needs"].gather(spells["reason"])
        for key in needs.unique():
            if not key:
                continue
            part = spells.filter(needs == key)
            begun = chunk.onset[part["row"].to_numpy(), KEYS.index(key)]
            assert (begun <= part["admitted"].to_numpy()).all(), key
