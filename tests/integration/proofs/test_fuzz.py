"""The API asked with whatever its own document allows, and with what it does not.

Schemathesis makes the calls from the OpenAPI document, with authorisation and without.
"""

from urllib.parse import quote

import pytest
import schemathesis
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import actions
from tests import live_system as system

EXAMPLES = 12
REFUSALS = {400, 403, 404, 405, 406, 409, 411, 413, 415, 422, 503}


@pytest.fixture(scope="module")
def operations(live):
    """Every operation of the document, as schemathesis reads it."""
    document = Client().get(reverse("api-document")).json()
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def token(live):
    with system.acting_as("worker"):
        return actions.issue_token(
            user=live.users["partner_client"],
            purpose="planning",
            today=timezone.localdate(),
            days=1,
            by="test",
        ).secret


def answers(operations, headers):
    """Call each operation with made-up parameters; yields call and answer."""
    told = []
    for operation in operations:
        call_one(operation, headers, told)
    return told


def call_one(operation, headers, told):
    """Call one operation with what its document allows."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def call(data):
        case = data.draw(operation.as_strategy())
        client = Client(headers=headers, raise_request_exception=False)
        parameters = case.path_parameters or {}
        path = operation.path
        for name, value in parameters.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = {k: str(v) for k, v in (case.query or {}).items()}
        answer = client.generic(operation.method.upper(), path, query_params=query)
        told.append((f"{operation.method} {path} {query}", answer))

    call()


def test_without_authorisation_nothing_is_answered(operations):
    told = answers(operations, {})
    assert len(told) >= len(operations)
    let_in = [asked for asked, answer in told if answer.status_code not in {401, 404}]
    assert let_in == []


def test_with_authorisation_nothing_is_an_error_of_ours(
    operations, token, record_property
):
    told = answers(operations, {"Authorization": f"Bearer {token}"})
    record_property("access.api_calls", len(told))
    wrong = [
        (asked, answer.status_code)
        for asked, answer in told
        if answer.status_code not in REFUSALS | {200, 201, 202, 204, 301}
    ]
    assert wrong == []
    for _, answer in told:
        if answer.status_code in REFUSALS:
            assert "problem+json" in answer["Content-Type"] or answer.status_code == 404
