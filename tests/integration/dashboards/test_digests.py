"""Word by e-mail: chosen by each member, counts alone, and no trace of a person."""

import re
import smtplib
from datetime import date, timedelta
from unittest import mock

import pytest
from django.conf import settings
from django.core import mail, signing
from django.urls import reverse

from dashboards.actions import change, digest_proof
from dashboards.actions.cards import RefusedDecisionError
from dashboards.actions.digests import send_digests
from dashboards.actions.teams import choose_digest
from dashboards.selectors import worklist as lists
from dashboards.team_models import Digest
from governance import access, pseudonym
from tests import live_system as system
from tests.live_pages import words
from tests.live_people import ANNA, EVERYBODY, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made", "mailing")
PAGE = reverse("list-digest")
MONDAY = date(2026, 11, 23)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def mailing(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.MAIL_IS_SET_UP = True
    settings.MAIL_DOMAINS = ("nhs.net",)
    settings.PUBLIC_ADDRESS = "https://catchment.example.nhs.uk"
    mail.outbox = []


@pytest.fixture
def member(live):
    return live.viewer("pcn_mdt_member")


def asked(viewer, how_often="daily", address="someone@nhs.net"):
    """A choice as it is kept, before anybody has proved whose the address is."""
    with access.scoped(viewer):
        return choose_digest(address=address, how_often=how_often, by=viewer)


def link_to(viewer):
    """The link in the message that the worker sends for a choice; None without one."""
    with system.acting_as("worker"):
        if not digest_proof.send_proof(user_id=viewer.user_id):
            return None
    body = mail.outbox.pop().body
    (found,) = re.findall(r"https://[^/\s]+(/lists/digest/proof/\S+)", body)
    return found


def choose(viewer, how_often="daily", address="someone@nhs.net"):
    """A choice with its address proved, as by opening the link that was sent."""
    kept = asked(viewer, how_often, address)
    if settings.MAIL_IS_SET_UP:
        proof = link_to(viewer).rstrip("/").rsplit("/", 1)[1]
        with access.scoped(viewer):
            kept = digest_proof.prove(link=proof, by=viewer)
    return kept


def send(on=MONDAY):
    with system.acting_as("worker"):
        return send_digests(on=on)


def test_only_who_chose_it_is_sent_counts_and_a_link(member):
    assert send() == 0
    choose(member)
    assert send() == 1
    (message,) = mail.outbox
    assert message.to == ["someone@nhs.net"]
    assert message.subject == "Your lists: 6 to decide, 6 new"
    assert "6 to decide, 6 new to you" in message.body
    assert "https://catchment.example.nhs.uk/lists/" in message.body
    row = system.audit_rows("digest_sent")[-1]
    assert (row["user_id"], row["persons"]) == (member.user_id, 0)


def test_nothing_of_a_person_is_in_it(live, member):
    """Names, numbers, references, reasons, notes: of everybody, ours included."""
    with access.scoped(member):
        change(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            kind="assigned",
            detail={"user": member.user_id},
            seen_version=0,
            note="CANARYNOTE",
            by=member,
        )
        made = lists.worklist(member, PROGRAMME)
    choose(member)
    send()
    (message,) = mail.outbox
    sent = f"{message.subject}\n{message.body}\n{message.message()}"
    told = ["CANARYNOTE", member.full_name, member.username]
    for someone in EVERYBODY:
        told += [someone.surname, someone.forename, someone.nhs_number]
        told += [str(someone.person_no), someone.practice]
        for viewer in (member, live.viewer("their_mdt")):
            found = lists.reference(viewer, someone.person_no)
            told += [found, pseudonym.short(found)]
    for card in made.today:
        told += [*card.reasons, *card.known, *card.needs]
    assert {words for words in told if words.lower() in sent.lower()} == set()
    assert "In your hands: 1 card, 0 overdue." in message.body


def test_a_day_brings_one_message_however_often_the_task_runs(member):
    choose(member)
    assert [send(), send(), send(TUESDAY)] == [1, 0, 1]
    assert len(mail.outbox) == 2


def test_by_the_week_it_comes_on_mondays(member):
    choose(member, "weekly")
    days = [MONDAY + timedelta(days=days) for days in (0, 1, 6, 7, 8)]
    assert [send(on) for on in days] == [1, 0, 0, 1, 0]


def test_a_monday_on_which_nothing_went_is_made_good_the_day_after(member):
    choose(member, "weekly")
    assert send(MONDAY - timedelta(days=7)) == 1
    assert [send(TUESDAY), send(TUESDAY + timedelta(days=1))] == [1, 0]
    assert send(MONDAY + timedelta(days=7)) == 1


def test_what_the_server_refuses_is_tried_again_and_stops_nobody_else(live, member):
    choose(member)
    choose(live.viewer("colleague"), address="other@nhs.net")
    sending = mail.EmailMessage.send

    def refuses(message, *given):
        if message.to == ["someone@nhs.net"]:
            raise smtplib.SMTPRecipientsRefused({"someone@nhs.net": (550, b"no")})
        return sending(message, *given)

    with mock.patch.object(mail.EmailMessage, "send", refuses):
        assert send() == 1
    assert send() == 1
    assert sorted(to for m in mail.outbox for to in m.to) == [
        "other@nhs.net",
        "someone@nhs.net",
    ]


def test_who_may_not_open_the_lists_today_is_sent_nothing(live, member):
    choose(member)
    with system.connect("worker") as worker:
        worker.execute(
            "UPDATE governance_user SET trained_until = '2020-01-01' WHERE id = %s",
            [member.user_id],
        )
    try:
        assert send() == 0
    finally:
        with system.connect("worker") as worker:
            worker.execute(
                "UPDATE governance_user SET trained_until = '2099-01-01' WHERE id = %s",
                [member.user_id],
            )
    assert send() == 1


def test_without_a_mail_server_nothing_is_sent_and_the_page_says_so(
    mdt, member, settings
):
    settings.MAIL_IS_SET_UP = False
    choose(member)
    assert send() == 0
    assert "No mail server is set up here" in words(mdt.get(PAGE))


def test_the_choice_is_made_changed_and_ended_on_the_page(mdt, member):
    page = words(mdt.get(PAGE))
    assert "What it would say today" in page
    assert "6 to decide" in page
    given = {"how_often": "weekly", "address": "me@nhs.net"}
    assert "Open the link that is sent" in words(mdt.post(PAGE, given, follow=True))
    with access.scoped(member):
        kept = Digest.objects.get()
    assert (kept.user_id, kept.address) == (member.user_id, "me@nhs.net")
    assert "Your address waits for its proof" in words(mdt.get(PAGE))
    link = link_to(member)
    assert "me@nhs.net" in words(mdt.get(link))
    assert "You will be sent word." in words(mdt.post(link, follow=True))
    assert "me@nhs.net was proved to be yours on" in words(mdt.get(PAGE))
    page = words(mdt.post(PAGE, {"how_often": ""}, follow=True))
    assert "Nothing is sent to you now." in page
    with access.scoped(member):
        assert not Digest.objects.exists()


@pytest.mark.parametrize(
    ("address", "how_often"),
    [
        ("me@home.example", "daily"),
        ("me@evilnhs.net", "daily"),
        ("me", "daily"),
        ("me@nhs.net", "hourly"),
        ("me@nhs.net\nBcc: all@nhs.net", "daily"),
    ],
)
def test_an_address_elsewhere_is_refused_and_said_so(mdt, member, address, how_often):
    answer = mdt.post(PAGE, {"address": address, "how_often": how_often})
    assert answer.status_code == 400
    with access.scoped(member):
        assert not Digest.objects.exists()
        with pytest.raises(RefusedDecisionError):
            choose_digest(address=address, how_often=how_often, by=member)


def test_nobody_sees_or_changes_anybody_elses_choice(live, member):
    choose(member)
    other = live.viewer("colleague")
    with access.scoped(other):
        assert not Digest.objects.exists()
        assert Digest.objects.all().delete()[0] == 0
    with access.scoped(member):
        assert Digest.objects.count() == 1


def test_the_example_on_the_page_is_audited_before_it_is_counted(live, member):
    before = len(system.audit_rows("digest_previewed"))
    assert "6 to decide" in words(live.client("pcn_mdt_member").get(PAGE))
    rows = system.audit_rows("digest_previewed")
    assert len(rows) == before + 1
    assert rows[-1]["user_id"] == member.user_id


# Whose an address is


def test_nothing_is_sent_before_the_link_was_opened(mdt, member):
    asked(member)
    assert send() == 0
    link = link_to(member)
    assert mdt.get(link).status_code == 200  # a scanner opens links too
    assert send() == 0
    assert mdt.post(link).status_code == 302
    assert send() == 1
    assert system.audit_rows("digest_address_proved")[-1]["user_id"] == member.user_id


def test_a_link_is_of_one_use_one_member_and_one_day(live, mdt, member, monkeypatch):
    asked(member)
    link = link_to(member)
    other = live.client("colleague")
    asked(live.viewer("colleague"), address="other@nhs.net")
    assert other.post(link).status_code == 400
    with monkeypatch.context() as later:
        later.setattr(digest_proof, "LASTS", timedelta(seconds=-1))
        late = mdt.post(link)
    assert late.status_code == 400
    assert "proves nothing any more" in words(late)
    assert mdt.post(link).status_code == 302
    assert mdt.post(link).status_code == 400
    assert mdt.post(link[:-3] + "xx/").status_code == 400
    assert send() == 1


def test_a_newer_link_or_another_address_takes_the_place_of_a_link(mdt, member):
    asked(member)
    first, second = link_to(member), link_to(member)
    assert mdt.post(first).status_code == 400
    asked(member, address="else@nhs.net")
    assert mdt.post(second).status_code == 400
    assert mdt.post(link_to(member)).status_code == 302
    # How often is changed without a new proof; another address needs one.
    asked(member, "weekly", "else@nhs.net")
    assert link_to(member) is None
    assert send() == 1
    asked(member, "daily", "third@nhs.net")
    assert send(TUESDAY) == 0


def test_what_the_table_keeps_opens_nothing(member):
    asked(member)
    link = link_to(member)
    with access.scoped(member):
        kept = Digest.objects.get()
    assert kept.proof
    assert kept.proof not in link
    made_up = signing.dumps([member.user_id, kept.proof], salt=digest_proof.SALT)
    with access.scoped(member), pytest.raises(RefusedDecisionError):
        digest_proof.prove(link=made_up, by=member)
