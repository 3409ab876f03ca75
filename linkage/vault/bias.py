"""The nightly check of the links, on real records: hide a number, link anew, compare.

A record whose NHS number agreed with its person is evidence of whom it speaks of. It
is linked once more without its number and without its source's own id, against what
is known of people without that record. Who is missed, and who is given to somebody
else, is counted by feed, ethnicity, deprivation and age.
"""

import base64
from collections.abc import Iterable
from datetime import date

import polars as pl
from adbc_driver_postgresql import dbapi
from pyroaring import BitMap

from governance.geography import resident_hierarchy
from linkage import bulk
from linkage.definitions import FEEDS
from linkage.models import LinkageAudit
from linkage.steps.check_links import (
    NOT_KNOWN,
    STRATA,
    age_band,
    choose,
    numbered,
    outcomes,
)
from linkage.steps.ethnicity_pairs import ethnicity_pairs
from linkage.steps.link import IDENTITY_SCHEMA, for_comparison, link
from linkage.vault import identities, index
from linkage.vocabulary import ACTIVITY_KINDS, ETHNICITIES, SETTINGS

ONE_IN = 100
BEYOND = 2**30  # numbers of people that linking would make; nobody has one
MASKED = ("names", "national")


def check_links(*, as_of: date) -> LinkageAudit:
    """Check the links as they are now and keep what was found; returns it."""
    with index.reading() as connection:
        described = _described(_linked(connection), as_of)
        verified = described.filter("number_agreed", pl.col("records") > 1)
        tried = choose(
            verified.drop("number_agreed", "records"),
            one_in=ONE_IN,
            seed=as_of.isoformat(),
        )
        judged = outcomes(tried, _again(connection, tried))
        reached = index.newest_version(connection)
        agreement = _agreement(connection)
    return LinkageAudit.objects.create(
        as_of=as_of,
        index_version=reached,
        tried=judged.height,
        cells=_cells(judged),
        sequences=_implausible(),
        unlinked=_unlinked(),
        agreement=agreement,
        numbered=numbered(described),
    )


def _linked(connection: dbapi.Connection) -> pl.DataFrame:
    """Records that may bear a number and now have a person: subject_key, person_no,
    feed, whether their number agreed, and how many records their person has.

    A number can be hidden where it agreed and another record is left to find.
    """
    feeds = [str(s.number) for s in FEEDS.values() if s.tier in MASKED]
    names = {spec.number: name for name, spec in FEEDS.items()}
    found = bulk.fetch(
        connection,
        "SELECT * FROM (SELECT s.subject_key, l.person_no, s.feed_no, s.number_agreed,"
        " count(*) OVER (PARTITION BY l.person_no) AS records FROM source_record s"
        f" JOIN {identities.CURRENT}) r WHERE feed_no IN ({', '.join(feeds)})",
    )
    return found.select(
        pl.col("subject_key").cast(pl.Int64),
        pl.col("person_no").cast(pl.Int32),
        "number_agreed",
        "records",
        feed=pl.col("feed_no").replace_strict(names, return_dtype=pl.String),
    )


def _described(records: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Add the strata: what the store knows of each person."""
    with bulk.connect("default") as connection:
        people = bulk.fetch(
            connection,
            "SELECT person_no, ethnicity, lsoa_code, birth_month FROM person",
        )
    areas = resident_hierarchy(as_of).select("lsoa_code", "imd_fifth")
    groups = {code: group for code, (_, group) in ETHNICITIES.items()}
    years = (pl.lit(as_of) - pl.col("birth_month")).dt.total_days() // 365.25
    people = people.join(areas, on="lsoa_code", how="left").select(
        pl.col("person_no").cast(pl.Int32),
        ethnicity_group=pl.col("ethnicity").replace_strict(
            groups, default=NOT_KNOWN, return_dtype=pl.String
        ),
        imd_fifth=pl.col("imd_fifth").cast(pl.String).fill_null(NOT_KNOWN),
        age_band=age_band(years),
    )
    return records.join(people, on="person_no")


def _again(connection: dbapi.Connection, tried: pl.DataFrame) -> pl.DataFrame:
    """Link records without number and local id; returns those that found somebody."""
    bulk.copy(connection, tried.select("subject_key"), "tried", temporary=True)
    some = "s.subject_key IN (SELECT subject_key FROM pg_temp.tried)"
    hidden = identities.read_records(connection, some).with_columns(
        nhs_number=pl.lit(None, dtype=pl.String),
        local_person_no=pl.lit(None, dtype=pl.Int32),
    )
    search = identities.search_version(connection)
    none = pl.DataFrame(schema={"subject_key": pl.Int64, "person_no": pl.Int32})
    decided = [none]
    for feed in tried["feed"].unique().sort():
        spec = FEEDS[feed]
        records = hidden.filter(feed_no=spec.number).drop("person_no", "rule")
        close = identities.candidates(connection, records, spec, search)
        known = _known_without(connection, close["person_no"])
        found = link(records, known, spec.tier, BEYOND).decisions
        decided.append(found.filter(pl.col("person_no") < BEYOND).select(none.columns))
    return pl.concat(decided)


def _known_without(connection: dbapi.Connection, people: pl.Series) -> pl.DataFrame:
    """Identities of people as all their records but those tried state them."""
    asked = people.unique().alias("person_no").to_frame()
    bulk.copy(connection, asked, "close_people", temporary=True)
    others = identities.read_records(
        connection,
        "l.person_no IN (SELECT person_no FROM pg_temp.close_people)"
        " AND s.subject_key NOT IN (SELECT subject_key FROM pg_temp.tried)",
    )
    told = for_comparison(others).with_columns(
        nhs_number=pl.when("number_agreed").then("nhs_number")
    )
    return told.select(list(IDENTITY_SCHEMA)).cast(IDENTITY_SCHEMA).unique()


def _cells(judged: pl.DataFrame) -> list[dict[str, str]]:
    cells = []
    for key, people in judged.group_by(STRATA, maintain_order=True):
        cell = dict(zip(STRATA, map(str, key), strict=True))
        cell["tried"] = packed(people["person_no"])
        for outcome in ("right", "wrong"):
            cell[outcome] = packed(people.filter(outcome=outcome)["person_no"])
        cells.append(cell)
    return cells


def _agreement(connection: dbapi.Connection) -> list[dict[str, str]]:
    """Of each pair of feeds, the people of whom both state an ethnic category, and of
    whom the same; each feed's latest statement counts."""
    names = {spec.number: name for name, spec in FEEDS.items()}
    said = bulk.fetch(
        connection,
        "SELECT DISTINCT ON (l.person_no, s.feed_no) l.person_no, s.feed_no,"
        f" s.ethnicity FROM source_record s JOIN {identities.CURRENT}"
        " WHERE NOT s.withdrawn"
        " AND s.ethnicity IS NOT NULL AND s.ethnicity <> 'Z' ORDER BY l.person_no,"
        " s.feed_no, s.seen_on DESC NULLS LAST, s.subject_key",
    ).select(
        "person_no",
        "ethnicity",
        feed=pl.col("feed_no").replace_strict(names, return_dtype=pl.String),
    )
    pairs = ethnicity_pairs(said).sort("one", "other")
    return [
        {
            "one": str(one),
            "other": str(other),
            "both": packed(people["person_no"]),
            "same": packed(people.filter("same")["person_no"]),
            "same_group": packed(people.filter("same_group")["person_no"]),
        }
        for (one, other), people in pairs.group_by("one", "other", maintain_order=True)
    ]


def packed(people: Iterable[int]) -> str:
    """A set of people as text (a serialised roaring bitmap in base64)."""
    return base64.b64encode(BitMap(people).serialize()).decode()


def _implausible() -> list[dict[str, object]]:
    """Sequences that cannot be, whose likeliest cause is a wrong link, by feed."""
    seen = ", ".join(str(SETTINGS[s]) for s in ("outpatient", "emergency", "admitted"))
    after_death = (
        "SELECT a.feed_no, a.person_no FROM activity a JOIN person p USING (person_no)"
        f" WHERE a.start_on > p.died_on + 1 AND a.setting IN ({seen})"
    )
    overlapping = (
        "SELECT feed_no, person_no FROM (SELECT feed_no, person_no, start_on,"
        " max(end_on) OVER (PARTITION BY person_no ORDER BY start_on, end_on"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until FROM activity"
        f" WHERE setting = {SETTINGS['admitted']} AND kind = {ACTIVITY_KINDS['spell']})"
        " spells WHERE start_on < until - 1"
    )
    names = {spec.number: name for name, spec in FEEDS.items()}
    rows: list[dict[str, object]] = []
    with bulk.connect("default") as connection:
        for kind, query in (
            ("activity_after_death", after_death),
            ("overlapping_admissions", overlapping),
        ):
            found = bulk.fetch(connection, query)
            for (feed_no,), some in found.group_by("feed_no", maintain_order=True):
                rows.append(
                    {
                        "kind": kind,
                        "feed": names[feed_no],
                        "rows": some.height,
                        "people": packed(some["person_no"]),
                    }
                )
    return sorted(rows, key=lambda row: (str(row["kind"]), str(row["feed"])))


def _unlinked() -> list[dict[str, object]]:
    """Rows of each feed that found nobody, of the rows that came; replays left out."""
    with bulk.connect("default") as connection:
        found = bulk.fetch(
            connection,
            "SELECT f.feed, sum(f.rows_in)::bigint AS rows_in,"
            " sum(coalesce(r.unlinked, 0))::bigint AS unlinked FROM feed_run f"
            " LEFT JOIN (SELECT run_id, count(*) AS unlinked FROM rejected_row"
            "  WHERE rule IN ('unlinked', 'subject_unknown', 'token_unknown')"
            "  AND replayed_in_id IS NULL GROUP BY run_id) r ON r.run_id = f.id"
            " WHERE f.state = 'published' AND NOT f.detail ? 'replay_of'"
            " GROUP BY f.feed ORDER BY f.feed",
        )
    return found.to_dicts()
