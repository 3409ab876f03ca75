"""The demonstration's two approvals put its lists in the model's order."""

import json

import pytest
from django.core.management import CommandError, call_command

from governance.models import Grant
from risk import selectors as risk
from risk.definitions import MODELS
from risk.models import ModelApproval
from tests.page_builders import make_model, make_user

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
NAME = "emergency_admission"


@pytest.fixture
def trained(system, monkeypatch) -> None:
    monkeypatch.setattr(
        "dashboards.management.commands.demo_approvals.make_lists",
        lambda release_id: None,
    )
    make_model(NAME)


def test_two_accounts_approve_every_trained_model_once(trained, capsys) -> None:
    make_user("system_analyst", "QZZ", "analyst")
    make_user("pcn_mdt_member", "U1", "mdt")
    call_command("demo_approvals")
    assert json.loads(capsys.readouterr().out) == {"approved": [NAME]}
    assert risk.may_feed_lists(MODELS[NAME].attribute) == ""
    call_command("demo_approvals")
    assert ModelApproval.objects.count() == 2


def test_an_account_without_a_role_cannot_approve(trained) -> None:
    make_user("system_analyst", "QZZ", "analyst")
    Grant.objects.all().delete()
    with pytest.raises(CommandError, match="has no role"):
        call_command("demo_approvals")
