"""The API as a partner meets it: who is let in, what is answered, what never is."""

import csv
import io
import json
from datetime import timedelta
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from django.db import ProgrammingError
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone
from drf_spectacular.validation import validate_schema

from dashboards.api import urls as api_urls
from dashboards.api.serializers import KINDS
from dashboards.definitions import INDICATORS
from dashboards.selectors import indicators
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import Geography
from governance import actions
from governance.access import ACCESS
from governance.disclosure import HIDE_UP_TO, ROUND_TO
from governance.models import ApiToken, Grant, Org, User
from linkage.definitions import FEEDS
from linkage.release import selectors as release
from tests import live_system as system

PROBLEM = "application/problem+json"
API = {
    pattern.name: pattern.callback.api_scope
    for pattern in api_urls.urlpatterns
    if hasattr(pattern.callback, "api_scope")
}
AVAILABLE = "frailty"


@pytest.fixture(scope="module")
def tokens(live) -> dict[str, str]:
    """A token of every role's user."""
    today = timezone.localdate()
    with system.acting_as("worker"):
        return {
            role: actions.issue_token(
                user=live.users[role],
                purpose="planning",
                today=today,
                days=7,
                by="test",
            ).secret
            for role in system.ROLE_PLACES
        }


def call(token: str | None, address: str, query: dict | None = None, method="get"):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return getattr(Client(headers=headers), method)(address, query)


@pytest.fixture
def get(tokens):
    """`get(address, …)` as the partner, which must be answered."""

    def ask(address: str, **query):
        response = call(tokens["partner_client"], address, query)
        assert response.status_code == 200, response.content
        return response.json()

    return ask


def path_of(name: str) -> str:
    converters = next(
        p.pattern.converters for p in api_urls.urlpatterns if p.name == name
    )
    other = {"api-nowhere": "nowhere/", "api-indicator": AVAILABLE}
    arguments = {"name": other[name]} if converters else {}
    return reverse(name, kwargs=arguments)


def refused(response, status: int) -> dict:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["advice"]
    return body


def figures() -> list[tuple[str, dict]]:
    """Every figure, by the widest and narrowest kinds of place on either basis."""
    names = [reverse("api-indicator", args=[name]) for name in INDICATORS]
    return [
        (address, {"by": kind, "basis": basis})
        for address in [*names, reverse("api-segments")]
        for kind in ("icb", "practice", "council")
        for basis in ("registered", "resident")
    ]


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
    response = Client(headers={"Authorization": header}).get(reverse("api-root"))
    refused(response, 401)


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
    with (
        system.without("INSERT", "governance_auditevent", "audit_writer"),
        pytest.raises(ProgrammingError),
    ):
        call(tokens["partner_client"], reverse("api-feeds"))


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


# What is answered


def test_the_root_names_addresses_that_answer(get):
    root = get(reverse("api-root"))
    assert root["place"] == "P1"
    for address in root["links"].values():
        get(address)


@pytest.mark.parametrize("limit", [1, 3, 7, 500])
def test_paging_walks_every_organisation_once(get, limit):
    address, found, pages = reverse("api-organisations"), [], 0
    query: dict = {"limit": limit}
    while address:
        page = get(address, **query)
        assert len(page["results"]) <= limit
        found += [row["code"] for row in page["results"]]
        address, _, words = (page["next"] or "").partition("?")
        query = {k: v[0] for k, v in parse_qs(words).items()}
        pages += 1
    assert found == sorted(Org.objects.values_list("code", flat=True))
    assert pages == -(-len(found) // limit)


def test_paging_keeps_what_was_asked(get):
    page = get(reverse("api-organisations"), kind="practice", limit=3)
    assert {row["kind"] for row in page["results"]} == {"practice"}
    query = parse_qs(urlsplit(page["next"]).query)
    assert query == {"kind": ["practice"], "limit": ["3"], "cursor": ["Z81003"]}
    first = page["results"][0]
    assert (first["code"], first["parents"]) == ("Z81001", ["U1"])


def test_the_feeds_are_all_there_in_their_order(get):
    rows = get(reverse("api-feeds"))
    by_number = sorted(FEEDS, key=lambda name: FEEDS[name].number)
    assert [row["feed"] for row in rows] == by_number
    assert {row["files"] for row in rows} == {0}


def available(live) -> list[str]:
    viewer, now = live.viewer("partner_client"), release.current()
    geography = Geography(now, "registered")
    place, _ = geography.chosen(viewer, "")
    asked = Asked(viewer, now, geography, place)
    return [name for name in INDICATORS if indicators.is_available(asked, name)]


def test_every_indicator_is_listed_and_those_of_this_release_answer(live, get, tokens):
    listed = get(reverse("api-indicators"))
    assert [row["name"] for row in listed] == list(INDICATORS)
    there = available(live)
    assert len(there) >= 6
    for row in listed:
        response = call(tokens["partner_client"], row["href"])
        assert response.status_code == (200 if row["name"] in there else 404)


def in_csv(client: Client, name: str, kind: str) -> dict[str, dict[str, str]]:
    """The page's own download of an indicator by place, by the place's code."""
    response = client.get(reverse("indicator-csv", args=[name, "places"]))
    assert response.status_code == 200
    rows = csv.DictReader(io.StringIO(response.content.decode()))
    return {row[f"{kind}_code"]: row for row in rows}


def test_a_figure_is_the_same_as_in_the_pages_download(live, get):
    """The place lead and the partner are of one place: they see one figure."""
    client = live.client("place_lead")
    compared = 0
    for name in available(live):
        body = get(reverse("api-indicator", args=[name]))
        kind = next(iter(body["rows"][0]["at"]))
        downloaded = in_csv(client, name, kind)
        assert set(downloaded) == {row["at"][kind] for row in body["rows"]}
        for row in body["rows"]:
            other = downloaded[row["at"][kind]]
            for field in ("count", "denominator", "rate", "lower_95", "upper_95"):
                text = "" if row[field] is None else str(row[field])
                assert other[field] == text, (name, field)
                compared += 1
            assert other["hidden"] == row["hidden"]
        assert {r["disclosure"] for r in downloaded.values()} == {body["disclosure"]}
    assert compared >= 50


def test_a_figure_says_what_it_is_and_how_far_to_trust_it(get):
    body = get(reverse("api-indicator", args=[AVAILABLE]), by="practice")
    spec = INDICATORS[AVAILABLE]
    assert (body["title"], body["per"]) == (spec.title, spec.per)
    assert "30 September 2026" in body["period"]
    assert body["disclosure"] == "protected aggregate"
    assert body["as_of"] == system.SEPTEMBER.isoformat()
    assert body["release"] == release.current().id
    assert all(body["fitness"].values())
    assert set(body["fitness"]) == {
        "freshness",
        "coverage",
        "completeness",
        "uncertainty",
    }


def test_small_numbers_are_null_with_a_reason_and_others_rounded(live, get):
    now = release.current()
    hidden = shown = 0
    at_risk = now.between("risk_emergency_12m", low=0.3)
    body = get(
        reverse("api-indicator", args=["emergency_admission_risk"]), by="practice"
    )
    assert len(body["rows"]) == 4
    segments = get(reverse("api-segments"), by="practice")
    rows = [(row, at_risk) for row in body["rows"]]
    rows += [
        (row, now.bitmap("segment", row["at"]["segment"])) for row in segments["rows"]
    ]
    for row, having in rows:
        practice = now.bitmap("practice_code", row["at"]["practice"])
        count = len(practice & having)
        values = [row[f] for f in ("count", "rate", "lower_95", "upper_95")]
        nearly_all = 1 <= len(practice) - count <= HIDE_UP_TO
        if 1 <= count <= HIDE_UP_TO or nearly_all:
            assert values == [None] * 4
            assert row["hidden"]
            hidden += 1
        else:
            assert row["hidden"] == ""
            assert row["count"] % ROUND_TO == 0
            assert abs(row["count"] - count) <= ROUND_TO / 2
            shown += 1
    assert hidden >= 2
    assert shown >= 4


def test_no_row_is_of_a_place_outside_the_callers_own(live, get, tokens):
    own = {"P1", "U1", "U2", *(f"Z8100{n}" for n in range(1, 5))}
    # By residence: the council and the district where the place's people live.
    own |= {"E10000001", "E07000001"}
    there = available(live)
    asked = 0
    for address, query in figures():
        name = address.rstrip("/").rpartition("/")[2]
        if name != "segments" and name not in there:
            continue
        body = get(address, **query)
        codes = {
            code
            for row in body["rows"]
            for dimension, code in row["at"].items()
            if dimension != "segment"
        }
        assert codes <= own, (address, query)
        assert "Southmoor" not in json.dumps(body)
        assert "U3" not in codes
        asked += 1
    assert asked > 30


def test_a_caller_of_another_place_is_given_other_rows(live):
    user = system.make_user("partner_client", "P2")
    with system.acting_as("worker"):
        secret = actions.issue_token(
            user=user, purpose="planning", today=timezone.localdate(), days=1, by="test"
        ).secret
    body = call(secret, path_of("api-indicator"), {"by": "pcn"}).json()
    assert {row["at"]["pcn"] for row in body["rows"]} == {"U3", "U4"}


# The document


@pytest.fixture(scope="module")
def document(live) -> dict:
    response = Client().get(reverse("api-document"))
    assert response.status_code == 200
    return json.loads(response.content)


def test_the_document_is_valid_openapi(document):
    validate_schema(document)
    assert document["info"]["title"] == "Catchment API"


def test_the_document_names_every_address(document):
    documented = {path.replace("{name}", AVAILABLE) for path in document["paths"]}
    assert documented == {path_of(name) for name in API if name != "api-nowhere"}
    for path, methods in document["paths"].items():
        assert set(methods) == {"get"}, path
        assert methods["get"]["description"]


def nullable(schema):
    """OpenAPI 3.0 says `nullable` where JSON Schema says "or null"."""
    if isinstance(schema, list):
        return [nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: nullable(value) for key, value in schema.items()}
    if made.pop("nullable", False):
        return {"anyOf": [made, {"type": "null"}]}
    return made


@pytest.mark.parametrize("name", [n for n in API if n != "api-nowhere"])
def test_an_answer_is_what_the_document_promises(document, get, name):
    path = path_of(name)
    documented = path if name != "api-indicator" else "/api/v1/indicators/{name}/"
    promised = document["paths"][documented]["get"]["responses"]["200"]
    schema = nullable(
        promised["content"]["application/json"]["schema"]
        | {"components": document["components"]}
    )
    jsonschema.validate(get(path), schema)


def test_the_document_offers_what_is_taken(document):
    offered = document["paths"]["/api/v1/segments/"]["get"]["parameters"]
    by = next(each for each in offered if each["name"] == "by")
    assert tuple(sorted(by["schema"]["enum"])) == tuple(sorted(KINDS))


def test_no_api_address_stands_outside_these():
    """An address added elsewhere would be missed by every test above."""

    def walk(patterns, before=""):
        for each in patterns:
            at = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, at)
            elif at.startswith("api/"):
                yield each.name

    assert set(walk(get_resolver().url_patterns)) == {*API, "api-document"}
