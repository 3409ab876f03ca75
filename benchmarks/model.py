"""The predictive model: how fast it learns and foretells, and how near the truth.

Speed: training on 1,000,000 people with 60 inputs (each tree sees 400,000 of them, as
in every training on so many) and foretelling them again, both in memory. Rightness: a
whole demonstration of 200,000 invented people, feeds to release, in a folder of its
own; the model is tried on a later date than it learnt from, and beside the true chances
that only the generator knows. `--scale` makes both smaller.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config.runner.demo import Options, build, demo_folder
from config.runner.demo_notes import Notes
from config.runner.manage import process_for
from config.runner.session import Session
from config.runner.stages import Screen, Stage, run_stage
from risk.definitions import MODELS
from risk.specs import InputSpec, ModelSpec
from risk.steps.predict import predict, risks
from risk.steps.train import train

NAME = "emergency_admission"
ROWS, INPUTS, PEOPLE, SEED = 1_000_000, 60, 200_000, 20260930
EXPLAINED = 20_000
# As a release foretells: so many shards, two of them at a time.
SHARDS, WORKERS = 16, 2


def run(scale: float) -> Iterable[Figure]:
    """Time the steps on random people, then judge a whole demonstration's model."""
    yield from speed(max(20_000, int(ROWS * scale)))
    yield from rightness(max(4_000, int(PEOPLE * scale)))


def speed(rows: int) -> Iterator[Figure]:
    """Train on `rows` people of 60 inputs, and foretell them."""
    spec = wide(MODELS[NAME])
    people = random_people(rows, spec)
    began, worked = time.perf_counter(), time.process_time()
    trained = train(people, spec)
    learnt = time.perf_counter() - began
    processor = time.process_time() - worked
    yield Figure(
        "model.train_seconds",
        round(learnt, 2),
        "s",
        {
            "rows": rows,
            "inputs": INPUTS,
            "rounds": trained.rounds,
            # Of so many rows each tree sees a part, drawn anew for every tenth.
            "rows_a_tree": min(rows, spec.trees.rows_a_tree),
            "processor_s": round(processor, 1),
            "limit": 25,
        },
    )
    shards = list(people.iter_slices(-(-people.height // SHARDS)))
    with ThreadPoolExecutor(WORKERS) as pool:
        began = time.perf_counter()
        list(pool.map(risks, shards, [trained] * SHARDS, [spec] * SHARDS))
        foretold = time.perf_counter() - began
    some = people.head(EXPLAINED)
    began = time.perf_counter()
    predict(some, trained, spec.model_copy(update={"reasons_from": 0.0}))
    explained = time.perf_counter() - began
    yield Figure(
        "model.score_seconds",
        round(foretold, 2),
        "s",
        {
            "rows": rows,
            "limit": 5,
            "explained": some.height,
            "explained_s": round(explained, 2),
        },
    )


def wide(spec: ModelSpec) -> ModelSpec:
    """The model's definition with exactly 60 inputs."""
    more = [
        InputSpec(feature=f"extra_{i}", words="{value}")
        for i in range(INPUTS - len(spec.inputs))
    ]
    return spec.model_copy(update={"inputs": (*spec.inputs[:INPUTS], *more)})


def random_people(rows: int, spec: ModelSpec) -> pl.DataFrame:
    """Rows as `gather` makes them: some inputs matter, a third of numbers are lost."""
    random = np.random.default_rng(SEED)
    columns: dict[str, Any] = {"person_no": np.arange(rows, dtype=np.int32)}
    odds = np.full(rows, -2.6)
    for place, entry in enumerate(spec.inputs):
        if entry.kind == "flag":
            values: Any = random.random(rows) < 0.1
            odds += 0.3 * values
        elif entry.kind == "category":
            drawn = random.integers(0, len(entry.values), rows)
            values = np.array(entry.values)[drawn]
        else:
            values = random.poisson(2.0 + place % 7, rows).astype(np.float32)
            odds += 0.05 * (values - values.mean())
            if place % 3 == 0:
                values[random.random(rows) < 0.33] = np.nan
        if entry.feature == "age_years":
            values = random.integers(18, 100, rows)
        columns[entry.feature] = values
    happened = random.random(rows) < 1 / (1 + np.exp(-odds))
    undated = [f for f in spec.features if f not in columns]
    return (
        pl.DataFrame(columns)
        .with_columns(pl.col(pl.Float32).fill_nan(None))
        .with_columns(
            pl.lit(None, pl.Date).alias(name)
            if not name.startswith("days_since")
            else pl.lit(None, pl.Int32).alias(name)
            for name in undated
        )
        .with_columns(
            index_on=pl.date(2025, 9, 30),
            outcome=pl.Series(happened),
            treated=pl.lit(value=False),
            # So that nothing is forgotten for being old.
            **{e.dated_by: pl.date(2025, 9, 1) for e in spec.inputs if e.dated_by},
        )
    )


def rightness(people: int) -> Iterator[Figure]:
    """Make a demonstration, and read its model's card and its nearness to truth."""
    with home() as folder:
        options = Options(home=folder, people=people, serve=False)
        session = Session(folder)
        # Figures go to standard output, so what is being done goes beside it.
        screen = Screen(Console(stderr=True, highlight=False))
        try:
            build(session, options, screen, Notes(folder))
            yield from judged(people, *read(session, folder, screen))
        finally:
            assert session.servers is not None
            session.servers.stop()


def read(
    session: Session, folder: Path, screen: Screen
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the model's card, and its figures beside the truth."""
    truth, people = (
        demo_folder(folder) / "truth",
        demo_folder(folder) / "people.parquet",
    )
    # The vault's process writes here and the worker's reads.
    said = {}
    for command in (
        ["model_card", NAME, "--json"],
        ["true_people", str(truth), str(people)],
        ["evaluate_model", NAME, str(truth), str(people), "--json"],
    ):
        stage = Stage(
            command[0],
            command[0].replace("_", " "),
            process_for(command[0]),
            ["manage.py", *command],
        )
        said[command[0]] = run_stage(session, stage, screen).said
    return said["model_card"][-1], said["evaluate_model"][-1]


def judged(
    people: int, card: dict[str, Any], truth: dict[str, Any]
) -> Iterator[Figure]:
    """The figures of the issue, each with its limits beside it."""
    main, reference = card["models"][card["main"]], card["models"]["reference"]
    worst = card["worst_cell"]
    yield Figure(
        "model.calibration_slope",
        round(main["calibration_slope"], 4),
        "",
        {
            "people": people,
            "tried_on": card["people"],
            "limits": "0.95 to 1.05",
            "low": main["slope_interval"][0],
            "high": main["slope_interval"][1],
        },
    )
    yield Figure(
        "model.auroc",
        round(main["auroc"], 4),
        "",
        {"within_age": card["within_age"], "auprc": main["auprc"]},
    )
    yield Figure(
        "model.auroc_gain",
        round(main["auroc"] - reference["auroc"], 4),
        "",
        {"reference": reference["auroc"], "least": 0.02},
    )
    yield Figure(
        "model.true_ece",
        round(truth["ece"], 5),
        "",
        {
            "foretold_mean": round(truth["foretold_mean"], 5),
            "true_mean": round(truth["true_mean"], 5),
            "limit": 0.01,
        },
    )
    yield Figure(
        "model.true_auroc_share",
        round(truth["share"], 4),
        "",
        {"true_auroc": round(truth["true_auroc"], 4), "least": 0.85},
    )
    yield Figure(
        "model.oe",
        round(main["observed_over_expected"], 4),
        "",
        {"limits": "0.95 to 1.05"},
    )
    if worst is not None:
        yield Figure(
            "model.oe_worst",
            round(worst["ratio"], 4),
            "",
            {
                "cell": f"{worst['ethnicity_group']}, fifth {worst['imd_fifth']}",
                "people": worst["people"],
                "low": worst["interval"][0],
                "high": worst["interval"][1],
                "cells": worst["cells"],
                "limits": "0.9 to 1.1",
            },
        )
