"""A loader killed at moments that nobody chose: the store ends as if it never was."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from random import Random

import pytest

from linkage import actions
from linkage.models import RejectedRow
from tests.conftest import ROOT
from tests.integration.linkage.conftest import (
    OBSERVATION,
    PATIENT,
    RECEIVED_ON,
    delivered,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
KILLS = 5
SEED = 2026
# A load of this file takes about as long; later kills find it done.
SPAN_SECONDS = 0.6
LOADS = """
import sys
from datetime import date
from pathlib import Path
import django
django.setup()
from linkage import actions
from linkage.steps import read
read.ROWS_PER_BATCH = 400
print("begun", flush=True)
actions.load_feed_file(feed="gp_observation", path=Path(sys.argv[1]), by="test",
                       received_on=date(2026, 9, 30))
"""
LEFT = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'staging' OR (n.nspname LIKE 'pg_temp%' AND c.relname LIKE 'aside%')
"""


def test_a_loader_killed_again_and_again_loses_and_doubles_nothing(
    deliver, stored, vault_zone, tmp_path
) -> None:
    deliver("gp_patient", PATIENT, {})
    rows = [
        {"observation_id": f"o{n}", "effective_datetime": date(2025, 1 + n % 12, 3)}
        for n in range(4_000)
    ]
    bad = [{"observation_id": f"b{n}", "snomed_concept_id": "?"} for n in range(5)]
    path = delivered(tmp_path / "gp_observation_2025.parquet", OBSERVATION, *rows, *bad)
    environment = os.environ | {
        "CATCHMENT_PROCESS": "vault",
        "DATABASE_URL": os.environ["TEST_LOADER_DATABASE_URL"],
        "VAULT_DATABASE_URL": os.environ["TEST_VAULT_DATABASE_URL"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    rng = Random(SEED)
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", LOADS, str(path)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0, SPAN_SECONDS))
        child.send_signal(signal.SIGKILL)
        child.wait()
        (there,) = stored("SELECT count(*) FROM event")
        assert there[0] in (0, len(rows))
    run = actions.load_feed_file(
        feed="gp_observation", path=path, by="test", received_on=RECEIVED_ON
    )
    assert sums(run) == (4_005, 4_000, 5, 0, 0)
    assert stored("SELECT count(*), count(DISTINCT record_key) FROM event") == [
        (4_000, 4_000)
    ]
    assert RejectedRow.objects.filter(run=run).count() == len(bad)
    assert stored(LEFT) == []
