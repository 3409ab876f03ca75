"""The API as a partner meets it: who is let in, and how a refusal is said."""

from datetime import timedelta
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import actions
from governance.access import ACCESS
from governance.models import ApiToken, Grant, Org, User
from linkage.release import selectors as release
from tests import live_system as system
from tests.live_api import API, call, figures, path_of, refused

# Who is let in


@pytest.mark.parametrize("name", API)
@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_an_address_answers_the_roles_that_hold_its_scope(tokens, role, name):
    response = call(tokens[role], path_of(name))
    if API[name] not in ACCESS.roles[role].api:
        refused(response, 403)
        assert system.audit_rows("api_refused")[-1]["role"] == role
    else:
        assert response.status_code == (404 if name == "api-nowhere" else 200)
        told = system.audit_rows("api_read")[-1]
        assert (told["role"], told["detail"]["scope"]) == (role, API[name])


@pytest.mark.parametrize("name", API)
@pytest.mark.parametrize("held", sorted(set(API.values())))
def test_one_scope_opens_its_own_addresses_only(tokens, held, name):
    partner = ACCESS.roles["partner_client"].model_copy(
        update={"api": frozenset({held})}
    )
    with mock.patch.dict(ACCESS.roles, {"partner_client": partner}):
        response = call(tokens["partner_client"], path_of(name))
    assert (response.status_code != 403) == (API[name] == held)


def test_a_nul_in_an_address_is_an_unknown_address(tokens):
    refused(call(tokens["partner_client"], "/api/v1/%00"), 404)


@pytest.mark.parametrize("name", API)
def test_without_a_token_every_address_is_401(live, name):
    response = call(None, path_of(name))
    refused(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer nonsense", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "nonsense", ""],
)
def test_what_is_no_token_is_401(live, header):
    before = len(system.audit_rows())
    response = Client(headers={"Authorization": header}).get(reverse("api-root"))
    refused(response, 401)
    (told,) = system.audit_rows()[before:]
    assert (told["outcome"], told["user_id"]) == ("refused", None)
    assert "nonsense" not in repr(told)


def test_being_signed_in_is_no_token(live):
    refused(live.client("partner_client").get(reverse("api-root")), 401)


def test_the_digest_of_a_token_is_no_token(tokens):
    digest = actions.token_digest(tokens["partner_client"])
    assert ApiToken.objects.filter(digest=digest).exists()
    refused(call(digest, reverse("api-root")), 401)
    assert tokens["partner_client"] not in str(list(ApiToken.objects.values()))


@pytest.fixture
def guest(live):
    """A partner of whom a test takes something away, with a token."""
    user = system.make_user("partner_client", "P1", "guest")
    with system.acting_as("worker"):
        made = actions.issue_token(
            user=user, purpose="planning", today=timezone.localdate(), days=1, by="test"
        )
    yield user, made.secret
    with system.acting_as("worker"):
        user.delete()


YESTERDAY = timezone.localdate() - timedelta(days=1)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (ApiToken, {"expires_on": YESTERDAY}),
        (User, {"is_active": False}),
        (User, {"trained_until": YESTERDAY}),
        (Grant, {"end_on": timezone.localdate()}),
        (Grant, {"start_on": timezone.localdate() + timedelta(days=1)}),
        (Grant, {"role": "no_such_role"}),
    ],
    ids=["expired", "inactive", "untrained", "ended", "not begun", "no role"],
)
def test_a_token_opens_nothing_once_its_ground_is_gone(guest, model, change):
    user, secret = guest
    assert call(secret, reverse("api-root")).status_code == 200
    with system.acting_as("worker"):
        owner = {"pk": user.pk} if model is User else {"user": user}
        model.objects.filter(**owner).update(**change)
    refused(call(secret, reverse("api-root")), 401)


def test_a_new_token_ends_the_one_before(guest):
    user, secret = guest
    with system.acting_as("worker"):
        newer = actions.issue_token(
            user=user, purpose="planning", today=timezone.localdate(), days=1, by="test"
        )
    refused(call(secret, reverse("api-root")), 401)
    assert call(newer.secret, reverse("api-root")).status_code == 200


def test_what_cannot_be_audited_is_not_answered(tokens):
    with system.without_audit():
        refused(call(tokens["partner_client"], reverse("api-feeds")), 503)


# What is not answered, and how it is said


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("api-organisations", {"knd": "pcn"}),
        ("api-organisations", {"kind": "planet"}),
        ("api-organisations", {"limit": "0"}),
        ("api-organisations", {"limit": "501"}),
        ("api-organisations", {"limit": "many"}),
        ("api-indicator", {"place": "P2"}),
        ("api-indicator", {"by": "person"}),
        ("api-indicator", {"basis": "everyone"}),
        ("api-segments", {"by": "sub_icb"}),
    ],
    ids=str,
)
def test_a_parameter_that_is_not_right_is_400_and_named(tokens, name, query):
    response = call(tokens["partner_client"], path_of(name), query)
    assert next(iter(query)) in refused(response, 400)["detail"]


@pytest.mark.parametrize(
    "address", ["/api/v1/indicators/nothing/", "/api/v1/nothing/", "/api/v1/people/1"]
)
def test_what_there_is_not_is_404(tokens, address):
    assert refused(call(tokens["partner_client"], address), 404)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("name", API)
def test_nothing_can_be_changed(tokens, name, method):
    response = call(tokens["partner_client"], path_of(name), method=method)
    refused(response, 405)


def test_another_format_than_json_is_not_offered(tokens):
    client = Client(headers={"Authorization": f"Bearer {tokens['partner_client']}"})
    response = client.get(reverse("api-feeds"), headers={"Accept": "text/csv"})
    refused(response, 406)


def test_before_the_first_release_figures_are_503(tokens):
    with mock.patch.object(release, "current", return_value=None):
        for name in ("api-indicator", "api-segments"):
            refused(call(tokens["partner_client"], path_of(name)), 503)
        for name in ("api-organisations", "api-indicators", "api-feeds"):
            assert call(tokens["partner_client"], path_of(name)).status_code == 200


def test_a_place_without_people_is_403_and_no_error(live):
    with system.acting_as("worker"):
        Org.objects.create(code="P9", kind="place", name="Nowhere")
    user = system.make_user("partner_client", "P9")
    try:
        with system.acting_as("worker"):
            secret = actions.issue_token(
                user=user,
                purpose="planning",
                today=timezone.localdate(),
                days=1,
                by="t",
            ).secret
        for address, query in figures():
            if (query["by"], query["basis"]) == ("practice", "registered"):
                refused(call(secret, address, query), 403)
    finally:
        with system.acting_as("worker"):
            user.delete()
            Org.objects.filter(code="P9").delete()
