"""From a feed that falls silent to a list without its order, and who is told.

Two refreshes by every stage: a model that two people have approved is trained and
orders a list; then an input is gone, the model is stopped by the same refresh that
noticed, and the list, the model's page and the homes of those who answer for it say so.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboards.models import ListEntry
from linkage.feature_definitions import codelists
from risk.definitions import MODELS
from risk.models import ModelApproval, ModelWatch, PersonRisk, TrainedModel
from risk.steps import monitor, train
from tests import live_system, page_builders
from tests.builders import AS_OF, activities, activity, event, events
from tests.integration.linkage.release import conftest as small_system
from tests.integration.linkage.release.conftest import ILL, PEOPLE, put
from tests.integration.risk import conftest as with_risk

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
store_of_linkage = small_system.store
store_up_to_predictions = with_risk.store
refreshed = small_system.refreshed
NAME, PROGRAMME, BMI = "emergency_admission", "proactive_care", "60621009"


@pytest.fixture
def store(store_of_linkage, store_up_to_predictions, settings, monkeypatch) -> Any:
    """People with frailty and rising use, all weighed before the model's trial."""
    settings.REFRESH_STAGES = "config.schedule.STAGES"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Two dozen people are too few for a model, and for what is watched of its inputs.
    monkeypatch.setattr(train, "OUTCOMES_PER_FOLD", 1)
    monkeypatch.setattr(monitor, "LEAST_KNOWN", 10)
    (moderate,) = codelists()["frailty_moderate"].codes
    weighed = AS_OF - timedelta(days=500)
    rows = [event(moderate, AS_OF - timedelta(days=900), person_no=n) for n in ILL]
    rows += [event(BMI, weighed, person_no=n, value=25.0) for n in PEOPLE]
    keyed = events(*rows).with_columns(record_key=0).with_row_index("record_key_", 9000)
    keyed = keyed.with_columns(record_key="record_key_").drop("record_key_")
    put(store_up_to_predictions, "event", keyed)
    seen = [
        activity(
            "emergency",
            "attendance",
            AS_OF - timedelta(days=50),
            person_no=n,
            record_key=700_000 + n,
        )
        for n in ILL
    ]
    put(store_up_to_predictions, "activity", activities(*seen))
    return store_up_to_predictions


@pytest.fixture
def people(store) -> dict[str, Any]:
    """Who answers for models, for feeds and for the list."""
    page_builders.make_registers()
    return {
        "analyst": page_builders.make_user("system_analyst", "QZ1"),
        "second": page_builders.make_user("system_analyst", "QZ1", "second"),
        "board": page_builders.make_user("icb_board_member", "QZ1"),
        "feeds": page_builders.make_user("data_manager", "QZ1"),
        "team": page_builders.make_user("pcn_mdt_member", "U90001"),
    }


def chances(release_id: int) -> set[float | None]:
    rows = ListEntry.objects.filter(release_id=release_id, programme=PROGRAMME)
    return set(rows.values_list("probability", flat=True))


def listed(release_id: int) -> set[int]:
    rows = ListEntry.objects.filter(release_id=release_id, programme=PROGRAMME)
    return set(rows.values_list("person_no", flat=True))


def explained(release_id: int) -> set[int]:
    """Of whom it is kept why, however low the chance."""
    rows = PersonRisk.objects.filter(release_id=release_id, name=NAME)
    return set(rows.values_list("person_no", flat=True))


def page(user: Any, name: str, *args: str) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_feature_that_breaks_stops_the_list_and_says_so(
    store, refreshed, acting_as, people
) -> None:
    for key in ("analyst", "second"):
        ModelApproval.objects.create(
            name=NAME,
            spec_hash=MODELS.hashes[NAME],
            model_version=1,
            user_id=people[key].pk,
            full_name=people[key].full_name,
            role="system_analyst",
        )
    ordered = refreshed()
    with acting_as("worker"):
        assert chances(ordered.pk)
        assert None not in chances(ordered.pk)
        assert explained(ordered.pk) >= listed(ordered.pk)
    with acting_as("web"):
        assert "Not in the model's order" not in page(
            people["team"], "worklist", PROGRAMME
        )
        assert "stopped" not in page(people["analyst"], "home")

    store.execute("DELETE FROM event WHERE code = %s", [BMI])
    silent = refreshed(as_of=AS_OF + timedelta(days=2))

    model = TrainedModel.objects.get(name=NAME, in_use=True)
    assert model.version == 1
    watch = ModelWatch.objects.get(release_id=silent.pk, name=NAME)
    (stop,) = [alert for alert in watch.alerts if alert["stops"]]
    assert stop["words"] == model.stopped_because
    assert "“BMI kg/m2” is known of 100% fewer people" in stop["words"]
    stopped = live_system.audit_rows("model_stopped")
    assert [row["subject"] for row in stopped].count(NAME) == 1
    with acting_as("worker"):
        assert chances(silent.pk) == {None}
    with acting_as("web"):
        team = page(people["team"], "worklist", PROGRAMME)
        assert "Not in the model's order" in team
        assert "is stopped: The input “BMI kg/m2” is known of 100%" in team
        card = page(people["analyst"], "model", NAME)
        assert "Stopped: lists are without this order" in card
        analyst = page(people["analyst"], "home")
        assert "stopped: lists go without" in analyst
        assert reverse("model", args=[NAME]) in analyst
        keeper = page(people["feeds"], "home")
        assert "is a feed broken?" in keeper
        assert reverse("quality") in keeper
        # The board is told of what is stopped, and of nothing less.
        assert "stopped: lists go without" in page(people["board"], "home")
