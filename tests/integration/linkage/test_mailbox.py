"""A MESH mailbox, against the NHS's own sandbox of it.

The sandbox (`mesh-sandbox` on PyPI) pins packages of its own, so it lives in another
environment: MESH_SANDBOX_PYTHON names that one's interpreter. Without it these tests
are skipped, saying so.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from mesh_client import MeshClient

from linkage import feed_actions, mailbox
from linkage.models import FeedRun
from linkage.vault.models import Delivery
from tests.integration.linkage.conftest import PATIENT, delivered, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
OURS, THEIRS, KEY, WORD = "X26ABC1", "X26ABC2", "TestKey", "password"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory) -> Iterator[str]:
    """The address of a running sandbox, on loopback."""
    python = os.environ.get("MESH_SANDBOX_PYTHON", "")
    if not python:
        pytest.skip("no MESH sandbox (set MESH_SANDBOX_PYTHON)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [python, "-m", "uvicorn", "mesh_sandbox.api:app", "--port", str(port)],
        env={"PATH": os.environ["PATH"], "SHARED_KEY": KEY, "STORE_MODE": "memory"},
        cwd=tmp_path_factory.mktemp("mesh"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                requests.get(f"{address}/health", timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def configured(sandbox, settings, tmp_path: Path, vault_zone) -> str:
    settings.DELIVERIES = tmp_path / "deliveries"
    settings.MESH = dict.fromkeys(settings.MESH, "") | {
        "url": sandbox,
        "mailbox": OURS,
        "password": WORD,
        "shared_key": KEY,
    }
    return sandbox


@pytest.fixture
def send(configured, tmp_path: Path):
    """`send(name, workflow)` puts a file of one patient into our mailbox."""

    def put(name: str, workflow: str = "SOME_WORKFLOW", **row: str) -> str:
        content = delivered(tmp_path / "sent.csv", PATIENT, row).read_bytes()
        with MeshClient(
            configured, THEIRS, WORD, shared_key=KEY.encode(), max_chunk_size=150
        ) as client:
            return client.send_message(
                OURS, content, workflow_id=workflow, filename=name
            )

    return put


def waiting() -> list[str]:
    with mailbox.mailbox() as client:
        return list(client.list_messages())


def test_a_message_becomes_a_run_and_is_acknowledged(send, stored) -> None:
    send("gp_patient_202609.csv")
    assert mailbox.collect() == 1
    assert waiting() == []
    run = FeedRun.objects.get()
    assert (run.way, run.by, run.state) == ("MESH", f"MESH {THEIRS}", "received")
    feed_actions.take_in_waiting()
    run.refresh_from_db()
    assert sums(run) == (1, 1, 0, 0, 0)
    assert stored("SELECT count(*) FROM person") == [(1,)]
    assert mailbox.collect() == 0


def test_it_is_acknowledged_only_when_the_run_is_kept(send, monkeypatch) -> None:
    number = send("gp_patient_202609.csv")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(feed_actions, "receive", killed)
        with pytest.raises(KeyboardInterrupt):
            mailbox.collect()
    assert waiting() == [number]
    assert FeedRun.objects.count() == 0
    with monkeypatch.context() as patched:  # the whole came; the answer was lost
        patched.setattr(MeshClient, "acknowledge_message", killed)
        with pytest.raises(KeyboardInterrupt):
            mailbox.collect()
    assert (waiting(), FeedRun.objects.count()) == ([number], 1)
    assert mailbox.collect() == 1
    assert waiting() == []
    assert (FeedRun.objects.count(), Delivery.objects.count()) == (1, 1)


def test_a_message_of_no_known_feed_stays_in_the_mailbox(send, caplog) -> None:
    number = send("letter.pdf")
    assert mailbox.collect() == 0
    assert waiting() == [number]
    said = caplog.text.replace(".", "")
    assert f"message {number} (workflow SOME_WORKFLOW)" in said
    with mailbox.mailbox() as client:
        client.acknowledge_message(number)


def test_a_workflow_says_the_feed_where_the_name_does_not(monkeypatch) -> None:
    spec = feed_actions.FEEDS["gp_patient"]
    known = spec.model_copy(update={"workflows": ("GP_EXTRACT",)})
    monkeypatch.setitem(feed_actions.FEEDS._loaded, "gp_patient", known)
    assert mailbox.feed_of("M0001.dat", "GP_EXTRACT") == "gp_patient"
    assert mailbox.feed_of("M0001.dat", "") is None


def test_a_mailbox_that_does_not_answer_is_asked_later(settings, caplog) -> None:
    assert mailbox.collect() == 0  # none is configured
    settings.MESH = settings.MESH | {"url": "http://127.0.0.1:9", "mailbox": OURS}
    assert mailbox.collect() == 0
    assert "does not answer" in caplog.text
