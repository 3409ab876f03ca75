"""The form of a name in which two are compared."""

import polars as pl


def name_key(name: pl.Expr) -> pl.Expr:
    """Capital letters only, without marks: O'Brien, O BRIEN, José and JOSE agree."""
    plain = name.str.normalize("NFKD").str.to_uppercase()
    return plain.str.replace_all(r"[^A-Z]", "")
