"""A supplier's period and number stand once; a whole list that comes again counts."""

from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from linkage import actions, feed_actions, roll_back
from linkage.feed_actions import RefusedDecisionError
from linkage.models import FeedRun
from linkage.opening import open_run
from tests.integration.linkage.conftest import ADA, EPISODE, EVE, LISTED, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
State = FeedRun.State
SPELLS = "SELECT count(*) FROM activity"
FLAGS = "SELECT national_opt_out FROM person"


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path: Path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


def episodes(*keys: str) -> list[dict[str, str]]:
    return [{"EPIKEY": key, "SUSSPELLID": key} for key in keys]


def test_the_same_number_with_other_content_is_refused_until_it_is_numbered(
    deliver, stored
) -> None:
    deliver("registered_list", LISTED, {})
    name = "sus_apc_RZ1_202608_1"
    first = deliver("sus_apc", EPISODE, *episodes("1"), name=name)
    assert (first.state, first.period, first.sequence) == ("published", "202608", 1)
    twin = deliver("sus_apc", EPISODE, *episodes("1", "2"), name=name)
    assert twin.state == State.REFUSED
    assert twin.problem == (
        "Number 1 for period 202608 of RZ1 came before with other content:"
        f" sus_apc_RZ1_202608_1.csv, run {first.pk}. Give a correction the next number,"
        " or roll that run back and release this one."
    )
    assert sums(twin) == (0, 0, 0, 0, 0)
    assert stored(SPELLS) == [(1,)]
    # The next number is a correction, and another supplier's or period's is its own.
    for other in ("sus_apc_RZ1_202608_2", "sus_apc_RZ2_202608_1"):
        run = deliver("sus_apc", EPISODE, *episodes("1", "2", other[-8:]), name=other)
        assert run.state == State.PUBLISHED
    # The very same bytes are no twin of themselves.
    again = deliver("sus_apc", EPISODE, *episodes("1"), name=name)
    assert (again.pk, again.state) == (first.pk, State.PUBLISHED)


def test_a_refused_twin_is_taken_in_once_the_first_is_rolled_back(
    deliver, stored
) -> None:
    deliver("registered_list", LISTED, {})
    name = "sus_apc_RZ1_202608_1"
    first = deliver("sus_apc", EPISODE, *episodes("1"), name=name)
    twin = deliver("sus_apc", EPISODE, *episodes("7", "8"), name=name)

    def release() -> FeedRun:
        return feed_actions.decide(
            run_id=twin.pk, release=True, reason="the right one", by="test"
        )

    with pytest.raises(RefusedDecisionError, match=f"run {first.pk}"):
        release()
    roll_back.roll_back_run(run_id=first.pk, reason="wrong file", by="test")
    release()
    feed_actions.load_run(run_id=twin.pk)
    twin.refresh_from_db()
    assert twin.state == State.PUBLISHED
    assert stored(SPELLS) == [(2,)]


def test_a_file_that_could_not_be_read_makes_room(
    vault_zone, tmp_path, deliver
) -> None:
    path = tmp_path / "sus_apc_RZ1_202608_1.csv"
    path.write_text("no,header,of\nthis,feed,1\n", encoding="utf-8")
    with pytest.raises(actions.UnreadableFileError):
        actions.load_feed_file(feed="sus_apc", path=path, by="test")
    failed = FeedRun.objects.get()
    deliver("registered_list", LISTED, {})
    mended = deliver("sus_apc", EPISODE, {}, name="sus_apc_RZ1_202608_1")
    assert mended.state == State.PUBLISHED
    # The first one, delivered once more, is the twin now.
    path.write_text("no,header,of\nthis,feed,1\n", encoding="utf-8")
    again = actions.load_feed_file(feed="sus_apc", path=path, by="test")
    assert (again.pk, again.state) == (failed.pk, State.REFUSED)


def test_the_database_itself_refuses_a_second_one(vault_zone) -> None:
    about = {"feed": "sus_apc", "supplier": "RZ1", "way": "test", "by": "test"}
    name = "sus_apc_RZ1_202608_1.csv"
    first, _ = open_run(sha256="a", file_name=name, **about)
    second, is_new = open_run(sha256="b", file_name=name, **about)
    assert (is_new, second.state) == (True, State.REFUSED)
    second.state = State.RECEIVED
    one_only = pytest.raises(IntegrityError, match="one_run_per_submission")
    with one_only, transaction.atomic():
        second.save()
    assert first.state == State.RECEIVED


@pytest.fixture
def listed(vault_zone, tmp_path):
    """Load a national list that came on a day: listed(day, ADA, EVE)."""

    def taken(on: date, *numbers: str, name: str = "weekly") -> FeedRun:
        path = tmp_path / f"national_data_opt_out_{name}.dat"
        path.write_text("".join(f"{n},\n" for n in numbers), encoding="utf-8")
        return actions.load_feed_file(
            feed="national_data_opt_out", path=path, by="test", received_on=on
        )

    return taken


def test_a_list_that_comes_again_as_it_was_is_in_force_again(
    deliver, listed, stored
) -> None:
    deliver("registered_list", LISTED, {})
    first = listed(date(2026, 9, 1), ADA)
    assert stored(FLAGS) == [(True,)]
    listed(date(2026, 9, 8), EVE)
    assert stored(FLAGS) == [(False,)]
    again = listed(date(2026, 9, 15), ADA)
    assert again.pk == first.pk
    assert stored(FLAGS) == [(True,)]
    assert again.detail["period_on"] == "2026-09-15"
    assert again.detail["was_on"] == ["2026-09-01"]
    # One that came between the two, and comes late, replaces it no more.
    listed(date(2026, 9, 12), EVE, "9990000034")
    assert stored(FLAGS) == [(True,)]


def test_an_old_message_sent_twice_brings_no_old_list_back(
    deliver, listed, stored
) -> None:
    deliver("registered_list", LISTED, {})
    listed(date(2026, 9, 2), ADA, name="202608")
    listed(date(2026, 10, 1), EVE, name="202609")
    # The month in its name says of when it is, whenever it comes.
    again = listed(date(2026, 10, 5), ADA, name="202608")
    assert stored(FLAGS) == [(False,)]
    assert "was_on" not in again.detail
