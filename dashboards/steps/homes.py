"""Who of several people share a home, by numbers that mean nothing elsewhere."""

import polars as pl

# More people than this at one address are no household: a hostel, a home, an office.
MOST_AT_HOME = 8


def shared_homes(people: pl.DataFrame) -> pl.DataFrame:
    """Return those who share a home with another of them, and a number for each home.

    people: person_no, practice_code, home_key (null where the address is not known),
    one row each. Returns person_no, practice_code, home_no: 1 and up, in no order that
    tells anything of the address.
    """
    at_home = pl.len().over("home_key")
    return (
        people.filter(pl.col("home_key").is_not_null())
        .filter(at_home.is_between(2, MOST_AT_HOME))
        .select(
            "person_no",
            "practice_code",
            home_no=pl.col("home_key").rank("dense").cast(pl.Int32),
        )
        .sort("home_no", "person_no")
    )
