"""`./run link`: whose records are whose in a file, without any database."""

import argparse
import json
import sys
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from linkage.record_files import (
    FileProblem,
    parse_columns,
    read_records,
    read_truth,
    write_links,
)
from linkage.steps.linking.batch import Clusters, link_all
from linkage.steps.linking.measure import Quality, measure
from linkage.steps.linking.model import model_in_use

WRONG_INPUT = 2


def link(
    given: argparse.Namespace, records: Path, out: Path, truth: Path | None
) -> int:
    """Link a file of records; returns the exit code.

    given: columns, json, engine, train, as the parser read them.
    """
    try:
        began = time.monotonic()
        frame = read_records(records, parse_columns(given.columns))
        if out.suffix not in (".csv", ".parquet") and not given.train:
            raise FileProblem(f"{out}: --out must end in .csv or .parquet.")
        if not out.parent.is_dir():
            raise FileProblem(f"{out.parent}: there is no such folder for --out.")
        known = read_truth(truth) if truth else None
        named = frame["surname"].null_count() < frame.height
        model = model_in_use("names" if named else "national")
        if given.train:
            return _train(frame, model, out)
        found = link_all(frame, model, engine=given.engine)
        write_links(found.links, out)
        seconds = time.monotonic() - began
        quality = _quality(found, known, frame, truth) if known is not None else None
    except FileProblem as problem:
        print(problem, file=sys.stderr)
        return WRONG_INPUT
    summary = {
        "records": frame.height,
        "clusters": found.links["cluster_id"].n_unique(),
        "review": found.review.height,
        "seconds": round(seconds, 2),
        "model": f"{model.tier} {model.version}",
        "engine": given.engine,
    }
    if quality is not None:
        summary |= {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in quality._asdict().items()
            if name != "by_group" and value is not None
        }
    if given.json:
        print(json.dumps(summary))
    else:
        _show(summary, found.links, out)
    return 0


def _train(frame: pl.DataFrame, model: object, out: Path) -> int:
    from linkage.steps.linking.model import LinkModel
    from linkage.steps.linking.train import train, write_model

    assert isinstance(model, LinkModel)
    write_model(train(frame, model, seed=1), out)
    print(f"A model trained on {frame.height:,} records is in {out}.")
    return 0


def _quality(
    found: Clusters, truth: pl.DataFrame, frame: pl.DataFrame, path: Path | None
) -> Quality:
    ids = found.links.schema["record_id"]
    try:
        return measure(
            found.links.select("record_id", "cluster_id"),
            truth.with_columns(pl.col("record_id").cast(ids)),
            frame,
        )
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise FileProblem(
            f"{path}: its record_id are not those of the records: {error}."
        ) from error


def _show(summary: dict[str, object], links: pl.DataFrame, out: Path) -> None:
    console = Console(highlight=False)
    table = Table(show_header=False, box=None)
    for name, value in summary.items():
        table.add_row(
            name.replace("_", " "),
            f"{value:,}" if isinstance(value, int) else str(value),
        )
    console.print(table)
    rules = links["rule"].value_counts(sort=True)
    console.print("by rule: " + ", ".join(f"{r} {n:,}" for r, n in rules.iter_rows()))
    console.print(f"links in {out}")
