"""Mangled files on the whole road: taken in, held or refused; every row somewhere."""

import random
from pathlib import Path

import pytest

from linkage import feed_actions
from linkage.models import FeedRun, RejectedRow
from linkage.vault import deliveries
from tests.integration.linkage.conftest import OBSERVATION, PATIENT, delivered

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
NOISE = [b'"', b",", b"\n", b"\0", b"\xff", b"\xc3\xa4", b"9990000018", b"1e999", b"{"]
FILES = 40


def mangled(content: bytes, chance: random.Random) -> bytes:
    """Cut, repeat or stuff a file's content in one to three places."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(content) + 1)
        until = min(len(content), place + chance.randrange(30))
        content = chance.choice(
            [
                content[:place] + content[until:],
                content[:until] + content[place:],
                content[:place] + chance.choice(NOISE) + content[place:],
                content[: max(place, 1)],
            ]
        )
    return content


@pytest.mark.parametrize("seed", [1, 2])
def test_every_delivery_ends_in_words_and_every_row_somewhere(
    vault_zone, settings, tmp_path: Path, seed
) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"
    chance = random.Random(seed)
    journal = {k: str(v or "") for k, v in OBSERVATION.items()}
    bases = {
        "gp_patient": delivered(tmp_path / "p.csv", PATIENT, {}, {"patient_id": "b"}),
        "gp_observation": delivered(tmp_path / "o.csv", journal, {}, {}),
    }
    for n in range(FILES):
        feed = chance.choice(sorted(bases))
        delivery = deliveries.begin(
            feed=feed, file_name=f"{feed}_{n}.csv", way="upload", by="test"
        )
        deliveries.append(delivery, 0, mangled(bases[feed].read_bytes(), chance))
        feed_actions.receive(delivery)
    feed_actions.take_in_waiting()
    states = set()
    for run in FeedRun.objects.all():
        states.add(run.state)
        assert run.state in {"published", "held", "failed"}, run.problem
        assert (run.state == "published") or run.problem
        assert "Error:" not in run.problem.removeprefix("UnreadableFileError:")
        fates = run.loaded + run.quarantined + run.excluded + run.duplicate
        rejected = RejectedRow.objects.filter(run=run).values("row_number").distinct()
        if run.state == "published":
            assert fates == run.rows_in
            assert rejected.count() == run.quarantined + run.excluded
        else:
            assert fates == rejected.count() == 0
    assert states >= {"published", "failed"}
    assert not list((tmp_path / "deliveries").glob("opened-*"))
