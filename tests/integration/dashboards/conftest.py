"""Pages over an invented system: signed-in clients and a release in memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from django.test import Client

from linkage.release import selectors as release
from linkage.release.catalogue import Attribute
from linkage.release.selectors import ReleaseView
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.steps.assess import assess
from risk.steps.train import train
from tests.builders import AS_OF, release_view
from tests.page_builders import (
    attributes,
    make_model,
    make_organisations,
    make_people,
    make_release,
    make_user,
)
from tests.unit.risk.model_people import SPEC, learnt


@pytest.fixture(scope="session")
def invented_release() -> ReleaseView:
    return make_release()


@pytest.fixture
def system(
    db: None,
    invented_release: ReleaseView,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> ReleaseView:
    """Organisations in the database, and the invented release as the current one."""
    # Half a second of key stretching per sign-in proves nothing here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_organisations()
    monkeypatch.setattr(release, "current", lambda: invented_release)
    monkeypatch.setattr(release, "previous", lambda: None)
    monkeypatch.setattr(release, "earlier", list)
    return invented_release


@pytest.fixture
def signed_in(system: ReleaseView) -> Callable[[str, str], Client]:
    """`signed_in("place_lead", "P1")` is a client signed in under that grant."""

    def sign_in(role: str, org_code: str) -> Client:
        client = Client()
        client.force_login(make_user(role, org_code))
        return client

    return sign_in


@pytest.fixture(scope="session")
def performance() -> dict:
    """The figures of a small model, tried on people of two practices."""
    rows = learnt(4000)
    return assess(train(rows, SPEC), rows, learnt(4000, seed=2), SPEC)


@pytest.fixture
def trained(system, performance) -> TrainedModel:
    return make_model("emergency_admission", performance, version=3)


@pytest.fixture
def with_bands(system, monkeypatch):
    """The invented release with bands of risk and impactability."""
    bands = [band.name for band in MODELS["emergency_admission"].bands]
    people = make_people(6000, 1)
    rank = people["risk_emergency_12m"].rank("ordinal", descending=True).to_numpy()
    place = np.searchsorted([0.005, 0.05, 0.2], rank / 6000)
    made = people.with_columns(
        risk_band=pl.Series([bands[i] for i in place]),
        impact=pl.Series(np.random.default_rng(5).uniform(0, 100, 6000)),
    )
    more = [
        Attribute("risk_band", "Band", "category", values=tuple(bands)),
        Attribute("impact", "Impactability", "number"),
    ]
    view = release_view(made, [*attributes(), *more], as_of=AS_OF)
    monkeypatch.setattr(release, "current", lambda: view)
    return view
