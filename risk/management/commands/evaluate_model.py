"""`evaluate_model NAME TRUTH PEOPLE`: a model beside the truth that made the people."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from django.core.management.base import BaseCommand, CommandError

from risk.actions.training import training_rows
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.steps.against_truth import against_truth
from risk.steps.outcome import HAPPENED
from risk.steps.predict import risks
from risk.steps.train import Trained
from risk.steps.untouched import untreated


class Command(BaseCommand):
    help = "Print how near a model comes to the true chances of invented people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the model")
        parser.add_argument("truth", type=Path, help="the demo's truth folder")
        parser.add_argument("people", type=Path, help="what true_people wrote")
        parser.add_argument("--json", action="store_true", help="one object")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name not in MODELS:
            raise CommandError(f"no model {name!r}; there are: {', '.join(MODELS)}")
        model = TrainedModel.objects.filter(name=name, in_use=True).first()
        if model is None:
            raise CommandError(f"{name} has not been trained: run a refresh first")
        found = evaluated(model, options["truth"], options["people"])
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for key, value in found.items():
            self.stdout.write(f"{key:<16}{value:>12,.4f}")


def evaluated(model: TrainedModel, truth: Path, people: Path) -> dict[str, Any]:
    """Return the figures of people of the model's test date, by their true chances.

    `truth` holds hazards.parquet (person, as_of, emergency_admission_12m), `people`
    is a Parquet file of person_no and person. CommandError where the truth was not
    noted at the test date.
    """
    spec = MODELS[model.name]
    tested_on = date.fromisoformat(model.performance["tested_on"])
    later = untreated(
        training_rows(model.definitions["release"], model.name, spec.training.test_days)
    )
    hazards = (
        pl.read_parquet(truth / "hazards.parquet")
        .filter(pl.col("as_of") == tested_on)
        .select("person", true="emergency_admission_12m")
    )
    if hazards.is_empty():
        raise CommandError(f"the truth was not noted on {tested_on}")
    known = later.join(pl.read_parquet(people), on="person_no").join(
        hazards, on="person"
    )
    trained = Trained.from_bytes(bytes(model.payload))
    return against_truth(
        risks(known, trained, spec),
        known["true"].cast(pl.Float64).to_numpy(),
        known[HAPPENED].to_numpy(),
    )
