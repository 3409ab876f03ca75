"""The API asked with whatever its own document allows, and with what it does not.

Schemathesis makes the calls from the OpenAPI document, bodies and headers included,
without authorisation and as each of the roles that hold scopes. Every second call
names an indicator or feed that there is; what is answered is held against the document.
Beside made-up deliveries, which are refused, whole ones are sent: the first under a key
is taken, another one under it is not.
The token's address, which the document does not name, is sent forms.
"""

from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import schemathesis
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import actions
from linkage.models import FeedRun
from tests import live_system as system

EXAMPLES = 12
# Each delivery that is taken goes to the vault and is sealed there.
EXAMPLES_WITH_A_BODY = 8
MOST_BYTES = 4_000
REFUSALS = {400, 403, 404, 405, 406, 409, 411, 413, 415, 422, 503}
ANSWERS = {200, 201, 202, 204}
# What there is, by the part of the address before its name.
THERE_IS = {
    "indicators": ("frailty", "emergency_admissions"),
    "feeds": ("gp_patient", "sus_apc", "fhir_r4"),
}
CALLERS = {"partner_client": "planning", "feed_supplier": "operations"}
KEY = r"[!-~]{1,40}"
# A file of `gp_patient` as it should be, and another one.
WHOLE = (
    b"patient_id,organisation\np1,Z81001\n",
    b"patient_id,organisation\np2,Z81001\n",
)
# What each caller is answered who delivers one and then the other under the same key.
DELIVERED = {"partner_client": {403}, "feed_supplier": {202, 409}}
GRANT = ("", "client_credentials", "password")


@pytest.fixture(scope="module")
def document(live):
    return Client().get(reverse("api-document")).json()


@pytest.fixture(scope="module")
def operations(document):
    """Every operation of the document, as schemathesis reads it."""
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def tokens(live):
    with system.acting_as("worker"):
        return {
            role: actions.issue_token(
                user=live.users[role],
                purpose=purpose,
                today=timezone.localdate(),
                days=1,
                by="test",
            ).secret
            for role, purpose in CALLERS.items()
        }


@pytest.fixture(autouse=True)
def taken_back(live, settings, tmp_path):
    """What is delivered lies elsewhere, and is gone afterwards."""
    settings.DELIVERIES = tmp_path / "deliveries"
    yield
    with system.acting_as("loader"):
        FeedRun.objects.all().delete()
    with system.connect("vault") as vault:
        vault.execute("DELETE FROM delivery")


def hypothesis_settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def answers(operations, headers):
    """Call each operation with made-up calls: (what was asked, operation, answer)."""
    told = []
    for operation in operations:
        call_one(operation, headers, told)
    return told


def call_one(operation, headers, told):
    """Call one operation with what its document allows."""
    examples = EXAMPLES_WITH_A_BODY if operation.body else EXAMPLES

    @hypothesis_settings(examples)
    @given(st.data())
    def call(data):
        case = data.draw(operation.as_strategy())
        given = dict(case.path_parameters or {})
        before = operation.path.partition("/{name}")[0].rpartition("/")[2]
        is_known = data.draw(st.sampled_from([True, False]))
        if "name" in given and is_known:
            given["name"] = data.draw(st.sampled_from(THERE_IS[before]))
        path = operation.path
        for name, value in given.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = {k: str(v) for k, v in (case.query or {}).items()}
        sent = {k: str(v) for k, v in (case.headers or {}).items()}
        if operation.body and is_known:
            sent["Idempotency-Key"] = data.draw(st.from_regex(KEY, fullmatch=True))
        ask(path, query, sent, body_of(case)[:MOST_BYTES], case.media_type)
        if operation.body and is_known:
            sent = {"Idempotency-Key": f"whole-{sent['Idempotency-Key']}"}
            path = operation.path.replace("{name}", "gp_patient")
            for body in data.draw(st.permutations(WHOLE)):
                ask(path, {}, sent, body, "text/csv")

    def ask(path, query, sent, body, kind):
        client = Client(headers=headers, raise_request_exception=False)
        answer = client.generic(
            operation.method.upper(),
            path,
            body,
            content_type=kind or "application/octet-stream",
            query_params=query,
            headers=in_latin(sent),
        )
        told.append((f"{operation.method} {path} {query} {sent}", operation, answer))

    call()


def body_of(case: Any) -> bytes:
    """The bytes that a made-up call sends; none where it sends nothing."""
    if isinstance(case.body, bytes):
        return case.body
    if isinstance(case.body, str):
        return case.body.encode(errors="replace")
    return getattr(case.body, "data", b"") or b""


def in_latin(sent: dict[str, str]) -> dict[str, str]:
    """Headers as a server hands them on: bytes of Latin-1 without line ends."""
    return {
        name: value.encode("latin-1", "replace").decode("latin-1")
        for name, value in sent.items()
        if "\n" not in value and "\r" not in value
    }


def beside_the_document(operation, document, answer) -> str:
    """Why an answer is not what the document promises; empty where it is."""
    described = operation.definition.raw["responses"].get(str(answer.status_code))
    if described is None:
        return f"{answer.status_code} is not documented"
    shape = described["content"]["application/json"]["schema"]
    held = as_json_schema({**shape, "components": document["components"]})
    found = jsonschema.Draft202012Validator(held).iter_errors(answer.json())
    return "; ".join(error.message[:200] for error in found)


def as_json_schema(described: Any) -> Any:
    """A shape of OpenAPI 3.0 as JSON Schema, which has no `nullable`."""
    if isinstance(described, list):
        return [as_json_schema(each) for each in described]
    if not isinstance(described, dict):
        return described
    shape = {name: as_json_schema(each) for name, each in described.items()}
    if shape.pop("nullable", False) is True:
        return {"anyOf": [shape, {"type": "null"}]}
    return shape


def test_without_authorisation_nothing_is_answered(operations):
    told = answers(operations, {})
    assert len(told) >= len(operations)
    let_in = [asked for asked, _, got in told if got.status_code not in {401, 404}]
    assert let_in == []


@pytest.mark.parametrize("role", CALLERS)
def test_with_authorisation_nothing_is_an_error_of_ours(
    operations, document, tokens, role, record_property
):
    told = answers(operations, {"Authorization": f"Bearer {tokens[role]}"})
    record_property("access.api_calls", len(told))
    wrong = [
        (asked, answer.status_code)
        for asked, _, answer in told
        if answer.status_code not in REFUSALS | ANSWERS | {301}
    ]
    assert wrong == []
    delivered = {got.status_code for asked, _, got in told if "'whole-" in asked}
    assert delivered == DELIVERED[role]
    for asked, operation, answer in told:
        if answer.status_code in REFUSALS:
            assert "problem+json" in answer["Content-Type"] or answer.status_code == 404
        elif answer.status_code in ANSWERS:
            assert beside_the_document(operation, document, answer) == "", asked


def test_a_token_is_bought_by_nothing_that_is_made_up(live):
    address = reverse("oauth-token")

    @hypothesis_settings(40)
    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "grant_type": st.sampled_from(GRANT) | st.text(max_size=40),
                "client_assertion_type": st.just(
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                )
                | st.text(max_size=40),
                "client_assertion": st.from_regex(
                    r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True
                )
                | st.text(max_size=9_000),
                "scope": st.text(max_size=60),
            },
        )
    )
    def send(form):
        client = Client(raise_request_exception=False)
        answer = client.post(address, form)
        assert answer.status_code in {400, 401}, form
        assert answer["Content-Type"] == "application/problem+json"

    send()
