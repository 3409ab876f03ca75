"""Linkage: how right, how even between groups, how fast, beside three other ways.

Invented records with known truth, of seven feeds, on seeds that no model was trained
on: `base` with NHS numbers missing as often as in ordinary feeds, `hard` four times as
often; then the feeds of an invented ICS in their own layouts, by identifier tier and
feed. Scale 1 is 100,000 people for quality, a million records for speed, an ICS of
20,000 people.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean

import polars as pl

from benchmarks.figures import Figure
from benchmarks.linkage_parts.layouts import layouts
from benchmarks.peers.index_in_memory import IndexInMemory
from benchmarks.peers.linking import by_number, mps_like
from config.runner.session import ROOT
from linkage.record_files import read_records, read_truth
from linkage.steps.link import DECISION, MERGE, REVIEW, Linked
from linkage.steps.linking.batch import link_all
from linkage.steps.linking.measure import Quality, measure
from linkage.steps.linking.model import model_in_use

PEOPLE = 100_000
MILLION = 430_000  # people, who have a million records
SEEDS = (2101, 2102, 2103)
CASES = {"base": 1.0, "hard": 4.0}
DAYS = 5  # of thirty, linked one by one onto the others


def run(scale: float) -> Iterable[Figure]:
    """Make records, link them, and compare with the truth."""
    tool = generator()
    if tool is None:
        raise SystemExit(
            "tools/linkage/gen_people.py was not found: set SAMPLE_DATA to the folder"
            " of sample data."
        )
    people = max(1_000, int(PEOPLE * scale))
    with tempfile.TemporaryDirectory(prefix="catchment-bench-") as folder:
        reviewed, records = 0, 0
        for case, missing in CASES.items():
            made = []
            for seed in SEEDS:
                where = make(
                    tool, Path(folder) / f"{case}{seed}", people, seed, missing
                )
                made.append(Case(where, peers=seed == SEEDS[0]))
            yield from quality(case, made)
            if case == "hard":
                reviewed = sum(each.reviewed for each in made)
                records = sum(each.records.height for each in made)
        yield Figure(
            "linkage.review_share",
            round(reviewed / records, 6),
            "share of records",
            {"clusters": reviewed, "records": records, "must": 0.0015},
        )
        where = make(
            tool, Path(folder) / "million", max(2_000, int(MILLION * scale)), 2104, 1.0
        )
        yield from million(where)
        yield from daily(where)
    yield from layouts(scale)


def generator() -> Path | None:
    """The generator of people in the folder of sample data, if that is there."""
    shared = Path(os.environ.get("SAMPLE_DATA", ROOT.parent / "shared"))
    tool = shared / "tools" / "linkage" / "gen_people.py"
    return tool if tool.is_file() else None


def make(tool: Path, folder: Path, people: int, seed: int, missing: float) -> Path:
    """Run the generator; returns the folder of records.parquet and truth.parquet."""
    words = ["--persons", people, "--seed", seed, "--nhs-scale", missing]
    subprocess.run(
        [sys.executable, tool, *map(str, words), "--out", folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


class Case:
    """One set of records, linked by the product and, if asked, by its peers."""

    def __init__(self, folder: Path, *, peers: bool) -> None:
        self.records = read_records(folder / "records.parquet", {})
        self.truth = read_truth(folder / "truth.parquet")
        found = link_all(self.records, model_in_use("names"))
        self.reviewed = found.review.height
        self.ours = self._measured(found.links)
        self.peers = {"mps_like": self._measured(mps_like(self.records))}
        if peers:
            # Imported late: it loads Splink's charts, which nothing else needs.
            from benchmarks.peers.splink_on_all import splink_on_all

            self.peers["nhs_number"] = self._measured(by_number(self.records))
            self.peers["splink_on_all"] = self._measured(splink_on_all(self.records))

    def _measured(self, clusters: pl.DataFrame) -> Quality:
        return measure(
            clusters.select("record_id", "cluster_id"), self.truth, self.records
        )


def quality(case: str, made: list[Case]) -> Iterator[Figure]:
    """The mean over the seeds; beside it the worst seed, and the peers."""
    for name in ("f1", "precision", "recall", "recall_gap", "twin_precision"):
        values = [getattr(each.ours, name) for each in made]
        worst = max(values) if name == "recall_gap" else min(values)
        beside = {"worst": round(worst, 6)} | {
            peer: round(
                mean(getattr(e.peers[peer], name) for e in made if peer in e.peers), 6
            )
            for peer in made[0].peers
        }
        yield Figure(f"linkage.{case}.{name}", round(mean(values), 6), "share", beside)
    missed = [each.ours.missed_pairs for each in made]
    theirs = [each.peers["mps_like"].missed_pairs for each in made]
    yield Figure(
        f"linkage.{case}.missed_vs_mps",
        round(sum(missed) / sum(theirs) - 1, 4),
        "change in missed pairs",
        {"missed": sum(missed), "mps_like": sum(theirs)},
    )
    yield Figure(
        f"linkage.{case}.breaches",
        sum(each.ours.breaches for each in made),
        "clusters with two valid numbers",
        {peer: made[0].peers[peer].breaches for peer in made[0].peers},
    )


def million(folder: Path) -> Iterator[Figure]:
    """`./run link` on the whole file, as a process of its own."""
    began = time.monotonic()
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "config.runner",
            "link",
            folder / "records.parquet",
            "--out",
            folder / "links.parquet",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit("./run link failed on a million records.")
    links = pl.read_parquet(folder / "links.parquet")
    records = read_records(folder / "records.parquet", {})
    truth = read_truth(folder / "truth.parquet")
    found = measure(links.select("record_id", "cluster_id"), truth, records)
    began = time.monotonic()
    peer = mps_like(records)
    beside = {
        "records": records.height,
        "mps_like_s": round(time.monotonic() - began, 1),
    }
    yield Figure("linkage.million.seconds", round(seconds, 2), "s", beside)
    yield Figure("linkage.million.peak_mb", round(used.ru_maxrss / 1024), "MiB")
    yield Figure(
        "linkage.million.f1",
        round(found.f1, 6),
        "share",
        {"mps_like": round(measure(peer, truth, records).f1, 6)},
    )


def daily(folder: Path) -> Iterator[Figure]:
    """The last days one by one onto an index of the days before, against one batch."""
    records = read_records(folder / "records.parquet", {}).with_columns(
        subject_key=pl.col("record_id").cast(pl.Int64)
    )
    arrived = pl.read_parquet(folder / "records.parquet")["arrival_day"]
    last = int(arrived.max() or 0)
    before = records.filter(arrived <= last - DAYS)
    index = IndexInMemory()
    index.add(before, as_linked(before))
    seconds, sizes = [], []
    for day in range(last - DAYS + 1, last + 1):
        today = records.filter(arrived == day)
        began = time.monotonic()
        index.add(today, index.link(today))
        seconds.append(time.monotonic() - began)
        sizes.append(today.height)
    truth = read_truth(folder / "truth.parquet")
    clusters = index.links.rename(
        {"subject_key": "record_id", "person_no": "cluster_id"}
    )
    alone = records.select("record_id").join(clusters, on="record_id", how="left")
    alone = alone.with_columns(
        pl.col("cluster_id").fill_null(-1 - pl.int_range(pl.len()))
    )
    incremental = measure(alone, truth, records)
    whole = measure(
        pl.read_parquet(folder / "links.parquet").select("record_id", "cluster_id"),
        truth,
        records,
    )
    yield Figure(
        "linkage.daily.seconds",
        round(mean(seconds), 2),
        "s",
        {"worst": round(max(seconds), 2), "records_a_day": round(mean(sizes))},
    )
    yield Figure(
        "linkage.daily.f1_difference",
        round(abs(whole.f1 - incremental.f1), 7),
        "share",
        {"batch": round(whole.f1, 6), "incremental": round(incremental.f1, 6)},
    )


def as_linked(records: pl.DataFrame) -> Linked:
    """A batch as the first load of an index."""
    links = link_all(records, model_in_use("names")).links
    decisions = records.select("subject_key", "nhs_number", "record_id").join(
        links, on="record_id"
    )
    decisions = decisions.with_columns(
        person_no=pl.col("cluster_id").rank("dense"),
        number_agreed=pl.col("nhs_number").is_not_null()
        & (pl.col("rule") != "new_number_in_doubt"),
    ).select(pl.col(name).cast(dtype) for name, dtype in DECISION.items())
    return Linked(
        decisions,
        decisions["person_no"].unique(),
        pl.DataFrame(schema=MERGE),
        pl.DataFrame(schema=REVIEW),
    )
