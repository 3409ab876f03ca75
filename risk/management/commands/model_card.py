"""`manage.py model_card emergency_admission`: how well the model in use foretells."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from risk import selectors
from risk.definitions import MODELS


class Command(BaseCommand):
    help = "Print a model's figures on a later period: level, ranking, list sizes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="emergency_admission")
        parser.add_argument("--model-version", type=int, help="default: the one in use")
        parser.add_argument("--json", action="store_true", help="everything, as JSON")

    def handle(self, *_: Any, **given: Any) -> None:
        name = given["name"]
        if name not in MODELS:
            raise CommandError(f"no model {name!r}; there are: {', '.join(MODELS)}")
        card = selectors.model_card(name, given["model_version"])
        if card is None:
            raise CommandError(f"{name} has not been trained: run a refresh first")
        if given["json"]:
            self.stdout.write(json.dumps(card.performance))
            return
        for line in lines(card):
            self.stdout.write(line)


def lines(card: selectors.ModelCard) -> list[str]:
    """Return the card as text, the level first."""
    if card.spec.outcome.is_amount:
        return lines_of_pounds(card)
    found = card.performance
    level = "holds" if found["level_holds"] else "does NOT hold"
    told = [
        f"{card.spec.title}, model {card.version}, as at {card.index_on} and earlier",
        f"learnt from {card.people:,} people and {card.outcomes:,} outcomes",
        f"tried on {found['people']:,} people as at {found['tested_on']}",
        f"observed over expected within 0.9 and 1.1, overall and by fifth: {level}",
        "",
        f"{'model':<16}{'AUROC':>8}{'AUPRC':>8}{'Brier':>8}{'slope':>8}{'O/E':>7}",
    ]
    told += [
        f"{name:<16}{m['auroc']:>8.3f}{m['auprc']:>8.3f}{m['brier']:>8.4f}"
        f"{m['calibration_slope']:>8.2f}{m['observed_over_expected']:>7.3f}"
        for name, m in found["models"].items()
    ]
    told += [f"among people of one age band: AUROC {found['within_age']:.3f}", ""]
    for group, values in found["groups"].items():
        told.append(f"{group:<16}{'people':>8}{'observed':>9}{'O/E':>7}  95% interval")
        told += [_group(value, v) for value, v in values.items()]
    told += ["", f"{'list':<16}{'people':>8}{'right':>7}{'found':>7}"]
    told += [
        f"top {s['top_share']:<12.1%}{s['people']:>8,}{s['ppv']:>7.0%}"
        f"{s['sensitivity']:>7.0%}"
        for s in found["at_list_size"]
    ]
    return told


def lines_of_pounds(card: selectors.ModelCard) -> list[str]:
    """Return the card of a model of pounds as text."""
    found = card.performance
    told = [
        f"{card.spec.title}, model {card.version}, as at {card.index_on} and earlier",
        f"learnt from {card.people:,} people, {card.outcomes:,} of whom cost something",
        f"tried on {found['people']:,} people as at {found['tested_on']}",
        "",
        f"{'model':<16}{'O/E':>7}{'error £':>9}{'explained':>11}",
    ]
    told += [
        f"{name:<16}{m['observed_over_expected']:>7.3f}"
        f"{m['mean_absolute_error_gbp']:>9,.0f}{m['variance_explained']:>11.1%}"
        for name, m in found["beside"].items()
    ]
    for group, values in found["groups"].items():
        told.append(f"{group:<16}{'people':>8}{'cost':>9}{'O/E':>7}  95% interval")
        told += [_group(value, v, "having") for value, v in values.items()]
    return told


def _group(value: str, figures: dict[str, Any], counted: str = "observed") -> str:
    if figures.get("too_few"):
        return f"  {value:<14}  too few outcomes to judge"
    low, high = figures["interval"]
    return (
        f"  {value:<14}{figures['people']:>8,}{figures[counted]:>9,}"
        f"{figures['observed_over_expected']:>7.3f}  {low:.3f} to {high:.3f}"
    )
