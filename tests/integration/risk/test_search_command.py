"""`search_model` tries settings on the two training dates that a release has kept."""

import re

import pytest
from django.core.management import CommandError, call_command

from config.schedule import STAGES
from risk.definitions import MODELS
from risk.steps.search import candidates

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
NAME = "emergency_admission"
NEEDED = {"derive_features", "gather_training", "publish_release"}
GATHERING = tuple(stage for stage in STAGES if stage.name in NEEDED)


def test_settings_are_tried_by_time_and_told_best_first(
    settings, store, refreshed, acting_as, capsys
) -> None:
    settings.REFRESH_STAGES = f"{__name__}.GATHERING"
    with pytest.raises(CommandError, match="No release has kept people"):
        call_command("search_model", NAME)
    with pytest.raises(CommandError, match="two training dates"):
        call_command("search_model", "no_such_model")
    refreshed()
    with acting_as("worker"):
        call_command("search_model", NAME)
    told = capsys.readouterr().out.splitlines()
    losses = [float(line.split()[0]) for line in told if re.match(r"\d\.\d{5} ", line)]
    assert len(losses) == len(candidates(MODELS[NAME]))
    assert losses == sorted(losses)
    assert sum("(in the definition)" in line for line in told) == 1
    assert "have it reviewed" in told[-1]
