"""Links by identifier tier and feed, where an invented ICS lands in its own layouts.

The road is the product's: files of twenty-odd layouts in the landing folder, the
vault's index asked and extended feed by feed. The truth names the records of sources
that have an identifier of their own, and of the registered list.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config.runner.demo import data_stages, demo_folder, schema_stages
from config.runner.demo_notes import Wish
from config.runner.session import Session
from config.runner.stages import Screen, Stage, run_stage

PEOPLE = 20_000
MEASURES = ("f1", "precision", "recall")


def layouts(scale: float) -> Iterator[Figure]:
    """Land an ICS of 20,000 × scale people in a folder of its own; compare links."""
    people = max(500, int(PEOPLE * scale))
    with home() as folder:
        session = Session(folder)
        assert session.servers is not None
        # Figures go to standard output, so what is being done goes beside it.
        screen = Screen(Console(stderr=True, highlight=False))
        session.servers.start()
        try:
            land(session, screen, people)
            found = compared(session, screen, "feed"), compared(session, screen, "tier")
            waiting, records = reviewed(session.servers.role_url("vault"))
        finally:
            session.servers.stop()
    yield from by_feed_and_tier(*found)
    yield Figure(
        "linkage.ics.review_share",
        round(waiting / records, 6),
        "share of records",
        {"pairs": waiting, "records": records, "people": people},
    )


def land(session: Session, screen: Screen, people: int) -> None:
    """The demonstration's stages, as far as the last feed's landing."""
    for stage in schema_stages():
        run_stage(session, stage, screen)
    for stage in data_stages(session.home, Wish(people)):
        run_stage(session, stage, screen)
        if stage.name == "landing":
            return


def compared(session: Session, screen: Screen, by: str) -> list[dict[str, Any]]:
    """What `evaluate_linkage` says of each feed or tier, and of all."""
    truth: Path = demo_folder(session.home) / "truth"
    asked = ["manage.py", "evaluate_linkage", str(truth), "--json", "--by", by]
    return run_stage(
        session, Stage(f"links-{by}", f"Links by {by}", "vault", asked), screen
    ).said


def by_feed_and_tier(
    feeds: list[dict[str, Any]], tiers: list[dict[str, Any]]
) -> Iterator[Figure]:
    """Figures of each tier, then of each feed; what has no pairs has none."""
    for tier in tiers:
        whole = "ics" if tier["tier"] == "all" else f"tier.{tier['tier']}"
        yield from _measures(whole, tier)
    for feed in feeds:
        if feed["feed"] != "all":
            yield from _measures(f"feed.{feed['feed']}", feed)


def _measures(name: str, row: dict[str, Any]) -> Iterator[Figure]:
    for measure in MEASURES:
        if row[measure] is not None:
            yield Figure(
                f"linkage.{name}.{measure}",
                round(row[measure], 6),
                "share",
                {"records": row["records"], "pairs": row["pairs_true"]},
            )


def reviewed(url: str) -> tuple[int, int]:
    """Pairs that wait for a reader, and all source records."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM review_pair),"
            " (SELECT count(*) FROM source_record)"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
