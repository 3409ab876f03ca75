"""Who did what: searched, checked, reviewed by the week, shown to each of oneself."""

from datetime import timedelta

import polars as pl
import pytest
from django.utils import timezone

from dashboards.selectors.access_review import (
    OUT_OF_HOURS,
    VERDICTS,
    mondays,
    owed,
)
from governance import access, audit
from linkage.vault import watch
from tests import live_system as system
from tests.live_people import ANNA, EDNA, PROGRAMME

LIST = f"/lists/{PROGRAMME}/"


def text(response) -> str:
    assert response.status_code == 200, response.content
    return response.content.decode()


def reveal(client) -> None:
    client.post(f"{LIST}names/", {"reason": "mdt_review"})
    assert ANNA.surname in text(client.get(LIST))


def test_the_reveal_is_in_ones_own_history_and_the_leads_search(live, as_made):
    mdt = live.client("pcn_mdt_member")
    reveal(mdt)
    own = text(mdt.get("/my-access/"))
    assert "Asked for names" in own
    assert "mdt review" in own
    assert ANNA.surname not in own
    who = live.users["pcn_mdt_member"].full_name
    lead = live.client("ig_lead")
    found = text(lead.get("/access/audit/", {"who": who, "event": "reveal_asked"}))
    assert "Asked for names" in found
    assert who in found
    nobody = text(lead.get("/access/audit/", {"who": "nobody at all"}))
    assert "Nothing fits" in nobody


def test_ones_own_history_is_ones_own(live, as_made):
    reveal(live.client("pcn_mdt_member"))
    for role in ("place_lead", "ig_lead"):
        assert "Asked for names" not in text(live.client(role).get("/my-access/"))


@pytest.mark.parametrize(
    "query",
    [
        {"outcome": "refused"},
        {"subject": PROGRAMME},
        {"from": "2020-01-01", "to": "2099-01-01"},
        {"from": "not a day", "before": "x", "who": "\N{SNOWMAN}'; --"},
        {"before": "1"},
        {"before": "9" * 40},
    ],
    ids=str,
)
def test_a_search_answers_whatever_it_is_asked(live, query):
    audit.record("list_viewed", live.viewer("pcn_mdt_member"), subject=PROGRAMME)
    text(live.client("ig_lead").get("/access/audit/", query))


def test_a_search_by_day_and_outcome_finds_those_rows_alone(live):
    audit.record("tried", None, subject="x", outcome="refused")
    lead = live.client("ig_lead")
    today = timezone.localdate().isoformat()
    found = text(lead.get("/access/audit/", {"event": "tried", "from": today}))
    assert '<td class="nhsuk-table__cell">refused</td>' in found
    later = {
        "event": "tried",
        "from": (timezone.localdate() + timedelta(days=2)).isoformat(),
    }
    assert "Nothing fits" in text(lead.get("/access/audit/", later))
    allowed = {"event": "tried", "outcome": "allowed"}
    assert "Nothing fits" in text(lead.get("/access/audit/", allowed))


@pytest.mark.parametrize("role", ["pcn_mdt_member", "system_analyst", "data_manager"])
@pytest.mark.parametrize("path", ["/access/audit/", "/access/review/"])
def test_only_governance_looks_at_everybody(live, role, path):
    assert live.client(role).get(path).status_code == 403


def test_the_button_says_that_the_trail_stands_and_what_does_not(
    live, settings, tmp_path
):
    settings.AUDIT_ANCHORS = f"file://{tmp_path}/none.jsonl"
    lead = live.client("ig_lead")
    audit.record("something", None, subject="here")
    assert "The trail stands as it was written" in text(
        lead.post("/access/audit/check/")
    )
    told = system.audit_rows("trail_checked")[-1]
    assert told["detail"]["faults"] == 0
    change = (
        "UPDATE {0} SET persons = persons + {1} WHERE id ="
        " (SELECT max(id) FROM {0} WHERE event = 'something')"
    )
    table = "governance_auditevent"
    with system.connect("migrator") as owner:
        for step in (7, -7):
            owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
            owner.execute(change.format(table, step))
            owner.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            page = text(lead.post("/access/audit/check/"))
            assert ("things in the trail are not as they were" in page) is (step > 0)
    settings.AUDIT_ANCHORS = "http://127.0.0.1:9/"
    assert "The chains alone were checked" in text(lead.post("/access/audit/check/"))


# The weekly review: the vault says yes or no


@pytest.fixture
def staff(live):
    """Anna's own record belongs to the team member; Edna works elsewhere here."""
    rows = pl.DataFrame(
        {
            "user": [
                live.users["pcn_mdt_member"].username,
                live.users["place_lead"].username,
            ],
            "nhs_number": [ANNA.nhs_number, EDNA.nhs_number],
            "surname": [ANNA.surname, "Elsewhere"],
            "line1": ["9 Another Road", None],
            "postcode": ["ZZ2 2ZZ", None],
        }
    )
    with system.acting_as("vault", "vault"), system.acting_as("loader"):
        watch.replace_staff(rows)
    yield
    with system.acting_as("vault", "vault"), system.acting_as("loader"):
        watch.replace_staff(rows.clear())


def test_a_look_at_oneself_is_flagged_and_named_to_nobody(live, as_made, staff):
    reveal(live.client("pcn_mdt_member"))
    lead = live.client("ig_lead")
    page = text(lead.get("/access/review/"))
    for flag in ("their own record", "somebody of their surname"):
        assert flag in page
    assert "somebody at their address" not in page
    for secret in (ANNA.surname, ANNA.nhs_number, "ZZ1 9ZZ"):
        assert secret not in page
    written = system.connect("vault").execute(
        "SELECT outcome FROM reveal_event ORDER BY id DESC LIMIT 1"
    )
    assert written.fetchone() == ("reviewed",)


def test_what_was_found_is_kept_in_the_trail(live, as_made, staff):
    reveal(live.client("pcn_mdt_member"))
    lead = live.client("ig_lead")
    page = text(lead.get("/access/review/"))
    event = int(page.split('action="/access/review/')[1].split("/")[0])
    done = lead.post(f"/access/review/{event}/", {"verdict": "explained"})
    assert done["Location"].startswith("/access/review/?week=")
    told = system.audit_rows("access_reviewed")[-1]
    assert (told["subject"], told["detail"]) == (
        f"reveal {event}",
        {"verdict": "explained"},
    )
    assert VERDICTS["explained"] in text(lead.get("/access/review/"))
    before = len(system.audit_rows("access_reviewed"))
    lead.post(f"/access/review/{event}/", {"verdict": "made up"})
    assert len(system.audit_rows("access_reviewed")) == before


def test_a_reveal_at_night_is_flagged_by_londons_clock(live, as_made):
    reveal(live.client("pcn_mdt_member"))
    monday = mondays(timezone.localdate())[0]
    with system.connect("vault_migrator") as owner:
        owner.execute(
            "UPDATE reveal_event SET at = %s WHERE id = (SELECT max(id) FROM"
            " reveal_event WHERE outcome = 'revealed')",
            [f"{monday} 03:00 Europe/London"],
        )
    assert OUT_OF_HOURS in text(live.client("ig_lead").get("/access/review/"))


@pytest.fixture
def used_specially(live, as_made):
    """`used_specially(moment)`: a reveal by special access then; returns its number."""
    made = []

    def use(at) -> int:
        reveal(live.client("pcn_mdt_member"))
        with system.connect("vault_migrator") as owner:
            (number,) = owner.execute(
                "UPDATE reveal_event SET at = %s, outcome = %s WHERE id = (SELECT"
                " max(id) FROM reveal_event WHERE outcome = 'revealed') RETURNING id",
                [at, watch.SPECIAL],
            ).fetchone()
        made.append(number)
        return number

    yield use
    with system.connect("vault_migrator") as owner:
        owner.execute("DELETE FROM reveal_event WHERE id = ANY(%s)", [made])


def looked_at(event: int):
    """Whose use, who looked, what they found, their note, and whether it was late."""
    with system.connect("migrator") as owner:
        owner.execute("ALTER TABLE special_access_look DISABLE ROW LEVEL SECURITY")
        found = owner.execute(
            "SELECT used_by, looked_by, outcome, note, looked_at::date > due_on"
            " FROM special_access_look WHERE event = %s",
            [event],
        ).fetchone()
        owner.execute("ALTER TABLE special_access_look ENABLE ROW LEVEL SECURITY")
    return found


def owed_to(live) -> tuple[list[int], int]:
    lead = live.viewer("ig_lead")
    with access.scoped(lead):
        found = owed(lead, timezone.now())
    return [reveal.event for reveal in found.reveals], found.overdue


def test_special_access_is_looked_at_again_within_two_working_days(
    live, used_specially
):
    now = timezone.now()
    before, overdue = owed_to(live)
    used_specially(now - timedelta(days=366))
    forgotten = used_specially(now - timedelta(days=300))
    late = used_specially(now - timedelta(days=8))
    new = used_specially(now - timedelta(minutes=1))
    assert owed_to(live) == ([*before, forgotten, late, new], overdue + 2)
    for role in ("ig_lead", "caldicott_guardian"):
        page = text(live.client(role).get("/access/review/"))
        assert f"{overdue + 2} overdue" in page
        assert "overdue since" in page
        assert ANNA.surname not in page
    lead = live.client("ig_lead")
    told = {"verdict": "followed_up", "note": "Spoke to  the team & wrote it up"}
    lead.post(f"/access/review/{late}/", told)
    assert owed_to(live) == ([*before, forgotten, new], overdue + 1)
    used_by = live.users["pcn_mdt_member"].username
    assert looked_at(late) == (
        used_by,
        live.users["ig_lead"].username,
        "followed_up",
        "Spoke to the team & wrote it up",
        True,
    )
    assert system.audit_rows("access_reviewed")[-1]["detail"] == {
        "verdict": "followed_up",
        "special": True,
    }
    page = text(lead.get("/access/review/"))
    assert "Spoke to the team &amp; wrote it up" in page
    assert live.users["ig_lead"].full_name in page


def test_a_look_at_special_access_stays_as_it_was_written(live, used_specially):
    event = used_specially(timezone.now() - timedelta(minutes=1))
    lead, guardian = live.client("ig_lead"), live.client("caldicott_guardian")
    lead.post(f"/access/review/{event}/", {"verdict": "no_concern"})
    before = looked_at(event)
    assert before[1:] == (live.users["ig_lead"].username, "no_concern", "", False)
    rows = len(system.audit_rows("access_reviewed"))
    again = {"verdict": "explained", "note": "Another word"}
    page = text(guardian.post(f"/access/review/{event}/", again, follow=True))
    assert "What they found stays" in page
    assert looked_at(event) == before
    assert len(system.audit_rows("access_reviewed")) == rows


@pytest.mark.parametrize(
    ("verdict", "note", "answer"),
    [
        ("explained", "", "Say in a sentence"),
        ("followed_up", "   ", "Say in a sentence"),
        ("made up", "A word", "Choose what you found"),
        ("explained", f"About {ANNA.nhs_number}", "Leave numbers and postcodes"),
        ("no_concern", "x" * 301, "300 letters at most"),
    ],
)
def test_a_look_that_says_too_little_or_too_much_is_refused(
    live, used_specially, verdict, note, answer
):
    event = used_specially(timezone.now() - timedelta(minutes=1))
    sent = {"verdict": verdict, "note": note}
    lead = live.client("ig_lead")
    page = text(lead.post(f"/access/review/{event}/", sent, follow=True))
    assert answer in page
    assert looked_at(event) is None
    assert event in owed_to(live)[0]


def test_nobody_looks_at_their_own_special_access(live, used_specially):
    event = used_specially(timezone.now() - timedelta(minutes=1))
    lead = live.client("ig_lead")
    with system.connect("vault_migrator") as owner:
        owner.execute(
            "UPDATE reveal_event SET viewer_id = %s WHERE id = %s",
            [live.users["ig_lead"].pk, event],
        )
    sent = {"verdict": "no_concern", "note": "Quite in order"}
    page = text(lead.post(f"/access/review/{event}/", sent, follow=True))
    assert "Nobody looks at their own use" in page
    assert looked_at(event) is None
    live.client("caldicott_guardian").post(f"/access/review/{event}/", sent)
    assert looked_at(event)[0] == live.users["ig_lead"].username


def test_without_the_vault_the_review_says_so(live, as_made):
    live.vault.is_down = True
    page = live.client("ig_lead").get("/access/review/")
    assert page.status_code == 503
    assert "The vault does not answer" in page.content.decode()


def test_a_week_without_reveals_has_nothing_to_review(live, as_made):
    old = mondays(timezone.localdate())[-1].isoformat()
    page = text(live.client("ig_lead").get("/access/review/", {"week": old}))
    assert "No names were shown in this week" in page


# People whose details are withheld nationally


@pytest.fixture
def withheld(live):
    with system.acting_as("vault", "vault"):
        watch.replace_withheld(pl.Series([ANNA.nhs_number, "9990000018"]))
    yield
    with system.acting_as("vault", "vault"):
        watch.replace_withheld(pl.Series([], dtype=pl.String))


def test_a_person_whose_details_are_withheld_is_never_named(live, as_made, withheld):
    mdt = live.client("pcn_mdt_member")
    mdt.post(f"{LIST}names/", {"reason": "mdt_review"})
    page = text(mdt.get(LIST))
    assert ANNA.surname not in page
    assert "withheld nationally" in page
