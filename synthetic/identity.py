"""What each source holds of a person, with the slips that real sources have.

Rates follow the kinds of error described for English hospital data (Hagger-Johnson and
others, BMJ Open 2015 and J Innov Health Inform 2017: missed links are commoner among
Asian, Black and other minority groups and in deprived areas); the figures themselves
are of the order reported there, not measured anywhere.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.chance import bits, uniform
from synthetic.people import People
from synthetic.slips import (
    other_spelling,
    slipped_dates,
    slipped_number,
    with_typing_slip,
)

DATA = Path(__file__).parent / "data"
NO_FIXED_ABODE = "ZZ99 3VZ"
PLACEHOLDER_NUMBER = "9999999999"
PLACEHOLDER_BIRTH = date(1900, 1, 1)


@dataclass(frozen=True)
class Profile:
    """How often a kind of source errs, as fractions of the people it knows."""

    number_missing: float
    number_wrong: float
    name_slip: float
    name_variant: float
    birth_slip: float
    old_address: float
    sex_wrong: float
    ethnicity_unstated: float
    capitals: bool


PROFILES = {
    "pds": Profile(0.0, 0.0, 0.003, 0.004, 0.0005, 0.03, 0.0003, 0.0, False),
    "gp": Profile(0.010, 0.0004, 0.010, 0.020, 0.001, 0.05, 0.001, 0.05, False),
    "acute": Profile(0.022, 0.0012, 0.030, 0.070, 0.006, 0.25, 0.003, 0.09, True),
    "mental_health": Profile(0.032, 0.001, 0.04, 0.07, 0.006, 0.3, 0.003, 0.08, True),
    "community": Profile(0.028, 0.001, 0.03, 0.06, 0.005, 0.2, 0.003, 0.12, True),
    "council": Profile(0.040, 0.003, 0.05, 0.08, 0.010, 0.15, 0.004, 0.10, False),
}
# How much oftener than for White British people the number is missing or names slip.
MISSING_TIMES = {
    "C": 2.0, "H": 1.2, "J": 1.4, "K": 1.4, "L": 1.4, "M": 1.4, "N": 1.8, "P": 1.6,
    "R": 1.7, "S": 1.6,
}  # fmt: skip
SLIP_TIMES = {
    "C": 1.8, "H": 1.5, "J": 1.6, "K": 1.6, "L": 1.5, "N": 1.7, "R": 1.9, "S": 1.7,
}  # fmt: skip
SWAPPED_NAMES = {"H": 0.01, "J": 0.02, "K": 0.02, "N": 0.01, "R": 0.05}
POOR_AREAS_TIMES = 1.4
BIRTH_SURNAME_HELD = 0.2
BABY_OF = 0.25
# Of single rows of a national layout, beyond what their source holds wrongly.
ROW_FAULTS = {
    "number_missing": 0.004, "number_slipped": 0.0006, "number_placeholder": 0.0004,
    "birth_placeholder": 0.0004, "birth_impossible": 0.0003, "birth_swapped": 0.001,
    "postcode_missing": 0.006, "postcode_unknown": 0.003, "sex_unknown": 0.003,
}  # fmt: skip
# Ids are affine in the person's number modulo this prime: unique, and of no meaning.
ID_PRIME = 99_999_989
SECOND_RECORDS_FROM = 50_000_000


def source_records(people: People, source: str, person_ids: np.ndarray) -> pl.DataFrame:
    """One row per person of `person_ids` (sorted, unique), as `source` knows them.

    `source` is a trust code, "mhsds" or "csds" (the same as their trust), the la_code
    of a council, "pds" or "gp" (whose local_id is not for use: patients of a practice
    have the patient_id of their registration). A person's answer does not depend on who
    else is asked for.
    Columns: person, local_id (that source's own number), person_id (the number a
    national submission gives: MHSDS Person_ID, CSDS PERSON ID), nhs_number (10 digits;
    null = not held; may be wrong), born_on (date), sex ("1", "2", "9"), postcode,
    ethnicity (16+1 letter, "Z" not stated or "99" not known), surname, forename,
    middle_name, line1.
    """
    source = people.sources.get(source, source)
    kind = people.source_kinds[source]
    held = _Held(people, source, PROFILES[kind], np.asarray(person_ids))
    return held.frame()


def local_ids(source: str, person: np.ndarray, seed: int) -> pl.Series:
    """The number by which a source knows each person: a letter and eight digits."""
    letter = "ABCDEFGHJKLMNPRSTUVWXYZ"[int(bits(np.zeros(1), seed, source)[0] % 23)]
    return _numbered(letter, person, seed, source, "local")


def _numbered(
    letter: str, person: np.ndarray, seed: int, source: str, what: str
) -> pl.Series:
    by, plus = bits(np.arange(2), seed, source, what) % np.uint64(ID_PRIME - 1)
    number = (person.astype(np.int64) * int(by + 1) + int(plus)) % ID_PRIME
    return letter + pl.Series(number).cast(pl.String).str.zfill(8)


class _Held:
    """What one source holds of the people asked for."""

    def __init__(
        self, people: People, source: str, profile: Profile, person: np.ndarray
    ) -> None:
        self.people, self.source, self.profile = people, source, profile
        self.who = person
        self.persons = people.persons[person]
        self.ethnicity = self.persons["ethnicity"].to_numpy().astype("U1")

    def chance(self, what: str) -> np.ndarray:
        return uniform(self.who, self.people.seed, self.source, what)

    def happens(self, what: str, rate: float | np.ndarray) -> pl.Series:
        return pl.Series(what, self.chance(what) < rate)

    def times(self, table: dict[str, float], otherwise: float) -> np.ndarray:
        letters = np.array(list(table))
        order = np.argsort(letters)
        at = np.searchsorted(letters[order], self.ethnicity).clip(0, len(letters) - 1)
        found = letters[order][at] == self.ethnicity
        return np.where(found, np.array(list(table.values()))[order][at], otherwise)

    def frame(self) -> pl.DataFrame:
        seed = self.people.seed
        return (
            pl.DataFrame(
                {
                    "person": self.persons["person"],
                    "local_id": local_ids(self.source, self.who, seed),
                    "person_id": _numbered(
                        "P", self.who, seed, self.source, "national"
                    ),
                    "nhs_number": self._number(),
                    "born_on": self._born_on(),
                    "sex": self._sex(),
                    "ethnicity": self._ethnicity(),
                }
            )
            .hstack(self._names())
            .hstack(self._address())
        )

    def _number(self) -> pl.Series:
        poor = self.persons["imd_decile"].to_numpy() <= 2
        rate = self.profile.number_missing * np.where(poor, POOR_AREAS_TIMES, 1.0)
        missing = self.happens("number missing", rate * self.times(MISSING_TIMES, 1.0))
        own = self.persons["nhs_number"]
        # Half of the wrong numbers are a relative's, half a digit slip (which fails the
        # Modulus 11 check); alone in a household there is only the slip.
        kin = self.people.persons["nhs_number"].gather(self.persons["kin"])
        wrong = self.happens("number wrong", self.profile.number_wrong)
        by_kin = self.happens("number of kin", 0.5) & (kin != own)
        at = 2 + (self.chance("number digit") * 7).astype(int)
        placeholder = self.happens("number placeholder", 0.0004 * (rate > 0))
        return (
            pl.DataFrame({"own": own, "kin": kin})
            .select(
                pl.when(missing)
                .then(None)
                .when(placeholder)
                .then(pl.lit(PLACEHOLDER_NUMBER))
                .when(wrong & by_kin)
                .then("kin")
                .when(wrong)
                .then(slipped_number(pl.col("own"), pl.Series(at)))
                .otherwise("own")
                .alias("nhs_number")
            )
            .to_series()
        )

    def _born_on(self) -> pl.Series:
        rate = self.profile.birth_slip * self.times(SLIP_TIMES, 1.0)
        born = slipped_dates(
            self.persons["born_on"],
            self.chance("birth slip") < rate,
            self.chance("birth slip kind"),
            self.chance("birth slip how"),
        )
        unknown = self.happens("birth unknown", self.profile.birth_slip / 10)
        return born.set(unknown, PLACEHOLDER_BIRTH)

    def _sex(self) -> pl.Series:
        female = self.persons["sex"].to_numpy() == "F"
        female ^= self.chance("sex wrong") < self.profile.sex_wrong
        unknown = self.chance("sex unknown") < self.profile.sex_wrong
        return pl.Series(np.where(unknown, "9", np.where(female, "2", "1")))

    def _ethnicity(self) -> pl.Series:
        u, unstated = self.chance("ethnicity"), self.profile.ethnicity_unstated
        other = np.array(list("ACGLPS"))[(self.chance("other group") * 6).astype(int)]
        known = np.where(u > 1 - 0.2 * unstated, other, self.ethnicity)
        held = np.where(u < unstated, "Z", known).astype("U2")
        return pl.Series(np.where(u < 0.25 * unstated, "99", held))

    def _names(self) -> pl.DataFrame:
        profile = self.profile
        slip = profile.name_slip * self.times(SLIP_TIMES, 1.0)
        kept = self.happens("birth surname", BIRTH_SURNAME_HELD * (slip > 0.02))
        swapped = self.happens("names swapped", self.times(SWAPPED_NAMES, 0.001))
        baby = self.happens("baby of", BABY_OF * (profile.capitals))
        window_end = self.people.window[1]
        names = self.persons.select(
            forename=other_spelling(
                pl.col("forename"),
                self.happens("forename variant", profile.name_variant),
                pl.Series(self.chance("forename variant which")),
            ),
            surname=other_spelling(
                pl.when(kept).then("birth_surname").otherwise("surname"),
                self.happens("surname variant", profile.name_variant * 0.6),
                pl.Series(self.chance("surname variant which")),
            ),
            middle_name=pl.when(self.happens("middle name held", 0.5))
            .then("middle_name")
            .otherwise(pl.lit("")),
            newborn=(pl.lit(window_end) - pl.col("born_on")).dt.total_days() < 200,
        ).with_columns(
            pl.when(pl.col("newborn") & baby)
            .then(pl.lit("Baby Of"))
            .otherwise("forename")
            .alias("forename")
        )
        for name in ("forename", "surname"):
            names = names.with_columns(
                with_typing_slip(
                    pl.col(name),
                    self.happens(f"{name} slip", slip * 0.6),
                    pl.Series(self.chance(f"{name} slip kind")),
                    pl.Series(self.chance(f"{name} slip where")),
                )
            )
        names = names.select(
            surname=pl.when(swapped).then("forename").otherwise("surname"),
            forename=pl.when(swapped).then("surname").otherwise("forename"),
            middle_name="middle_name",
        )
        return names.select(pl.all().str.to_uppercase()) if profile.capitals else names

    def _address(self) -> pl.DataFrame:
        """The last home here, or for some who moved the first one still."""
        wanted = pl.DataFrame({"person": self.who.astype(np.int32)})
        homes = (
            wanted.join(self.people.addresses, on="person", maintain_order="left_right")
            .group_by("person", maintain_order=True)
            .agg(
                pl.col("postcode", "line1").last(),
                pl.col("postcode", "line1").first().name.prefix("first_"),
            )
        )
        old = self.happens("old address", self.profile.old_address)
        none = self.happens("no address", self.profile.sex_wrong)
        nowhere = self.happens("no fixed abode", self.profile.sex_wrong / 2)
        return wanted.join(
            homes, on="person", how="left", maintain_order="left"
        ).select(
            postcode=pl.when(nowhere)
            .then(pl.lit(NO_FIXED_ABODE))
            .when(~none)
            .then(pl.when(old).then("first_postcode").otherwise("postcode")),
            line1=pl.when(~none & ~nowhere).then(
                pl.when(old).then("first_line1").otherwise("line1")
            ),
        )


def row_faults(
    frame: pl.DataFrame, rng: np.random.Generator, columns: dict[str, str]
) -> pl.DataFrame:
    """Slips of single rows of a national layout, on top of what the source holds.

    `columns` names the frame's text columns that are {"nhs_number": ..., "born_on":
    ..., "postcode": ..., "sex": ...} (any may be left out). Every column named must be
    text: a slipped birth date may not exist in any calendar.
    """

    def happens(fault: str) -> pl.Series:
        return pl.Series(rng.random(frame.height) < ROW_FAULTS[fault])

    changed = {}
    if name := columns.get("nhs_number"):
        at = pl.Series(rng.integers(2, 9, frame.height))
        changed[name] = (
            pl.when(happens("number_missing"))
            .then(None)
            .when(happens("number_placeholder"))
            .then(pl.lit(PLACEHOLDER_NUMBER))
            .when(happens("number_slipped"))
            .then(slipped_number(pl.col(name), at))
            .otherwise(name)
        )
    if name := columns.get("born_on"):
        year, month, day = (
            pl.col(name).str.slice(*x) for x in ((0, 4), (5, 2), (8, 2))
        )
        changed[name] = (
            pl.when(happens("birth_placeholder"))
            .then(pl.lit(PLACEHOLDER_BIRTH.isoformat()))
            .when(happens("birth_impossible"))
            .then(pl.concat_str(year, pl.lit("-02-30")))
            .when(happens("birth_swapped"))
            .then(pl.concat_str(year, day, month, separator="-"))
            .otherwise(name)
        )
    if name := columns.get("postcode"):
        changed[name] = (
            pl.when(happens("postcode_missing"))
            .then(None)
            .when(happens("postcode_unknown"))
            .then(pl.lit(NO_FIXED_ABODE))
            .otherwise(name)
        )
    if name := columns.get("sex"):
        changed[name] = (
            pl.when(happens("sex_unknown")).then(pl.lit("9")).otherwise(name)
        )
    return frame.with_columns(**changed)


def second_records(people: People, source: str, person_ids: np.ndarray) -> pl.DataFrame:
    """Another record of the same people at one source, as `source_records` gives them.

    Made by mistake on an earlier visit: another local_id, slips of its own, often the
    old address, and half of them without an NHS number.
    """
    profile = replace(
        PROFILES[people.source_kinds[source]],
        number_missing=0.5,
        old_address=0.7,
        name_variant=0.15,
        name_slip=0.08,
    )
    again = f"{source} again"
    held = _Held(people, again, profile, np.asarray(person_ids)).frame()
    local = local_ids(source, person_ids + SECOND_RECORDS_FROM, people.seed)
    return held.with_columns(local_id=local)


def cld_ethnicity(letter: pl.Expr) -> pl.Expr:
    """Ethnicity as client-level data (release 2) write it, for each NHS 16+1 code."""
    return letter.replace_strict(_cld_ethnicities())


@cache
def _cld_ethnicities() -> dict[str, str]:
    table = pl.read_csv(DATA / "cld_ethnicity.csv", infer_schema=False)
    return dict(table.iter_rows())
