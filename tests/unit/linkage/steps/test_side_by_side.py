"""Two records in words: what a reviewer reads beside each pair of values."""

from datetime import date

import pytest

from linkage.steps.side_by_side import FIELDS, side_by_side

BORN = date(1950, 3, 7)


def compared(field: str, one: object, other: object) -> tuple[str, str]:
    lines = side_by_side({field: one}, {field: other})
    assert [line.field for line in lines] == list(FIELDS)
    (line,) = [line for line in lines if line.field == field]
    assert (line.left, line.right) == (str(one or ""), str(other or ""))
    return line.agreement, line.words


@pytest.mark.parametrize(
    ("field", "one", "other", "agreement", "words"),
    [
        ("surname", "Young", "Young", "agrees", "The same"),
        ("surname", "O'Brien", "OBRIEN", "agrees", "capitals, marks"),
        ("surname", "Young", "Youngblood", "close", "begins with"),
        ("surname", "Young", "Yates", "differs", "same initial"),
        ("surname", "Young", "Khan", "differs", "Different"),
        ("forename", "Ann", None, "missing", "One record"),
        ("forename", None, None, "missing", "Neither"),
        ("forename", "Ann", "-", "missing", "no letters"),
        ("born_on", BORN, date(1950, 7, 3), "close", "exchanged"),
        ("born_on", BORN, date(1950, 3, 8), "close", "One part"),
        ("born_on", BORN, date(1961, 4, 9), "differs", "Different"),
        ("postcode", "ZX1 1AA", "ZX1 9BB", "close", "first half"),
        ("postcode", "ZX1 1AA", "ZY1 9BB", "differs", "Different"),
        ("nhs_number", "9990000018", "9990000026", "differs", "Two different valid"),
        ("line1", "1 Harbour Row", "1 HARBOUR ROW", "agrees", "capitals"),
    ],
)
def test_a_field_in_words(field, one, other, agreement, words) -> None:
    found = compared(field, one, other)
    assert found[0] == agreement
    assert words in found[1]
