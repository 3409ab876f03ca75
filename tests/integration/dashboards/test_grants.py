"""Grants as pages and walls meet them: one at a time, from their day to their day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from governance import actions, tasks
from governance.models import Grant, Org, Scope
from tests import live_system as system
from tests import page_builders
from tests.live_pages import EXPORT, LIST, page_of, words
from tests.live_people import ODA, OURS

pytestmark = pytest.mark.usefixtures("as_made")


@contextmanager
def second_grant(live) -> Iterator[Grant]:
    """Our member also works for the other network, as a social prescriber."""
    user = live.users["pcn_mdt_member"]
    with system.acting_as("worker"):
        grant = actions.grant_role(
            user=user,
            role="pcn_social_prescriber",
            org=Org.objects.get(pk="U3"),
            start_on=date(2026, 1, 1),
            end_on=None,
            by="test",
        )
    try:
        yield grant
    finally:
        with system.acting_as("worker"):
            actions.grant_role(
                user=user,
                role="pcn_social_prescriber",
                org=Org.objects.get(pk="U3"),
                start_on=date(2026, 1, 1),
                end_on=timezone.localdate(),
                by="test",
            )


def test_under_one_grant_the_people_of_another_are_not_shown(live, mdt):
    with second_grant(live) as grant:
        assert words(mdt.get(LIST)).count('<li class="app-card"') == len(OURS)
        assert mdt.get(page_of(live, ODA)).status_code == 403
        assert mdt.post(EXPORT, {"practice": "Z81005"}).status_code == 400
        other = live.client("pcn_mdt_member")
        session = other.session
        session["grant_id"] = grant.pk
        session.save()
        page = words(other.get(LIST))
        assert page.count('<li class="app-card"') == 2
        assert other.get(EXPORT).status_code == 403
    assert words(other.get(LIST)).count('<li class="app-card"') == len(OURS)


def test_a_withdrawn_grant_shows_nobody_from_that_moment(live):
    client = live.client("colleague")
    assert client.get(LIST).status_code == 200
    grant = Grant.objects.get(user=live.users["colleague"])
    given = {
        "user": live.users["colleague"],
        "role": grant.role,
        "org": grant.org,
        "start_on": grant.start_on,
        "by": "test",
    }
    try:
        with system.acting_as("worker"):
            actions.grant_role(**given, end_on=timezone.localdate())
        assert client.get(LIST).status_code == 403
    finally:
        with system.acting_as("worker"):
            actions.grant_role(**given, end_on=None)
    assert client.get(LIST).status_code == 200


def test_an_older_hash_signs_in_though_the_web_may_write_no_password(live):
    hashers = "django.contrib.auth.hashers."
    newer_first = [f"{hashers}PBKDF2PasswordHasher", f"{hashers}MD5PasswordHasher"]
    form = {
        "username": live.users["colleague"].username,
        "password": page_builders.PASSWORD,
    }
    with override_settings(PASSWORD_HASHERS=newer_first):
        assert Client().post(reverse("sign-in"), form).status_code == 302
        wrong = Client().post(reverse("sign-in"), form | {"password": "not this one"})
    assert wrong.status_code == 422
    told = [row["event"] for row in system.audit_rows()]
    assert told[-2:] == ["signed_in", "sign_in_failed"]


def test_a_grant_that_begins_or_ends_by_its_date_moves_the_second_wall(live):
    """Row-level security reads scopes: the nightly task works them out by date."""

    def in_scope(user) -> list[str]:
        rows = Scope.objects.filter(user=user).order_by("practice_code")
        return list(rows.values_list("practice_code", flat=True))

    colleague = live.users["colleague"]
    grant = Grant.objects.get(user=colleague)
    before = in_scope(colleague)
    assert before == ["Z81001", "Z81002"]
    tomorrow = timezone.localdate() + timedelta(days=1)
    try:
        with system.acting_as("worker"):
            Grant.objects.filter(pk=grant.pk).update(start_on=tomorrow)
            tasks.renew_scopes()
            assert in_scope(colleague) == []
            assert in_scope(live.users["pcn_mdt_member"]) == before
            assert actions.renew_scopes(on=tomorrow) == len(live.users)
            assert in_scope(colleague) == before
    finally:
        with system.acting_as("worker"):
            Grant.objects.filter(pk=grant.pk).update(start_on=grant.start_on)
            tasks.renew_scopes()
    assert in_scope(colleague) == before
