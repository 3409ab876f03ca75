"""NHS numbers by Modulus 11, against a plain reading of the NHS Data Dictionary."""

import random

import polars as pl
import pytest

from linkage.steps.check_digit import check_digit


def passes(number: str) -> bool:
    total = sum(int(d) * w for d, w in zip(number, range(10, 1, -1), strict=False))
    check = 11 - total % 11
    return (0 if check == 11 else check) == int(number[9])


def kept(values: list[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"number": values}, schema={"number": pl.String})
    return frame.select(check_digit("number")).to_series().to_list()


def test_agrees_with_the_plain_rule_on_many_numbers() -> None:
    rng = random.Random(11)
    numbers = [f"{rng.randrange(10**10):010d}" for _ in range(20_000)]
    assert kept(numbers) == [n if passes(n) else None for n in numbers]


def test_numbers_that_need_a_check_digit_of_ten_were_never_issued() -> None:
    # 987654326x: the weighed sum leaves 1, so the check digit would be 10.
    body = next(
        f"{n:09d}"
        for n in range(999_000_000, 999_000_100)
        if sum(int(d) * w for d, w in zip(f"{n:09d}", range(10, 1, -1), strict=True))
        % 11
        == 1
    )
    assert kept([body + str(d) for d in range(10)]) == [None] * 10


@pytest.mark.parametrize("written", ["943 476 5919", "943-476-5919", "9434765919"])
def test_printed_forms_are_read(written: str) -> None:
    assert kept([written]) == ["9434765919"]


@pytest.mark.parametrize(
    "written",
    ["9434765918", "943476591", "94347659190", "943476591X", "", None, "٩٤٣٤٧٦٥٩١٩"],
)
def test_what_is_not_a_number_of_anyone_is_null(written: str | None) -> None:
    assert kept([written]) == [None]


@pytest.mark.parametrize("written", ["9999999999", "0000000000", "1111111111"])
def test_placeholders_identify_nobody(written: str) -> None:
    assert passes(written)  # so the check digit alone would let it through
    assert kept([written]) == [None]
