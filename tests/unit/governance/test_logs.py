"""Nothing shaped like an identifier passes into a log."""

import logging

import pytest

from governance.logs import (
    WithoutIdentifiers,
    what_went_wrong,
    without_identifiers,
)


@pytest.mark.parametrize(
    "text", ["999 123 4568", "9991234568", "999-123-4568", "at BN1 1AA", "in TN37 7RD"]
)
def test_identifier_shapes_are_masked(text):
    masked = without_identifiers(f"row {text} failed")
    assert text.split()[-1] not in masked
    assert "[number]" in masked or "[postcode]" in masked


def test_counts_and_codes_stay():
    text = "loaded 12345678 rows of ecds, code 44054006"
    assert without_identifiers(text) == text


def test_a_database_error_loses_its_detail_line():
    error = ValueError("duplicate key\nDETAIL: Key (nhs_number)=(9991234568)")
    record = logging.LogRecord(
        "x", logging.ERROR, "f", 1, "failed %s", ("BN1 1AA",), (ValueError, error, None)
    )
    WithoutIdentifiers().filter(record)
    assert record.getMessage() == "failed [postcode] [ValueError: duplicate key]"
    assert record.exc_info is None


def test_a_failed_copy_is_told_without_the_row_it_failed_at():
    error = ValueError('too long\nCONTEXT: COPY source_record, surname: "Smithson"')
    assert what_went_wrong(error) == "ValueError: too long"
