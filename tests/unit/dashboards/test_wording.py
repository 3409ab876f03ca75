"""Numbers and dates in words."""

from datetime import UTC, date, datetime

import pytest

from dashboards import wording


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.count(1234567), "1,234,567"),
        (wording.count(None), "not known"),
        (wording.number(1234.56), "1,234.6"),
        (wording.percent(0.1234), "12.3%"),
        (wording.duration(1), "1 hour"),
        (wording.duration(0.75), "45 minutes"),
        (wording.duration(2.5), "2 hours 30 minutes"),
        (wording.duration(1 + 1 / 60), "1 hour 1 minute"),
        (wording.duration(0), "0 minutes"),
        (wording.pounds(1234.5), "£1,234"),
        (wording.pounds(-5), "−£5"),
        (wording.day(date(2026, 4, 3)), "3 April 2026"),
        (
            wording.moment(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)),
            "2 July 2026 at 00:30",
        ),
    ],
)
def test_words(written, expected):
    assert written == expected
