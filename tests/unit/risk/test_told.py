"""What the trial says of people with a figure like somebody's."""

from risk.told import happened_to_like


def part(least: float, people: int, observed: float) -> dict[str, object]:
    interval = [observed / 2, observed * 2]
    return {
        "from": least,
        "people": people,
        "observed": observed,
        "interval": interval,
    }


CARD = {
    "calibration_curve": [
        part(0.0, 200, 0.0),
        part(0.01, 200, 0.035),  # seven people
        part(0.1, 200, 0.04),
        part(0.2, 200, 0.4),
    ],
    "calibration_top": [part(0.2, 100, 0.2), part(0.5, 100, 0.6)],
}


def test_the_part_in_which_a_figure_falls_is_told_with_its_interval() -> None:
    assert happened_to_like(0.15, CARD).startswith("When it was tried, 4 in 100")
    assert "(95% interval 2 to 8)" in happened_to_like(0.15, CARD)
    # At the top the finer parts are told, and nobody at all is no few.
    assert "60 in 100" in happened_to_like(0.9, CARD)
    assert "0 in 100" in happened_to_like(0.005, CARD)


def test_of_seven_people_only_that_they_were_so_few_is_told() -> None:
    said = happened_to_like(0.05, CARD)
    assert said == "When it was tried, fewer than 8 people with such figures did."


def test_below_every_part_nothing_is_said() -> None:
    assert happened_to_like(0.05, {"calibration_curve": [part(0.1, 200, 0.2)]}) == ""
