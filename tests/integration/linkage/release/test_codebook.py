"""A codelist changes in two steps, by two people, and every step shows its effect."""

import threading
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction

from linkage.codebook import actions, selectors, tasks
from linkage.codebook.in_force import hashes, in_force
from linkage.models import CodelistVersion
from linkage.release import parts
from tests.integration.linkage.release.conftest import ILL, PEOPLE
from tests.live_system import audit_rows

pytestmark = pytest.mark.django_db(databases=["default", "audit"], transaction=True)

WITHOUT = "code,term\n4981000,Panacinar emphysema\n"
ONLY_ONE = "code,term\n13645005,COPD\n"


def propose(text: str = WITHOUT, by: str = "ana") -> CodelistVersion:
    return actions.propose(
        name="copd", text=text, where="copd.csv", why="Panacinar only", by=by
    )


def propose_ending() -> CodelistVersion:
    """Another list that the same register reads: the codes that end it."""
    return actions.propose(
        name="copd_resolved",
        text="code,term\n941201000000103,COPD resolved\n1,Cured\n",
        where="r.csv",
        why="",
        by="ana",
    )


@pytest.fixture
def written() -> Callable[[str], list[dict[str, Any]]]:
    """The audit rows of an event since the test began."""
    before = len(audit_rows())

    def rows(event: str) -> list[dict[str, Any]]:
        return [row for row in audit_rows()[before:] if row["event"] == event]

    return rows


def with_copd(release) -> set[int]:
    frame = parts.read_all(release.pk, "features", ["has_copd"])
    return set(frame.filter("has_copd")["person_no"].to_list())


def test_a_change_shows_who_leaves_before_it_is_accepted_and_then_counts(
    refreshed, acting_as
) -> None:
    before = refreshed()
    assert with_copd(before) == set(ILL)
    with acting_as("web"):
        version = propose()
        assert version.version == 2
        assert list(selectors.change_of(version).added) == []
        assert "13645005" in selectors.change_of(version).removed
        # Nothing is in force yet, and nobody accepts what was not worked out.
        assert "13645005" in in_force()["copd"].codes
        with pytest.raises(actions.RefusedCodelistError, match="worked out"):
            actions.accept(version_id=version.pk, by="ben")
    with acting_as("worker"):
        actions.measure(version_id=version.pk)
    with acting_as("web"):
        effects = {e.feature: e for e in selectors.effects_of(version)}
        flag = effects["has_copd"]
        assert set(flag.before) == set(ILL)
        assert set(flag.moves["leaving"]) == set(ILL)
        assert not flag.moves["entering"]
        version.refresh_from_db()
        with pytest.raises(actions.RefusedCodelistError, match="Somebody else"):
            actions.accept(version_id=version.pk, by="ana")
        # Nor does Postgres take it, whatever code forgets.
        for by in ("ana", ""):
            with pytest.raises(IntegrityError), transaction.atomic():
                CodelistVersion.objects.filter(pk=version.pk).update(
                    state="accepted", decided_by=by
                )
        was = hashes()["copd"]
        actions.accept(version_id=version.pk, by="ben")
        assert hashes()["copd"] != was
        assert "13645005" not in in_force()["copd"].codes
    after = refreshed()
    assert with_copd(after) == set()
    assert after.definitions["codelist/copd"] != before.definitions["codelist/copd"]


def test_a_later_version_takes_the_place_of_an_earlier_one(
    refreshed, acting_as
) -> None:
    refreshed()
    with acting_as("worker"):
        first = actions.measure(version_id=propose().pk)
        actions.accept(version_id=first.pk, by="ben")
        again = propose(text="code,term\n13645005,COPD\n4981000,Panacinar\n")
        assert again.version == 3
        assert list(selectors.change_of(again).added) == ["13645005"]
        actions.measure(version_id=again.pk)
        (flag,) = [e for e in selectors.effects_of(again) if e.feature == "has_copd"]
        assert set(flag.moves["entering"]) == set(ILL)
        actions.accept(version_id=again.pk, by="ben")
        first.refresh_from_db()
    assert first.state == "superseded"
    assert in_force()["copd"].terms["13645005"] == "COPD"


def test_what_was_shown_before_another_list_was_accepted_is_worked_out_again(
    refreshed, acting_as
) -> None:
    """Two proposals, each shown beside the list as it was: the second must wait."""
    refreshed()
    with acting_as("worker"):
        first, second = propose(), propose(text=ONLY_ONE)
        for each in (first, second):
            actions.measure(version_id=each.pk)
        assert not selectors.outdated()
        assert "4981000" in selectors.change_of(second).removed
        actions.accept(version_id=first.pk, by="ben")
        assert selectors.outdated() == [second]
        # What would change is what changes from the list in force now.
        change = selectors.change_of(second)
        assert list(change.added) == ["13645005"]
        assert list(change.removed) == ["4981000"]
        with pytest.raises(actions.RefusedCodelistError, match="worked out again"):
            actions.accept(version_id=second.pk, by="ben")
        assert "4981000" in in_force()["copd"].codes
        actions.measure(version_id=second.pk)
        flag = {e.feature: e for e in selectors.effects_of(second)}["has_copd"]
        assert set(flag.moves["entering"]) == set(ILL)
        assert not flag.before
        actions.accept(version_id=second.pk, by="ben")
    assert set(in_force()["copd"].codes) == {"13645005"}


def test_of_two_accepted_at_one_moment_the_second_is_refused(
    refreshed, acting_as, as_role, written
) -> None:
    """Two lists of one register: each fits what it was shown beside, both do not."""
    refreshed()
    with acting_as("worker"):
        first, second = propose(), propose_ending()
        for each in (first, second):
            actions.measure(version_id=each.pk)
        with transaction.atomic():
            actions.accept(version_id=first.pk, by="ben")
            told: list[Exception | None] = []
            another = threading.Thread(target=accept_apart, args=(second.pk, told))
            another.start()
            waits_for_the_lock(as_role("migrator"), lambda: bool(told))
        another.join(60)
        second.refresh_from_db()
    (refusal,) = told
    assert isinstance(refusal, actions.RefusedCodelistError)
    assert "worked out again" in str(refusal)
    assert (second.state, second.decided_by) == ("proposed", "")
    assert "1" not in in_force()["copd_resolved"].codes
    accepted = written("codelist_accepted")
    assert [row["subject"] for row in accepted] == ["copd version 2"]


def accept_apart(version_id: int, told: list[Exception | None]) -> None:
    """Accept on connections of one's own, as another process does."""
    try:
        actions.accept(version_id=version_id, by="cem")
        told.append(None)
    except actions.RefusedCodelistError as error:
        told.append(error)
    finally:
        connections.close_all()


def waits_for_the_lock(catalogue, is_over: Callable[[], bool]) -> None:
    """Return once somebody waits for the advisory lock, or nobody needed it."""
    waiting = (
        "SELECT count(*) FROM pg_locks"
        " WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    )
    end = time.monotonic() + 60
    while not is_over() and time.monotonic() < end:
        if catalogue.execute(waiting, [actions.ACCEPT_LOCK]).fetchone()[0]:
            return
        time.sleep(0.05)


def test_the_trail_says_who_decided_and_how_many_codes_came_and_went(
    refreshed, acting_as, written
) -> None:
    refreshed()
    shipped = len(in_force()["copd"].codes)
    with acting_as("worker"):
        first, second = propose(), propose(text=ONLY_ONE)
        third = propose(text="code,term\n13645005,COPD\n4981000,Panacinar\n")
        for each in (first, second):
            with pytest.raises(actions.RefusedCodelistError, match="worked out"):
                actions.accept(version_id=each.pk, by="ben")
            actions.measure(version_id=each.pk)
        actions.accept(version_id=first.pk, by="ben")
        with pytest.raises(actions.RefusedCodelistError, match="worked out again"):
            actions.accept(version_id=second.pk, by="ben")
        actions.measure(version_id=second.pk)
        actions.accept(version_id=second.pk, by="cem")
        actions.decline(version_id=third.pk, by="ben")

    def trail(event: str) -> list[tuple[str, dict[str, Any]]]:
        return [(row["subject"], row["detail"]) for row in written(event)]

    assert trail("codelist_proposed") == [
        ("copd version 2", {"by": "ana", "codes": 1}),
        ("copd version 3", {"by": "ana", "codes": 1}),
        ("copd version 4", {"by": "ana", "codes": 2}),
    ]
    # Numbers beside the list in force at that moment; what was refused left no row.
    assert trail("codelist_accepted") == [
        ("copd version 2", {"by": "ben", "added": 0, "removed": shipped - 1}),
        ("copd version 3", {"by": "cem", "added": 1, "removed": 1}),
    ]
    assert trail("codelist_declined") == [
        ("copd version 4", {"by": "ben", "added": 1, "removed": 0})
    ]


def test_what_a_decision_was_made_on_stays_as_it_was_shown(
    refreshed, acting_as
) -> None:
    """A task may come a second time, after the decision: the queue delivers so."""
    refreshed()
    with acting_as("worker"):
        version = actions.measure(version_id=propose().pk)
        actions.accept(version_id=version.pk, by="ben")
        actions.measure(version_id=version.pk)
        (flag,) = [e for e in selectors.effects_of(version) if e.feature == "has_copd"]
    assert set(flag.moves["leaving"]) == set(ILL)


def test_what_stands_is_not_worked_out_a_second_time(
    refreshed, acting_as, monkeypatch
) -> None:
    refreshed()
    with acting_as("worker"):
        version = actions.measure(version_id=propose().pk)
        monkeypatch.setattr(actions, "derive", None)
        actions.measure(version_id=version.pk)
        assert selectors.effects_of(version)


def test_what_has_no_effect_to_decide_on_is_queued_again(
    store, refreshed, acting_as, monkeypatch
) -> None:
    queued: list[int] = []
    monkeypatch.setattr(tasks.measure_codelist, "delay", queued.append)

    def resumed() -> list[int]:
        queued.clear()
        tasks.resume_codelists()
        return list(queued)

    with acting_as("worker"):
        first, second = propose(), propose(text=ONLY_ONE)
        # Before the first release there is nobody to move.
        assert resumed() == []
    refreshed()
    with acting_as("worker"):
        assert resumed() == [first.pk, second.pk]
        for each in (first, second):
            actions.measure(version_id=each.pk)
        assert resumed() == []
        actions.accept(version_id=first.pk, by="ben")
        assert resumed() == [second.pk]


def test_a_list_that_the_same_register_reads_counts_as_well(
    refreshed, acting_as
) -> None:
    refreshed()
    with acting_as("worker"):
        version, ending = propose(), propose_ending()
        elsewhere = actions.propose(
            name="gout", text="code,term\n90560007,Gout\n", where="g", why="", by="ana"
        )
        for each in (version, ending, elsewhere):
            actions.measure(version_id=each.pk)
        actions.accept(version_id=elsewhere.pk, by="ben")
        assert not selectors.outdated()
        actions.accept(version_id=ending.pk, by="ben")
        assert selectors.outdated() == [version]


def test_what_was_declined_never_counts(refreshed, acting_as) -> None:
    refreshed()
    with acting_as("worker"):
        version = propose()
        actions.decline(version_id=version.pk, by="ben")
        with pytest.raises(actions.RefusedCodelistError, match="already declined"):
            actions.accept(version_id=version.pk, by="ben")
    assert "13645005" in in_force()["copd"].codes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "copd", "text": "words\nx\n"}, "no column"),
        ({"name": "brand_new", "text": WITHOUT}, "new list"),
        ({"name": "Not A Name", "text": WITHOUT}, "small letters"),
        (
            {"name": "x1", "text": WITHOUT, "system": "read2", "title": "x"},
            "read2",
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(given, said, store, acting_as) -> None:
    with (
        acting_as("web"),
        pytest.raises(actions.RefusedCodelistError, match=said),
    ):
        actions.propose(where="x.csv", why="", by="ana", **given)


def test_saying_the_same_again_is_refused(store, acting_as) -> None:
    listed = in_force()["copd"]
    text = "code,term\n" + "".join(f'{c},"{t}"\n' for c, t in listed.terms.items())
    with (
        acting_as("web"),
        pytest.raises(actions.RefusedCodelistError, match="same codes"),
    ):
        propose(text=text)


def test_codes_never_seen_are_those_without_an_event(refreshed, acting_as) -> None:
    assert not selectors.was_looked()
    refreshed()
    with acting_as("web"):
        lost = dict(selectors.unseen("copd"))
        assert "13645005" not in lost
        assert "4981000" in lost
        assert dict(selectors.unseen("copd_icd10"))


def test_a_list_is_loaded_by_command(refreshed, acting_as, tmp_path) -> None:
    refreshed()
    path = tmp_path / "ICD_COPD.csv"
    path.write_text(
        "Disease,ICD10code,ICD10codeDescr,Category\n"
        "COPD,J41-J43,Chronic bronchitis,Diagnosis\n"
        "COPD,J44,Other COPD,Diagnosis\n"
    )
    said = StringIO()
    with acting_as("worker"):
        call_command(
            "load_codelist",
            "copd_icd10",
            str(path),
            by="ana",
            accept_by="ben",
            stdout=said,
        )
        assert set(in_force()["copd_icd10"].codes) == {"J41", "J42", "J43", "J44"}
        with pytest.raises(CommandError, match="same codes"):
            call_command("load_codelist", "copd_icd10", str(path), by="ana")
    words = said.getvalue()
    assert "4 of its codes never stand in our data" in words
    assert f"has_copd{'':<28} {len(ILL):>9,}  0 entering, 0 leaving" in words
    assert "in force from the next refresh" in words


def test_everybody_is_traced_to_where_they_were_a_year_before(
    refreshed, acting_as, settings
) -> None:
    settings.REFRESH_STAGES = "config.schedule.STAGES"
    release = refreshed()
    before = parts.read_all(release.pk, "segments_before")
    assert before.height == len(PEOPLE)
    now = parts.read_all(release.pk, "segments", ["segment"])
    # Nobody fell ill within the year, so nobody moved.
    joined = now.join(before, on="person_no")
    assert joined["segment"].to_list() == joined["segment_before"].to_list()
    with acting_as("web"):
        assert "segment_before" in {row["name"] for row in release.catalogue}
