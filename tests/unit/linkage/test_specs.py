"""What a feed's definition may not say."""

from typing import Any

import pytest
from pydantic import ValidationError

from linkage.specs import FeedSpec

FEED: dict[str, Any] = {
    "title": "t",
    "owner": "o",
    "review_by": "2027-01-01",
    "source": "s",
    "number": 99,
    "order": 1,
    "tier": "reference",
    "layout": "l",
    "key": ["id"],
    "columns": {
        "id": {"headers": ["ID"], "required": True},
        "on": {"headers": ["ON"], "type": "date"},
        "code": {"headers": ["DIAG_##"], "type": "icd10", "repeat": 2},
    },
}
EVENT = {"kind": "diagnosis", "system": "icd10", "code": "code", "date": "on"}


@pytest.mark.parametrize(
    "more",
    [
        {"key": ["other"]},
        {"latest_by": "other"},
        {"seen": "other"},
        {"uses": {"other": ["1"]}},
        {"local_ids": [{"namespace": "n", "of": ["other"]}]},
        {"registrations": [{"practice": "other", "start": "on"}]},
        {"residences": [{"postcode": "id", "start": "other"}]},
        {"events": [EVENT | {"code": "other"}]},
        {"events": [EVENT | {"when": {"other": ["1"]}}]},
        {"events": [EVENT | {"kind": "rumour"}]},
        {"activities": [{"setting": "gp", "kind": "contact", "start": "other"}]},
        {"activities": [{"setting": "gp", "kind": "contact", "start": "on"}
                        | {"unless": {"other": ["1"]}}]},
        {"activities": [{"setting": "gp", "kind": "contact", "start": "on"}
                        | {"cost": {"detail": "other"}}]},
        {"opt_out": {"code": "other", "date": "on", "opted_out": [], "withdrawn": []}},
        {"number": 0},
        {"expression": "lambda row: row"},
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_meant_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeedSpec.model_validate(FEED | more)


def test_numbered_columns_are_written_out() -> None:
    spec = FeedSpec.model_validate(FEED | {"events": [EVENT]})
    assert spec.expanded["code_02"].headers == ("DIAG_02",)
    assert "code" not in spec.expanded
    assert spec.numbered("code") == ["code_01", "code_02"]
    assert spec.numbered("on") == ["on"]
