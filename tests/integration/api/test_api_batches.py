"""Batches by machine: once per key, handed to the vault, answered in counts."""

import hashlib

import pytest
from django.test import Client
from django.urls import reverse

from linkage.models import FeedRun, RejectedRow
from linkage.vault.models import Delivery
from tests import live_system as system
from tests.live_api import call, refused

FEED = "gp_patient"
BODY = b"patient_id,organisation\np1,Z81001\n"


@pytest.fixture(autouse=True)
def kept(settings, tmp_path, live):
    settings.DELIVERIES = tmp_path / "deliveries"
    yield settings.DELIVERIES
    with system.acting_as("loader"):
        FeedRun.objects.all().delete()
    with system.connect("vault") as vault:
        vault.execute("DELETE FROM delivery")


@pytest.fixture
def push(tokens):
    """`push(body, key)` as a supplier's system."""

    def send(body=BODY, key="k1", *, role="feed_supplier", feed=FEED, **headers):
        client = Client(headers={"Authorization": f"Bearer {tokens[role]}"})
        told = {"Idempotency-Key": key} if key else {}
        return client.generic(
            "POST",
            reverse("api-batches", args=[feed]),
            body,
            content_type=headers.pop("content_type", "text/csv"),
            headers=told | headers,
        )

    return send


def deliveries() -> int:
    with system.acting_as("vault", "vault"):
        return Delivery.objects.count()


def test_a_batch_is_taken_and_says_where_to_ask(push, tokens, kept) -> None:
    response = push()
    assert response.status_code == 202, response.content
    told = response.json()
    assert told["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert response["Location"] == told["href"]
    run = FeedRun.objects.get(pk=told["run"])
    assert (run.feed, run.way, run.state) == (FEED, "API", "received")
    assert run.supplier == system.ROLE_PLACES["feed_supplier"]
    (file,) = kept.glob("*.sealed")
    assert b"p1" not in file.read_bytes()
    answer = call(tokens["feed_supplier"], told["href"]).json()
    assert (answer["state"], answer["words"]) == ("received", "waits to be read")
    assert system.audit_rows("delivery_received")[-1]["subject"] == FEED


def test_the_same_key_and_body_are_answered_the_same(push) -> None:
    first, second = push(), push()
    assert second.status_code == 202
    assert second.json() == first.json()
    assert FeedRun.objects.count() == 1
    assert deliveries() == 1


def test_the_same_key_with_another_body_is_409(push) -> None:
    push()
    response = push(BODY + b"p2,Z81001\n")
    refused(response, 409)
    assert "another body" in response.json()["detail"]
    assert FeedRun.objects.count() == 1


def test_another_key_with_the_same_body_finds_the_same_run(push) -> None:
    assert push().json()["run"] == push(key="k2").json()["run"]
    assert FeedRun.objects.count() == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"key": ""}, 400),
        ({"key": "a b"}, 400),
        ({"content_type": "image/png"}, 400),
        ({"feed": "nothing"}, 404),
        ({"role": "partner_client"}, 403),
        ({"role": "data_manager"}, 403),
    ],
)
def test_what_is_not_right_is_a_problem(push, how, status) -> None:
    refused(push(**how), status)
    assert deliveries() == 0


def test_a_body_of_many_pieces_arrives_whole(push) -> None:
    body = BODY + b"".join(b"p%d,Z81001\n" % n for n in range(2, 150_000))
    assert len(body) > 1 << 20
    told = push(body).json()
    assert told["sha256"] == hashlib.sha256(body).hexdigest()


def test_without_the_vault_nothing_is_taken(push, live) -> None:
    live.vault.is_down = True
    try:
        refused(push(), 503)
    finally:
        live.vault.is_down = False
    assert FeedRun.objects.count() == 0


def test_what_became_of_a_batch_is_for_its_supplier(push, tokens) -> None:
    told = push().json()
    with system.acting_as("loader"):
        FeedRun.objects.filter(pk=told["run"]).update(
            state="held", detail={"gate": {"held": ["The file holds no row."]}}
        )
        RejectedRow.objects.create(
            run_id=told["run"],
            row_number=7,
            fate="quarantined",
            rule="missing",
            field="patient_id",
        )
    answer = call(tokens["feed_supplier"], told["href"]).json()
    assert answer["held_because"] == ["The file holds no row."]
    assert answer["faults"] == [
        {
            "rule": "missing",
            "field": "patient_id",
            "rows": 1,
            "first_row": 7,
            "what_to_do": (
                "Fill the column in, or say that the record has no value and why."
            ),
        }
    ]
    with system.acting_as("loader"):
        FeedRun.objects.filter(pk=told["run"]).update(supplier="Other")
    refused(call(tokens["feed_supplier"], told["href"]), 404)
    elsewhere = reverse("api-batch", args=["sus_apc", told["run"]])
    refused(call(tokens["feed_supplier"], elsewhere), 404)
