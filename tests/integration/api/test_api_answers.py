"""The API's answers: every organisation once, figures as on pages, nothing else."""

import csv
import io
import json
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone
from drf_spectacular.validation import validate_schema

from dashboards.api.serializers import KINDS
from dashboards.definitions import INDICATORS, PUBLISHED
from dashboards.selectors import indicators
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import Geography
from governance import actions
from governance.disclosure import HIDE_UP_TO, ROUND_TO
from governance.models import Org
from linkage.definitions import FEEDS
from linkage.release import selectors as release
from tests import live_people as people
from tests import live_system as system
from tests.live_api import API, AVAILABLE, DELIVERIES, SHARED, call, figures, path_of

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
    assert [row["name"] for row in listed] == [*INDICATORS, *PUBLISHED]
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
    assert body["as_of"] == people.SEPTEMBER.isoformat()
    assert body["release"] == release.current().id
    assert all(body["fitness"].values())
    assert set(body["fitness"]) == {
        "freshness",
        "coverage",
        "completeness",
        "uncertainty",
        "grade",
        "verdict",
        "checks",
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


def test_the_document_names_every_address(document, tokens):
    known = {"{name}": AVAILABLE, "{cohort_id}": str(SHARED["cohort_id"])}
    taking = {path for path in document["paths"] if "/batches/" in path}
    assert len(taking) == len(DELIVERIES)
    documented = set(document["paths"]) - taking
    for written, value in known.items():
        documented = {path.replace(written, value) for path in documented}
    assert documented == {path_of(name) for name in API if name != "api-nowhere"}
    for path, methods in document["paths"].items():
        wanted = "post" if path.endswith("/batches/") else "get"
        assert set(methods) == {wanted}, path
        assert methods[wanted]["description"]


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
    templates = {
        "api-indicator": "/api/v1/indicators/{name}/",
        "api-cohort": "/api/v1/cohorts/{cohort_id}/",
    }
    documented = templates.get(name, path)
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

    known = {*API, *DELIVERIES, "api-document", "oauth-token"}
    assert set(walk(get_resolver().url_patterns)) == known
