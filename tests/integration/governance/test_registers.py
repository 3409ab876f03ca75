"""Registers that govern: two people, history, and an end that is an end that day."""

from datetime import date, timedelta
from unittest import mock

import psycopg
import pytest
from django.urls import reverse
from django.utils import timezone

from governance import access, decisions
from governance.access import ACCESS
from governance.models import RegisterEntry
from governance.registers import actions, selectors
from governance.registers.actions import RefusedEntryError
from tests import live_system as system
from tests.live_api import call
from tests.live_pages import words

pytestmark = pytest.mark.usefixtures("as_made")


@pytest.fixture
def as_it_was(live):
    """Take back what a test entered into the registers."""
    last = RegisterEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    yield
    with system.acting_as("worker"):
        RegisterEntry.objects.filter(pk__gt=last).delete()


@pytest.fixture
def governors(live, as_it_was):
    """The information governance lead and the Caldicott Guardian, signed in."""
    return live.client("ig_lead"), live.client("caldicott_guardian")


def change(live, kind: str, key: str, expires_on: date, **other) -> RegisterEntry:
    """Propose and approve a new version of an entry, as two people of the web."""
    entry = selectors.book().newest(kind, timezone.localdate())[key]
    content = entry.content.model_dump(mode="json") | other
    lead, guardian = live.viewer("ig_lead"), live.viewer("caldicott_guardian")
    with access.scoped(lead):
        made = actions.propose(
            kind=kind,
            key=key,
            content=content,
            starts_on=timezone.localdate(),
            expires_on=expires_on,
            why="a test",
            by=lead.username,
        )
    with access.scoped(guardian):
        return actions.decide(
            entry_id=made.pk, approve=True, why="agreed", by=guardian.username
        )


def form_of(key: str, content: dict, **dates) -> dict[str, str]:
    told = {n: "\n".join(v) if isinstance(v, list) else v for n, v in content.items()}
    return told | {"key": key, "why": "a test"} | dates


def test_two_people_end_an_agreement_and_the_partners_call_fails_the_same_minute(
    live, governors
):
    lead, guardian = governors
    user = live.users["partner_client"]
    with system.acting_as("worker"):
        secret = system.actions.issue_token(
            user=user,
            purpose="planning",
            today=timezone.localdate(),
            days=7,
            by="test",
        ).secret
    assert call(secret, reverse("api-indicators")).status_code == 200
    key = user.grants.get().agreement
    today = timezone.localdate().isoformat()
    content = RegisterEntry.objects.get(kind="agreement", key=key).content
    address = reverse("register-propose", args=["agreement"])
    made = lead.post(address, form_of(key, content, starts_on=today, expires_on=today))
    assert made.status_code == 302
    waiting = RegisterEntry.objects.get(state="proposed")
    # Nothing changes by one person's word, nor by that person's second.
    assert call(secret, reverse("api-indicators")).status_code == 200
    decide = reverse("register-decide", args=[waiting.pk])
    refused = lead.post(decide, {"choice": "approve"}, follow=True)
    assert "Somebody else must decide" in words(refused)
    assert call(secret, reverse("api-indicators")).status_code == 200
    guardian.post(decide, {"choice": "approve", "why": "it has ended"})
    assert call(secret, reverse("api-indicators")).status_code == 401
    page = words(lead.get(reverse("register-entry", args=[waiting.pk])))
    assert "it has ended" in page
    assert "Version 1" in page
    told = [row["event"] for row in system.audit_rows()]
    assert {"register_proposed", "register_approved"} <= set(told)


def test_a_legal_basis_gives_until_the_day_before_it_ends(live):
    flows = selectors.book().live("flow", timezone.localdate())
    ends = flows["registered_list:population_health"].expires_on
    before = selectors.standing(ACCESS, "population_health", ends - timedelta(days=1))
    assert "registered_list" in before.live_feeds
    on_the_day = selectors.standing(ACCESS, "population_health", ends)
    assert "registered_list" not in on_the_day.live_feeds
    assert "ended on" in on_the_day.closed_feeds["registered_list"]


def test_when_every_basis_of_a_purpose_has_ended_its_pages_close_that_day(live):
    """And own care, which rests on other rows, stays open."""
    # All flows stand on one agreement, which ends before the last of them.
    on = selectors.book().live("agreement", timezone.localdate())["DSA-01"].expires_on

    def decision(role: str, purpose: str, page: str, day: date):
        return decisions.page(
            ACCESS, selectors.standing(ACCESS, purpose, day), role, purpose, page
        )

    day_before = on - timedelta(days=1)
    assert decision("icb_board_member", "planning", "overview", day_before)
    refused = decision("icb_board_member", "planning", "overview", on)
    assert "No feed has a legal basis" in refused.why
    assert decision("icb_board_member", "planning", "about", on)
    assert decision("pcn_clinician", "direct_care", "person", day_before)


def test_an_ended_basis_of_one_feed_closes_its_lane_and_rows(live, as_it_was):
    user = live.users["pcn_clinician"]
    before = access.admit(user, purpose="direct_care")
    assert "ecds" in before.standing.live_feeds
    change(live, "flow", "ecds:direct_care", timezone.localdate())
    after = access.admit(user, purpose="direct_care")
    assert "ecds" not in after.standing.live_feeds
    assert "ended on" in after.standing.closed_feeds["ecds"]
    other = access.admit(user, purpose="population_health")
    assert "ecds" in other.standing.live_feeds


def test_a_flow_ends_with_the_agreement_that_it_stands_on(live):
    agreement = selectors.book().live("agreement", timezone.localdate())["DSA-01"]
    on = agreement.expires_on
    flows = selectors.book().flows("operations", on)
    assert flows["national_data_opt_out"][1].endswith("which is not in force.")


def test_training_that_ends_ends_access(live):
    user = live.users["colleague"]
    with pytest.raises(access.NoViewerError, match="training ended"):
        access.admit(user, on=user.trained_until + timedelta(days=1))
    assert access.admit(user, on=user.trained_until)
    user.trained_until = None
    with pytest.raises(access.NoViewerError, match="No training is on record"):
        access.admit(user)


def test_training_without_an_end_is_not_taken(live, as_it_was):
    content = {"username": "colleague", "course": "Data security awareness"}
    entry = {"kind": "training", "key": "colleague", "starts_on": timezone.localdate()}
    why = {"why": "The course was taken", "by": "test"}
    with pytest.raises(actions.RefusedEntryError, match="Training ends"):
        actions.propose(content=content, expires_on=None, **entry, **why)


def test_new_training_takes_two_people_and_reaches_the_account(live, governors):
    lead, guardian = governors
    user = live.users["colleague"]
    until = timezone.localdate() + timedelta(days=400)
    given = {"username": user.username, "course": "Data security awareness"}
    dates = {
        "starts_on": timezone.localdate().isoformat(),
        "expires_on": (until + timedelta(days=1)).isoformat(),
    }
    lead.post(
        reverse("register-propose", args=["training"]),
        form_of(user.username, given, **dates),
    )
    waiting = RegisterEntry.objects.get(state="proposed")
    with mock.patch("governance.tasks.apply_training.delay_on_commit") as queued:
        guardian.post(
            reverse("register-decide", args=[waiting.pk]), {"choice": "approve"}
        )
    queued.assert_called_once_with(waiting.pk)
    before = user.trained_until
    try:
        with system.acting_as("worker"):
            actions.apply_training(entry_id=waiting.pk)
        user.refresh_from_db()
        assert user.trained_until == until
    finally:
        with system.acting_as("worker"):
            user.trained_until = before
            user.save(update_fields=["trained_until"])


def test_postgres_keeps_the_two_people_apart_as_well(live, as_it_was):
    """What the web's own code would forbid, the database forbids it too."""
    lead = live.viewer("ig_lead")
    analyst = live.viewer("system_analyst")
    insert = (
        "INSERT INTO register_entry (kind, key, version, content, starts_on, why,"
        " state, proposed_by, proposed_at, decided_by, decided_why)"
        " VALUES ('agreement', 'X', 9, '{}', current_date, 'x', %s, %s, now(), '', '')"
    )

    def tries(viewer, statement: str, *given) -> None:
        with system.connect("web") as web, web.transaction():
            web.execute(
                "SELECT set_config('app.viewer_id', %s, true)", [str(viewer.user_id)]
            )
            web.execute(statement, given)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tries(analyst, insert, "proposed", analyst.username)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tries(lead, insert, "proposed", "caldicott_guardian-qzz")
    tries(lead, insert, "proposed", lead.username)
    decide = (
        "UPDATE register_entry SET state = 'approved', decided_at = now(),"
        " decided_by = %s WHERE key = 'X'"
    )
    with pytest.raises(
        (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
    ):
        tries(lead, decide, lead.username)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tries(lead, "UPDATE register_entry SET expires_on = NULL WHERE key = 'X'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tries(lead, "DELETE FROM register_entry")


def test_what_does_not_fit_is_refused_with_its_reason(live, as_it_was):
    lead = live.viewer("ig_lead")
    given = {
        "kind": "training",
        "key": "somebody",
        "content": {"username": "somebody", "course": "x"},
        "starts_on": date(2026, 1, 2),
        "expires_on": date(2026, 1, 3),
        "why": "a test",
        "by": lead.username,
    }
    for wrong, why in (
        ({"kind": "nothing"}, "no register"),
        ({"content": {"username": "somebody"}}, "course"),
        ({"why": ""}, "why"),
        ({"expires_on": date(2026, 1, 1)}, "end before it begins"),
    ):
        with access.scoped(lead), pytest.raises(RefusedEntryError, match=why):
            actions.propose(**given | wrong)
    with access.scoped(lead):
        made = actions.propose(**given)
        with pytest.raises(RefusedEntryError, match="waits for a decision"):
            actions.propose(**given)
    guardian = live.viewer("caldicott_guardian")
    with access.scoped(guardian):
        actions.decide(entry_id=made.pk, approve=False, why="no", by=guardian.username)
        with pytest.raises(RefusedEntryError, match="already refused"):
            actions.decide(entry_id=made.pk, approve=True, why="", by=guardian.username)
    assert "somebody" not in selectors.book().newest("training", date(2026, 6, 1))


def test_the_page_says_what_ends_soon_and_exports_the_record_of_processing(live):
    client = live.client("ig_lead")
    page = words(client.get(reverse("registers")))
    assert "1 register entry ends within 60 days" in page
    assert "Voluntary sector alliance" in page
    sheet = client.get(reverse("ropa-csv"))
    text = sheet.content.decode()
    assert "UK GDPR Article 6" in text.splitlines()[0]
    flows = selectors.book().newest("flow", timezone.localdate())
    assert len(text.splitlines()) == len(flows) + 1
    book = client.get(reverse("ropa-xlsx"))
    assert book.content.startswith(b"PK")
    assert [r["event"] for r in system.audit_rows("ropa_exported")][-2:] == [
        "ropa_exported",
        "ropa_exported",
    ]


def test_registers_are_for_who_governs(live):
    for role in ("pcn_mdt_member", "system_analyst", "data_manager"):
        client = live.client(role)
        assert client.get(reverse("registers")).status_code == 403
        assert client.get(reverse("ropa-csv")).status_code == 403
