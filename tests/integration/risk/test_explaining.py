"""Why of one person, worked out when somebody asks and nothing is kept."""

import numpy as np
import pytest

from linkage.release import parts
from risk import tasks
from risk.definitions import MODELS
from risk.models import PersonRisk, TrainedModel
from risk.steps import train
from tests.integration.linkage.release.conftest import ILL, PEOPLE

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
NAME = "emergency_admission"
SPEC = MODELS[NAME]


@pytest.fixture
def release(refreshed, monkeypatch, acting_as):
    """A release of a model that learnt from two dozen, with nothing explained."""
    monkeypatch.setattr(train, "OUTCOMES_PER_FOLD", 1)
    made = refreshed()
    with acting_as("worker"):
        PersonRisk.objects.all().delete()
    return made


def test_reasons_are_those_of_the_figure_that_the_release_gives(
    release, acting_as
) -> None:
    someone = next(n for n in PEOPLE if n not in ILL)
    with acting_as("worker"):
        tasks.explain(release.pk, tasks.named(someone))
        tasks.explain(release.pk, tasks.named(someone))  # again: what is kept stays
    figures = parts.read_all(release.pk, "predictions", [SPEC.attribute])
    given = dict(figures.iter_rows())[someone]
    with acting_as("worker"):
        everything = list(PersonRisk.objects.all())
    (kept,) = (each for each in everything if each.name == NAME)
    assert {each.person_no for each in everything} == {someone}
    assert (kept.person_no, kept.release_id) == (someone, release.pk)
    assert kept.value == pytest.approx(given)
    odds = sum(reason["adds"] for reason in kept.reasons)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(given, abs=1e-3)


def test_a_model_renewed_since_explains_no_figure_that_it_did_not_give(
    release, acting_as
) -> None:
    model = TrainedModel.objects.get(name=NAME, in_use=True)
    other = train.Trained.from_bytes(bytes(model.payload))
    moved = train.replace(other, intercept=other.intercept + 0.2)
    TrainedModel.objects.filter(pk=model.pk).update(payload=moved.to_bytes())
    with acting_as("worker"):
        tasks.explain(release.pk, tasks.named(ILL[0]))
        assert not PersonRisk.objects.filter(name=NAME).exists()
