"""One NHS number, and every hash that anyone could make of it, looked for everywhere.

Nine hundred million numbers pass the check digit: an unkeyed hash of one is undone in
minutes. So neither the number nor such a hash may stand in the store, the logs, the
queue, an export or an error page.
"""

import base64
import hashlib
import io
import logging
import os
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
import redis
from django.test import Client

from linkage import person_actions, tasks
from linkage.keys import part_keys, row_keys
from tests import live_system as system
from tests.integration.linkage.conftest import (
    EPISODE,
    INDEXED,
    LISTED,
    OBSERVATION,
    PATIENT,
    delivered,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
CANARY = "9990001553"
PRINTED = (CANARY, "999 000 1553", "999-000-1553")
SALTS = ("", "nhs number", "block number", "known identity")
SALTS += tuple(f"{word} {n}" for word in ("row", "subject", "once") for n in range(30))


def hashes() -> Iterator[str]:
    """Every unkeyed form in which the number could have slipped through."""
    for printed in PRINTED:
        yield printed
        for name in sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}):
            digest = hashlib.new(name, printed.encode()).digest()
            yield digest.hex()
            yield digest.hex()[:32]
            yield base64.b64encode(digest).decode().rstrip("=")
            yield base64.urlsafe_b64encode(digest).decode().rstrip("=")
            for order in ("little", "big"):
                yield str(int.from_bytes(digest[:8], order, signed=True))
    frame = pl.DataFrame({"n": [CANARY]})
    for salt in SALTS:
        key = row_keys(frame, ["n"], salt)
        yield str(key[0])
        yield str(part_keys(key, "registration")[0])
    # How a registration was keyed once: number, practice and date, of which the last
    # two stand beside it.
    known = pl.DataFrame(
        {"n": [CANARY], "practice": ["Z81001"], "start": [date(2001, 5, 9)]}
    )
    for feed in range(1, 30):
        plain = row_keys(known, ["n", "practice", "start"], f"registration {feed}")
        yield str(part_keys(plain, "registration")[0])


def dumped(role: str) -> str:
    """Every row of every table that a role of the store may read, as text."""
    said = []
    with system.connect(role) as connection:
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
            " AND has_table_privilege(c.oid, 'SELECT')"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            said += [row for (row,) in rows]
    return "\n".join(said)


@pytest.fixture
def told(deliver, postcodes, tmp_path) -> Iterator[dict[str, str]]:
    """The canary's records through every kind of feed, good, bad and unknown rows."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    number = {"NHS Number": CANARY}
    try:
        deliver("registered_list", LISTED, number, number | {"Date of Birth": "x"})
        deliver("gp_patient", PATIENT, {"nhs_number": CANARY})
        deliver("trust_patient_index", INDEXED, {"NHSNumber": CANARY})
        deliver("gp_observation", OBSERVATION, {})
        held = {"NEWNHSNO": CANARY, "DIAG_01": CANARY, "ADMIDATE": "1801-01-01"}
        deliver("sus_apc", EPISODE, {"NEWNHSNO": CANARY}, held)
        # A number where a token belongs is refused, not kept.
        token = {"namespace": "dscro", "token": CANARY, "nhs_number": CANARY}
        run = deliver("pseudonym_crosswalk", token, {})
        assert (run.loaded, run.quarantined) == (0, 1)
        deliver("national_data_opt_out", {"nhs_number": CANARY}, {})
        person_actions.check_links(as_of=date(2026, 9, 30))
        broken = delivered(tmp_path / "gp_patient_broken.csv", {"a": CANARY}, {})
        with pytest.raises(ValueError, match="no column for"):
            tasks.load_feed_file("gp_patient", str(broken), "2026-09-30")
        yield {"log": log.getvalue()}
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def test_the_number_and_its_hashes_stand_nowhere_outside_the_vault(told) -> None:
    everything = dict(told)
    for role in ("loader", "worker", "audit_reader"):
        everything[role] = dumped(role)
    assert "Z81001" in everything["loader"]
    queue = redis.Redis.from_url(os.environ["REDIS_URL"])
    everything["queue"] = " ".join(
        f"{key!r} {queue.dump(key)!r}" for key in queue.scan_iter()
    )
    found = [
        (where, form)
        for form in set(hashes())
        for where, text in everything.items()
        if form in text
    ]
    assert found == []


def test_an_error_page_does_not_repeat_what_was_asked(told) -> None:
    client = Client(raise_request_exception=False)
    page = client.get(f"/nowhere/{CANARY}/")
    assert page.status_code == 404
    assert CANARY not in page.content.decode()
    refused = client.post("/sign-in/", {"username": CANARY, "password": "x"})
    assert CANARY not in refused.headers.get("Location", "")
