"""People, households, homes and practices hang together and look like England."""

from datetime import date

import numpy as np
import polars as pl

from synthetic import households
from synthetic.geography import World
from synthetic.people import People, make_people

AS_OF = date(2026, 9, 30)


def test_households_are_of_published_sizes() -> None:
    made = households.make_households(
        60_000, households.AGES_ENGLAND, np.random.default_rng(2)
    )
    size = np.bincount(made.household)
    share = np.bincount(size, minlength=9) / len(size)
    # England, Census 2021 (ONS TS017): 30% of one person, 34% of two, 2.4 on average.
    assert abs(share[1] - 0.30) < 0.06
    assert abs(share[2] - 0.34) < 0.06
    assert 2.2 < size.mean() < 2.6
    assert size.max() <= 12


def test_ages_and_sexes_follow_the_published_structure() -> None:
    made = households.make_households(
        100_000, households.AGES_ENGLAND, np.random.default_rng(2)
    )
    band = np.minimum(made.age_years // 5, 18)
    found = np.bincount(band, minlength=19) / len(band) * 1000
    assert np.abs(found - households.AGES_ENGLAND).max() < 5
    assert 0.62 < made.female[made.age_years >= 90].mean() < 0.74


def test_parents_are_older_than_children_and_live_with_them() -> None:
    made = households.make_households(
        40_000, households.AGES_ENGLAND, np.random.default_rng(2)
    )
    child = np.flatnonzero(made.mother >= 0)
    gap = made.age_years[made.mother[child]] - made.age_years[child]
    assert gap.min() >= 12
    assert 27 < np.median(gap) < 33
    assert (made.household[child] == made.household[made.mother[child]]).all()
    assert (made.mother[made.age_years < 16] >= 0).all()
    both = np.flatnonzero(made.partner >= 0)
    assert (made.partner[made.partner[both]] == both).all()


def test_about_as_many_live_here_as_asked_for(people: People) -> None:
    here = people.persons.filter(pl.col("left_on").is_null()).height
    # About 1% a year die, which other code decides: they are still among these.
    assert 0.96 < here * (1 - 5 * 0.0096) / 8_000 < 1.04
    assert people.persons["person"].to_list() == list(range(people.persons.height))


def test_homes_follow_one_another_without_gap(people: People) -> None:
    homes = people.addresses.with_columns(
        after=pl.col("start_on").shift(-1).over("person")
    )
    inner = homes.filter(pl.col("after").is_not_null())
    assert inner["end_on"].equals(inner["after"], check_names=False)
    last = homes.filter(pl.col("after").is_null()).join(
        people.persons.select("person", "left_on"), on="person"
    )
    assert last["person"].n_unique() == people.persons.height
    assert last["end_on"].equals(last["left_on"], check_names=False, null_equal=True)


def test_the_born_live_here_from_their_first_day(people: People) -> None:
    born = people.persons.filter(
        pl.col("born_on") > people.window[0], pl.col("born_on") == pl.col("arrived_on")
    )
    first = people.addresses.group_by("person", maintain_order=True).first()
    both = born.join(first, on="person")
    assert both.height == born.height > 300
    assert both["start_on"].equals(both["born_on"], check_names=False)


def test_practice_lists_are_sound(people: People) -> None:
    lists = people.registrations.join(
        people.persons.select("person", "born_on", "left_on"), on="person"
    ).with_columns(after=pl.col("start_on").shift(-1).over("person"))
    assert (lists["start_on"] > lists["born_on"]).all()
    assert (lists["end_on"].is_null() | (lists["end_on"] > lists["start_on"])).all()
    moved = lists.filter(pl.col("after").is_not_null())
    assert moved["end_on"].equals(moved["after"], check_names=False)
    assert lists["patient_id"].is_unique().all()
    registered = lists["person"].n_unique() / people.persons.height
    assert 0.97 < registered < 0.995
    # Some who left are on the list still: that is how lists come to be inflated.
    ghosts = lists.filter(
        pl.col("left_on") < AS_OF.replace(year=2025), pl.col("end_on").is_null()
    )
    assert (
        0 < ghosts.height < 0.1 * lists.filter(pl.col("left_on").is_not_null()).height
    )


def test_minorities_live_where_the_census_says(people: People, world: World) -> None:
    share = (world.areas["white"] * world.areas["population_weight"]).sum()
    white = people.persons["ethnicity"].is_in(["A", "B", "C"]).mean()
    assert abs(white - share) < 0.05
    assert people.persons["ethnicity"].is_in(list("ABCDEFGHJKLMNPRS")).all()


def test_old_people_live_in_care_homes_and_young_ones_do_not(people: People) -> None:
    age = (pl.lit(AS_OF) - pl.col("born_on")).dt.total_days() / 365.25
    persons = people.persons.with_columns(age=age)
    assert 0.05 < persons.filter(pl.col("age") >= 85)["care_home"].mean() < 0.2
    assert not persons.filter(pl.col("age") < 60)["care_home"].any()
    homes = people.addresses.filter(pl.col("care_home_code").is_not_null())
    assert homes["line1"].str.contains("Care Home").all()


def test_opt_outs_are_as_common_as_published(people: People) -> None:
    assert 0.03 < people.persons["national_opt_out"].mean() < 0.08
    assert 0.03 < people.persons["type1_opt_out_on"].is_not_null().mean() < 0.08


def test_the_same_seed_makes_the_same_people(world: World) -> None:
    one, two = (make_people(world, 600, 5, AS_OF) for _ in range(2))
    other = make_people(world, 600, 6, AS_OF)
    assert one.persons.equals(two.persons)
    assert one.registrations.equals(two.registrations)
    assert not one.persons["nhs_number"].equals(other.persons["nhs_number"])
