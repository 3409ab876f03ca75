"""Signing in: password and second step, lockout, and how long a session lasts."""

import base64
import json

import pytest
from django.core.management import call_command
from django.test import Client

from governance import actions, factors, second_factor
from governance.access import viewer_for
from governance.models import SignInTries
from tests import live_system as system
from tests.integration.sign_in.conftest import App, give_password, is_in
from tests.live_people import ANNA

LIST = "/lists/proactive_care/"


def test_without_a_second_step_a_password_is_enough_in_a_demonstration(gp, clock):
    client = Client()
    assert give_password(client)["Location"] == "/role/?next=%2F"
    assert is_in(client)
    assert system.audit_rows("signed_in")[-1]["detail"] == {"by": "password"}


def test_a_second_step_is_asked_of_who_has_one(gp, app):
    client = Client()
    response = give_password(client, next="/lists/")
    assert response["Location"] == "/sign-in/code/?next=%2Flists%2F"
    assert not is_in(client)
    page = client.get(response["Location"])
    assert page.status_code == 200
    done = client.post("/sign-in/code/", {"code": app.code, "next": "/lists/"})
    # A team member has two purposes, and chooses one as the session begins.
    assert done["Location"] == "/role/?next=%2Flists%2F"
    assert is_in(client)
    told = system.audit_rows("signed_in")[-1]
    assert (told["user_id"], told["detail"]) == (gp.pk, {"by": "app"})


def test_a_code_without_a_password_opens_nothing(gp, app):
    client = Client()
    assert client.get("/sign-in/code/")["Location"] == "/sign-in/"
    assert client.post("/sign-in/code/", {"code": app.code})["Location"] == "/sign-in/"
    assert not is_in(client)


def test_a_password_waits_ten_minutes_for_its_code(gp, app, clock):
    client = Client()
    give_password(client)
    clock.moves(minutes=11)
    response = client.post("/sign-in/code/", {"code": app.code})
    assert response["Location"] == "/sign-in/"


def test_a_code_is_good_once_for_whoever_has_seen_it(gp, app):
    code = app.code
    for client, expected in ((Client(), 302), (Client(), 422)):
        give_password(client)
        response = client.post("/sign-in/code/", {"code": code})
        assert response.status_code == expected
    assert system.audit_rows("second_factor_refused")[-1]["detail"] == {
        "account": gp.pk
    }


def test_a_paper_code_is_good_once(gp, app, clock):
    with factors.looking_after(gp):
        codes = factors.renew_recovery_codes(gp, now=clock.now, by=viewer_for(gp))
    for expected in (302, 422):
        client = Client()
        give_password(client)
        response = client.post("/sign-in/code/", {"code": codes[0].lower()})
        assert response.status_code == expected


def test_five_wrong_passwords_close_the_account_for_a_quarter_of_an_hour(gp, clock):
    client = Client()
    for _ in range(5):
        assert give_password(client, "wrong").status_code == 422
    locked = give_password(client)
    assert locked.status_code == 429
    assert "Wait 15 minutes" in locked.content.decode()
    assert not is_in(client)
    assert system.audit_rows("sign_in_failed")[-1]["detail"] == {"closed": True}
    assert system.audit_rows("sign_in_locked")
    clock.moves(minutes=15, seconds=1)
    assert give_password(client).status_code == 302


def test_a_right_password_forgets_the_wrong_ones(gp, clock):
    client = Client()
    for _ in range(3):
        for _ in range(4):
            assert give_password(client, "wrong").status_code == 422
        assert give_password(client).status_code == 302


def test_an_unknown_account_closes_like_a_known_one(gp, clock):
    answers = []
    for name in ("gp", "nobody-of-this-name"):
        client = Client()
        tries = [give_password(client, "wrong", name) for _ in range(6)]
        answers.append([(r.status_code, len(r.content)) for r in tries])
    known, unknown = answers
    assert [status for status, _ in known] == [status for status, _ in unknown]
    assert [status for status, _ in known] == [422] * 5 + [429]


def test_wrong_codes_close_the_second_step(gp, app, clock):
    client = Client()
    give_password(client)
    for _ in range(5):
        assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    assert client.post("/sign-in/code/", {"code": app.code}).status_code == 429


def test_what_was_typed_is_kept_nowhere(gp, clock):
    give_password(Client(), "a secret word", "a-password-by-mistake")
    kept = str(list(SignInTries.objects.values())) + str(system.audit_rows())
    assert "a-password-by-mistake" not in kept
    assert "a secret word" not in kept


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_request(gp, clock):
    client = Client()
    give_password(client)
    for _ in range(3):
        clock.moves(minutes=14)
        assert is_in(client)
    clock.moves(minutes=15, seconds=1)
    assert not is_in(client)


def test_a_session_ends_ten_hours_after_signing_in(gp, clock):
    client = Client()
    give_password(client)
    for _ in range(52):
        clock.moves(minutes=12)
        if not is_in(client):
            break
    response = client.get("/")
    assert response["Location"].startswith("/sign-in/")
    assert 595 <= (clock.now - gp_signed_in_at(gp)).total_seconds() / 60 <= 620


def gp_signed_in_at(gp):
    gp.refresh_from_db()
    return gp.last_login


def test_signing_in_changes_the_sessions_key(gp, app):
    client = Client()
    client.get("/sign-in/")
    give_password(client)
    before = client.session.session_key
    client.post("/sign-in/code/", {"code": app.code})
    assert client.session.session_key != before


def test_where_everybody_needs_a_second_step_a_newcomer_can_only_add_one(
    gp, clock, settings
):
    settings.SECOND_FACTOR = "required"
    client = Client()
    give_password(client)
    for address in ("/", "/lists/", LIST, "/overview/"):
        assert client.get(address)["Location"] == "/security/"
    assert client.get("/security/").status_code == 200
    assert client.get("/security/app/").status_code == 200


def test_a_demonstrations_account_opens_nothing_anywhere_else(gp, clock, settings):
    client = Client()
    with system.acting_as("worker"):
        type(gp).objects.filter(pk=gp.pk).update(is_demo=True)
    assert give_password(client).status_code == 302
    assert "Demonstration with invented people" in client.get("/").content.decode()
    settings.DEMO = False
    assert not is_in(client)
    refused = give_password(client)
    assert refused.status_code == 422
    assert "Demonstration with" not in refused.content.decode()


# Step-up: names are shown to who confirmed lately


def reveal(client: Client):
    return client.post(
        f"{LIST}names/",
        {"reason": "mdt_review"},
        headers={"Referer": f"http://testserver{LIST}"},
    )


def signed_in_with(app) -> Client:
    client = Client()
    give_password(client)
    client.post("/sign-in/code/", {"code": app.code})
    return client


def test_names_are_shown_for_a_quarter_of_an_hour_after_the_second_step(gp, app, clock):
    client = signed_in_with(app)
    assert reveal(client)["Location"] == LIST
    assert ANNA.surname in client.get(LIST).content.decode()
    clock.moves(minutes=8)
    is_in(client)
    clock.moves(minutes=8)
    response = reveal(client)
    assert response["Location"] == "/sign-in/confirm/?next=%2Flists%2Fproactive_care%2F"
    assert ANNA.surname not in client.get(LIST).content.decode()
    confirmed = client.post("/sign-in/confirm/", {"code": app.code, "next": LIST})
    assert confirmed["Location"] == LIST
    assert system.audit_rows("confirmed")[-1]["user_id"] == gp.pk
    reveal(client)
    assert ANNA.surname in client.get(LIST).content.decode()


def test_a_wrong_code_confirms_nothing(gp, app, clock):
    client = signed_in_with(app)
    clock.moves(minutes=14)
    is_in(client)
    clock.moves(minutes=2)
    assert client.post("/sign-in/confirm/", {"code": "123456"}).status_code == 422
    assert reveal(client)["Location"].startswith("/sign-in/confirm/")


def test_a_form_of_who_is_signed_out_leads_back_to_its_page(gp, clock):
    """Signed in again one stands where one was, and is told that nothing was kept."""
    client = Client()
    give_password(client)
    clock.moves(hours=11)
    response = reveal(client)
    assert response["Location"] == f"/sign-in/?next={LIST}"
    assert "nothing was kept" in client.get(response["Location"]).content.decode()
    assert "nothing was kept" not in client.get("/sign-in/").content.decode()


@pytest.mark.parametrize(
    ("stands_on", "back_to"),
    [
        ("http://testserver/cohorts/build/?q=a", "/cohorts/build/%3Fq%3Da"),
        ("https://evil.example/", "/"),
    ],
)
def test_a_part_of_a_page_takes_its_whole_page_to_the_door(live, stands_on, back_to):
    asked = {"HX-Request": "true", "HX-Current-URL": stands_on}
    response = Client().get("/cohorts/build/?part=who", headers=asked)
    assert response["HX-Redirect"] == f"/sign-in/?next={back_to}"
    assert response.content == b""


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "\\\\evil"])
def test_nobody_is_sent_elsewhere(gp, app, to):
    client = Client()
    assert "evil" not in give_password(client, next=to)["Location"]
    done = client.post("/sign-in/code/", {"code": app.code, "next": to})
    assert done["Location"] == "/role/?next=%2F"


# One's own second steps


def test_an_app_is_added_with_its_first_code_and_taken_away(gp, clock):
    client = Client()
    give_password(client)
    page = client.get("/security/app/").content.decode()
    assert 'src="data:image/svg+xml' in page
    kept = bytes.fromhex(client.session["new_app_secret"])
    secret = second_factor.unseal(kept, gp.pk)
    assert second_factor.in_base32(secret) in page
    wrong = client.post("/security/app/", {"name": "Phone", "code": "000000"})
    assert wrong.status_code == 422
    code = second_factor.code_at(secret, int(clock.now.timestamp()) // 30)
    added = client.post("/security/app/", {"name": "Phone", "code": code})
    assert added["Location"] == "/security/"
    page = client.get("/security/").content.decode()
    assert "Phone" in page
    paper = client.post("/security/change/", {"do": "codes"}).content.decode()
    assert paper.count("<li><code>") == second_factor.RECOVERY_CODES
    with factors.looking_after(gp):
        [held] = [f for f in factors.of(gp) if f.kind == "app"]
    client.post("/security/change/", {"factor": held.pk})
    with factors.looking_after(gp):
        assert factors.of(gp) == []


@pytest.mark.parametrize("change", ["added", "codes", "taken away"])
def test_another_way_to_sign_in_ends_every_other_session(gp, app, clock, live, change):
    here, elsewhere = signed_in_with(app), Client()
    clock.moves(seconds=30)  # an app's code is good once
    give_password(elsewhere)
    elsewhere.post("/sign-in/code/", {"code": app.code})
    somebody_else = live.client("pcn_mdt_member")
    assert is_in(elsewhere)
    if change == "added":
        here.get("/security/app/")
        kept = bytes.fromhex(here.session["new_app_secret"])
        new = App(second_factor.unseal(kept, gp.pk), clock)
        told = here.post("/security/app/", {"code": new.code}, follow=True)
    elif change == "codes":
        told = here.post("/security/change/", {"do": "codes"})
    else:
        with factors.looking_after(gp):
            [held] = factors.of(gp)
        told = here.post("/security/change/", {"factor": held.pk}, follow=True)
    assert "signed out everywhere else" in told.content.decode()
    assert is_in(here)
    assert not is_in(elsewhere)
    assert is_in(somebody_else)


def test_an_old_session_cannot_change_second_steps(gp, app, clock):
    client = signed_in_with(app)
    clock.moves(minutes=14)
    is_in(client)
    clock.moves(minutes=2)
    for address in ("/security/app/", "/security/passkey/"):
        assert client.get(address)["Location"].startswith("/sign-in/confirm/")
    response = client.post("/security/change/", {"factor": 1})
    assert response["Location"].startswith("/sign-in/confirm/")


def test_nobody_reaches_anothers_second_steps(live, gp, app, as_role):
    with factors.looking_after(gp):
        [held] = factors.of(gp)
    stranger = live.client("pcn_mdt_member")
    assert stranger.post("/security/change/", {"factor": held.pk}).status_code == 302
    with factors.looking_after(gp):
        assert len(factors.of(gp)) == 1
    web = as_role("web")
    assert web.execute("SELECT count(*) FROM governance_secondfactor").fetchone() == (
        0,
    )
    with web.transaction():
        web.execute("SELECT set_config('app.viewer_id', '0', true)")
        assert web.execute("DELETE FROM governance_secondfactor").rowcount == 0


def test_the_demonstrations_gp_gets_an_app_that_works(gp, clock, capsys):
    with system.acting_as("worker"):
        type(gp).objects.filter(pk=gp.pk).update(is_demo=True)
    for _ in range(2):  # made anew, the first secret opens nothing any more
        call_command("demo_second_factor")
        told = json.loads(capsys.readouterr().out)
    secret = base64.b32decode(told["app_secret"])
    client = Client()
    give_password(client)
    code = second_factor.code_at(secret, int(clock.now.timestamp()) // 30)
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    assert is_in(client)


def test_lost_second_steps_are_forgotten_by_the_worker(gp, app):
    with system.acting_as("worker"):
        call_command("account", "gp", forget_second_factors=True)
    assert give_password(Client())["Location"] == "/role/?next=%2F"
    assert system.audit_rows("second_factors_forgotten")


def test_what_has_ended_is_forgotten(gp, clock):
    client = Client()
    give_password(client, "wrong")
    give_password(client)
    with system.acting_as("worker"):
        assert actions.forget_spent(now=clock.now) == 0
        clock.moves(days=2)
        assert actions.forget_spent(now=clock.now) >= 2
    assert not SignInTries.objects.exists()
