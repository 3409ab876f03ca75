"""Cohorts over 1.5 million people: counts, who they are, beside SQL, and over HTTP.

Scale 1 is 1,500,000 people, made directly as a release's bitmaps and columns. Two
hundred random cohorts of five terms are counted by the engine and, in the same run,
as SQL over a table of the same people, as wide as a profile, with an index on every
column asked, statistics fresh and no row security; both must find the same number of
people. Each has answered two hundred other questions before, and is asked each of
these once. Pages are timed from request to drawn answer: an analyst's, exact, and
those of a place's lead, protected, beside a ledger of some hundreds of earlier answers.
Both leave out who opted out; so does a second engine, whose memory is told beside.
"""

import json
import re
import secrets
import subprocess
import time
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any
from urllib.parse import urljoin

import httpx
import psycopg

from benchmarks.cohort_parts.questions import questions
from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config import assets
from config.runner import services
from config.runner.manage import migrate_arguments
from config.runner.session import Session

PEOPLE = 1_500_000
COHORTS = 200
PAGES = 100
WARM_PAGES = 96
EARLIER = 300
SEED = 2026
QUIET = ("--verbosity", "0")
ANALYST, LEAD = "bench-analyst", "bench-lead"
COUNT = "SELECT count(*) FROM staging.bench_profile WHERE {}"


def run(scale: float) -> Iterable[Figure]:
    """Measure at 1,500,000 × scale people, in a folder of its own."""
    people = max(20_000, int(PEOPLE * scale))
    password = secrets.token_urlsafe(16)
    assets.build(say=lambda words: None)
    with home() as folder, Session(folder) as session:
        assert session.servers is not None
        for database in ("default", "vault"):
            if session.run("migrator", [*migrate_arguments(database), *QUIET]):
                raise RuntimeError("the databases could not be made")
        fill = ["-m", "benchmarks.cohort_parts.fill", str(people), password]
        if session.run("worker", fill):
            raise RuntimeError("the release could not be made")
        engine = asked_of(session, "engine", time.time(), COHORTS, SEED)
        without = asked_of(session, "engine", time.time(), COHORTS, SEED, "without")
        sql, sizes = measured_sql(session.servers.role_url("worker"))
        if sizes != engine["sizes"]:
            raise RuntimeError("the engine and SQL count different people")
        free = asked_of(session, "addresses", COHORTS, SEED)
        plain = asked_of(session, "addresses", COHORTS, SEED, "protected")
        kept = asked_of(session, "ledger", EARLIER, SEED + 2)
        asked = {ANALYST: free, LEAD: plain}
        pages = measured_pages(session, asked, password)
    yield Figure("cohort.people", people, "people")
    yield from figures(engine, without, sql)
    yield page_figure(pages, kept)


def figures(
    engine: dict[str, Any], without: dict[str, Any], sql: Sequence[float]
) -> Iterable[Figure]:
    """Name what was measured, with the limits of the issue beside."""
    seconds = engine["seconds"]
    for name, key, limit in (
        ("p95_ms", "cohort", 5),
        ("characterise_p95_ms", "characterise", 50),
        ("crosstab_p95_ms", "crosstab", 30),
    ):
        beside: dict[str, float | int | str] = {
            "limit": limit,
            "median_ms": round(1000 * quantile(seconds[key], 0.5), 3),
        }
        if key == "characterise":
            beside |= {"tables": engine["tables"], "cells": engine["cells"]}
        value = round(1000 * quantile(seconds[key], 0.95), 3)
        yield Figure(f"cohort.{name}", value, "ms", beside)
    yield Figure(
        "cohort.sql_ratio",
        round(sum(sql) / sum(seconds["cohort"]), 1),
        "x",
        {
            "limit": 30,
            "sql_p95_ms": round(1000 * quantile(sql, 0.95), 1),
            "sql_median_ms": round(1000 * quantile(sql, 0.5), 1),
            "median_ratio": round(
                quantile(sql, 0.5) / quantile(seconds["cohort"], 0.5), 1
            ),
            "same_counts": len(sql),
        },
    )
    yield Figure(
        "cohort.rss_mb",
        round(engine["rss_mb"]),
        "MiB",
        {
            "limit": 300,
            "before_any_release": round(engine["before_mb"]),
            "with_opt_outs": round(without["rss_mb"]),
        },
    )
    yield Figure(
        "cohort.cold_s",
        round(engine["cold_s"], 2),
        "s",
        {
            "limit": 2,
            "of_which_starting": round(engine["started_s"], 2),
            "with_opt_outs": round(without["cold_s"], 2),
        },
    )


def page_figure(pages: dict[str, list[float]], kept: int) -> Figure:
    """Name the pages' seconds: of the two kinds, the slower is the figure."""
    beside: dict[str, float | int | str] = {"limit": 300}
    for kind, name in (("workspace", ANALYST), ("protected", LEAD)):
        for share, words in ((0.95, "p95"), (0.5, "median")):
            beside[f"{kind}_{words}_ms"] = round(1000 * quantile(pages[name], share), 1)
    beside["sets_shown_before"] = kept
    slower = max(1000 * quantile(each, 0.95) for each in pages.values())
    return Figure("cohort.page_p95_ms", round(slower, 1), "ms", beside)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def asked_of(session: Session, part: str, *words: object) -> Any:
    """Run a part in a fresh process of the web's; returns the JSON it prints."""
    arguments = ["-m", f"benchmarks.cohort_parts.{part}", *map(str, words)]
    child = session.popen("web", arguments, stdout=subprocess.PIPE)
    text, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{part} failed")
    return json.loads(text)


def measured_sql(url: str) -> tuple[list[float], list[int]]:
    """Count the same cohorts as SQL; returns the seconds and the people of each."""
    seconds, sizes = [], []
    with psycopg.connect(url, autocommit=True) as connection:
        # As the engine before: other questions have read what these need.
        for each in questions(COHORTS, SEED + 1):
            connection.execute(COUNT.format(each.sql))
        for each in questions(COHORTS, SEED):
            began = time.perf_counter()
            row = connection.execute(COUNT.format(each.sql)).fetchone()
            seconds.append(time.perf_counter() - began)
            assert row is not None
            sizes.append(int(row[0]))
    return seconds, sizes


def measured_pages(
    session: Session, asked: dict[str, list[str]], password: str
) -> dict[str, list[float]]:
    """Time whole pages of cohorts, counted, characterised and drawn, over HTTP."""
    found = {}
    port = next(p for p in range(18_400, 18_500) if services.port_is_free(p))
    root = f"http://127.0.0.1:{port}"
    with services.Running(session, services.web(port), logs=True) as running:
        if not services.wait_for_port(port, running):
            raise RuntimeError("the web did not start")
        for name, addresses in asked.items():
            with httpx.Client(base_url=root, timeout=60) as client:
                sign_in(client, name, password)
                # Both processes meet every number before any page is timed.
                for address in addresses[PAGES : PAGES + WARM_PAGES]:
                    fetched(client, urljoin(root, address))
                found[name] = [
                    fetched(client, urljoin(root, each)) for each in addresses[:PAGES]
                ]
    return found


def sign_in(client: httpx.Client, name: str, password: str) -> None:
    """Sign in as one of the two."""
    page = client.get("/sign-in/")
    token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token}
    answer = client.post("/sign-in/", data=form)
    if answer.status_code != 302:
        raise RuntimeError(f"{name} could not sign in")


def fetched(client: httpx.Client, address: str) -> float:
    """Fetch one page; returns its seconds. It must hold the count and the figures."""
    began = time.perf_counter()
    page = client.get(address)
    seconds = time.perf_counter() - began
    if page.status_code != 200 or "app-answer__count" not in page.text:
        said = re.sub(r"<[^>]*>|\s+", " ", page.text.partition("<main")[2])
        raise RuntimeError(f"no cohort page: {page.status_code} {said[:500]}")
    return seconds
