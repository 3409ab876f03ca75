"""What a card says of a check: within, beyond, or outside by no more than chance."""

import pytest

from dashboards.selectors.model_watch import state
from risk.steps.monitor import Check


@pytest.mark.parametrize(
    ("value", "interval", "stops", "said"),
    [
        (1.02, (0.95, 1.09), True, "within"),
        (1.02, None, True, "within"),
        (
            *(0.78, (0.61, 0.98), True),
            "no more than chance allows (95% interval 0.61 to 0.98)",
        ),
        (0.7, (0.63, 0.78), True, "beyond: lists stop"),
        (0.7, None, True, "beyond: lists stop"),
        (1.4, (1.3, 1.5), False, "beyond: a warning"),
    ],
)
def test_a_value_outside_a_limit_by_chance_is_said_to_be(
    value, interval, stops, said
) -> None:
    check = Check(
        *("Observed over expected", "on 31 August 2025", value, 0.8, 1.25, stops),
        "It is outside.",
        interval,
    )
    assert state(check) == said
