"""The national opt-out service's reply: who is not in it has opted out."""

import os
import stat
from pathlib import Path

import pytest
from django.core.management import call_command

from linkage.actions import load_feed_file
from linkage.vault.opt_outs import NothingAskedError
from tests.integration.linkage.conftest import ADA, EVE, LISTED, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
FLAGS = "SELECT national_opt_out FROM person ORDER BY person_no"


def reply(folder: Path, name: str, *numbers: str):
    path = folder / name
    path.write_text("".join(f"{number},\n" for number in numbers), encoding="utf-8")
    return load_feed_file(feed="national_opt_out_reply", path=path, by="test")


def test_a_reply_without_a_request_is_refused(vault_zone, tmp_path) -> None:
    with pytest.raises(NothingAskedError, match="ask_opt_outs"):
        reply(tmp_path, "ndop_1.dat", ADA)


def test_who_was_asked_about_and_is_not_in_the_reply_has_opted_out(
    deliver, stored, tmp_path
) -> None:
    eve = {"NHS Number": EVE, "Given Name": "Eve"}
    deliver("registered_list", LISTED, {}, eve)
    asked = tmp_path / "asked.dat"
    call_command("ask_opt_outs", str(asked))
    assert asked.read_text().split() == sorted([f"{ADA},", f"{EVE},"])
    assert stat.S_IMODE(os.stat(asked).st_mode) == 0o600
    # Somebody who came after the request has not been asked about.
    late = {"NHS Number": "9990000034", "Given Name": "Bo", "Family Name": "Late"}
    deliver("registered_list", LISTED, late, name="late")
    run = reply(tmp_path, "ndop_1.dat", ADA)
    assert sums(run) == (1, 1, 0, 0, 0)
    assert sorted(stored(FLAGS)) == [(False,), (False,), (True,)]
    # The next reply is whole again: Eve has changed her mind.
    reply(tmp_path, "ndop_2.dat", ADA, EVE)
    assert stored(FLAGS) == [(False,), (False,), (False,)]


def test_the_published_form_is_read(sample_data: Path) -> None:
    from linkage.definitions import FEEDS
    from linkage.steps.read import read

    path = sample_data / "specs" / "ndop_mesh_example.dat"
    (frame,) = read(path, FEEDS["national_opt_out_reply"])
    assert frame["nhs_number"].str.len_chars().unique().to_list() == [10]
    assert frame.height == len(path.read_text().split())
