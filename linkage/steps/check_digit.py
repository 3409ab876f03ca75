"""NHS numbers: the check digit, and the forms in which the number is written."""

import polars as pl

# Printed for people without a number, or shared by many: they identify nobody.
PLACEHOLDERS = ("0000000000", "1111111111", "9999999999", "1234567890", "0123456789")


def check_digit(column: str) -> pl.Expr:
    """Keep an NHS number that passes Modulus 11; null for anything else.

    NHS Data Dictionary, NHS NUMBER: digits weighed 10 down to 2, 11 less the
    remainder by 11; 11 counts as 0, and a number that would need 10 was never issued.
    Spaces and hyphens in the printed form are taken out first.
    """
    digits = pl.col(column).str.replace_all(r"[ -]", "")
    whole = digits.str.contains(r"^[0-9]{10}$")
    value = pl.when(whole).then(digits).cast(pl.Int64)
    weighed = pl.lit(0, dtype=pl.Int64)
    for weight in range(10, 1, -1):
        weighed = weighed + (value // 10 ** (weight - 1)) % 10 * weight
    check = (11 - weighed % 11) % 11
    good = (check == value % 10) & ~digits.is_in(PLACEHOLDERS)
    return pl.when(good).then(digits)
