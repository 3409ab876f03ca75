"""The public record of algorithms: its words name only what can be filled in."""

import pytest
from pydantic import ValidationError

from dashboards.algorithm_specs import NAMES, FieldSpec
from dashboards.definitions import RECORD


def test_a_field_that_names_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="no_such_name"):
        FieldSpec(number="9.9", name="A field", words="It is {no_such_name}.")


def test_every_name_is_said_somewhere() -> None:
    said = " ".join(f.words for part in RECORD.sections for f in part.fields)
    assert not {name for name in NAMES if f"{{{name}}}" not in said}
