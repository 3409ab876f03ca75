"""The address for reports of weaknesses is there, complete and not forgotten."""

from datetime import UTC, datetime, timedelta

from django.test import Client, override_settings
from django.utils import timezone

PLACE = "/.well-known/security.txt"


def fields(answer):
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().strip().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_security_txt_says_whom_to_tell(db):
    with override_settings(SECURITY_CONTACT="mailto:security@example.nhs.uk"):
        told = fields(Client().get(PLACE))
    assert told["Contact"] == "mailto:security@example.nhs.uk"
    assert told["Canonical"].endswith(PLACE)
    ends = datetime.strptime(told["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(0) < ends - timezone.now() < timedelta(days=365)


def test_without_a_contact_it_leads_to_the_public_register(db):
    assert fields(Client().get(PLACE))["Contact"].endswith("/public/")
