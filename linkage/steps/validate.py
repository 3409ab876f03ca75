"""Turn what a file says into typed values, and part the rows that cannot be used."""

from datetime import date
from typing import NamedTuple

import polars as pl

from linkage.specs import ColumnSpec, FeedSpec
from linkage.steps.check_digit import check_digit
from linkage.steps.check_rows import check_rows
from linkage.steps.name_key import name_key
from linkage.vocabulary import CLD_ETHNICITIES, ETHNICITIES, SNOMED_ETHNICITIES

# Postcodes that stand for no address: NHS Data Dictionary, POSTCODE (pseudo-country
# and no-fixed-abode codes begin with ZZ99).
NO_ADDRESS = r"^ZZ99"
NOT_A_NAME = ("BABY", "TEST", "UNKNOWN", "NOTKNOWN", "NK", "ANON", "XXX", "INFANT")
EARLIEST_BIRTH = date(1901, 1, 1)  # 1900-01-01 is a placeholder of many systems
EARLIEST_FACT = date(1901, 1, 2)
SHAPES = {
    "organisation": r"^[A-Z0-9]{3,8}$",
    "trust": r"^[A-Z0-9]{3}",
    "snomed": r"^[1-9][0-9]{5,17}$",
    "icd10": r"^[A-Z][0-9]{2}[0-9X]?[0-9]?$",
    "opcs4": r"^[A-Z][0-9]{2,3}$",
    "bnf": r"^[0-9A-Z]{4,15}$",
    "postcode": r"^[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}$",
}
RULES = {
    "missing": "A value that must be there is missing",
    "not_a_date": "Not a date of the calendar",
    "in_the_future": "Later than the day the file was received",
    "too_early": "Earlier than 1901",
    "not_a_number": "Not a number",
    "not_a_snomed_code": "Not shaped like a SNOMED CT concept",
    "not_a_icd10_code": "Not shaped like an ICD-10 code",
    "not_a_opcs4_code": "Not shaped like an OPCS-4 code",
    "not_a_bnf_code": "Not shaped like a BNF code",
    "not_a_organisation_code": "Not shaped like an organisation code",
    "not_a_trust_code": "Not shaped like an organisation code",
    "not_a_postcode_code": "Not shaped like a postcode",
    "unknown_value": "A value that the definition does not know",
    "failed_check": "An NHS number that fails its check digit",
    "before_birth": "Earlier than the month in which the person was born",
    "unlinked": "Nobody in the person index could be found for it",
    "subject_unknown": "Speaks of a patient that no loaded feed has introduced",
    "token_unknown": "Carries a token that the crosswalk does not hold",
    "token_like_a_number": "A token shaped like an NHS number could pass as one",
    "too_long": "A value longer than 64 KB",
    "zero_byte": "A zero byte inside a value",
    "earlier_than": "One date lies before the other, which cannot be",
    "needs": "A value that another one of the row calls for is missing",
    "not_with": "Two values that exclude each other",
    "out_of_range": "A number outside its possible range",
    "none_of_these": "None of several columns of which one is needed",
    "not_delivered": "Refers to a record of another feed that has not come",
    "duplicate": "The same record in the same version",
    "unreadable": "Cannot be read at all",
    "not_used": "A kind of record that the product does not use",
}
# What leaves a row out; every other rule sends it to quarantine, to be put right.
NOT_USED = "not_used"
EXCLUDING = ("unlinked", "subject_unknown", "token_unknown", NOT_USED)
LONGEST_VALUE_BYTES = 64 * 1024
SAID_AGAIN = ("date", "postcode", "ethnicity", "name")
TYPED = {"date": pl.Date, "integer": pl.Int64, "number": pl.Float64}


class Checked(NamedTuple):
    """What validation made of a batch.

    accepted: the batch, typed, with row_number.
    rejected: row_number, rule, field; a row may stand there for several reasons.
    blanked: {"field: rule": rows} of optional values that could not be used.
    noted: {"field: rule": rows} of rules between columns that only note.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    blanked: dict[str, int]
    noted: dict[str, int]


def validate(frame: pl.DataFrame, spec: FeedSpec, received_on: date) -> Checked:
    """Split rows into those that satisfy the spec and the others, and say why."""
    left_out = pl.concat([_unused(frame, spec), _refused(frame)])
    left_out = left_out.unique("row_number", keep="first", maintain_order=True)
    frame = frame.join(left_out, on="row_number", how="anti", maintain_order="left")
    typed = _typed(frame, spec, received_on)
    reasons, blanked = [left_out], {}
    for name, column in spec.expanded.items():
        rule = typed[f"{name} rule"]
        if column.required:
            bad = typed.filter(rule.is_not_null() | typed[name].is_null())
            if bad.height:
                reasons.append(
                    bad.select(
                        "row_number",
                        rule=pl.col(f"{name} rule").fill_null("missing"),
                        field=pl.lit(column.headers[0]),
                    )
                )
        elif rule.null_count() < rule.len():
            for reason, rows in rule.drop_nulls().value_counts().iter_rows():
                blanked[f"{column.headers[0]}: {reason}"] = rows
    reasons += [_number_like_tokens(typed, spec), *_unfit(frame, spec)]
    between, noted = check_rows(typed, spec)
    reasons.append(between)
    rejected = pl.concat([_no_reasons(), *reasons])
    accepted = typed.select("row_number", *spec.expanded)
    if rejected.height:
        accepted = accepted.join(rejected, on="row_number", how="anti")
    return Checked(accepted, rejected, blanked, noted)


def values_of(frame: pl.DataFrame, spec: FeedSpec, received_on: date) -> pl.DataFrame:
    """What each row says, typed, whether it can be used or not; null for the rest."""
    typed = _typed(frame, spec, received_on)
    return typed.select("row_number", *spec.expanded)


def _unfit(frame: pl.DataFrame, spec: FeedSpec) -> list[pl.DataFrame]:
    """Rows with a value too long to keep, or with a zero byte, which no table takes.

    Only free text can carry either past the shapes of other types into the store.
    """
    texts = [n for n in spec.expanded if frame.schema[n] == pl.String]
    free = [n for n in spec.of_type("text") if n in texts]
    long = {n: pl.col(n).str.len_bytes() > LONGEST_VALUE_BYTES for n in texts}
    zero = {n: pl.col(n).str.contains("\0", literal=True) for n in free}
    found = []
    for rule, broken in (("too_long", long), ("zero_byte", zero)):
        if not broken:
            continue
        met = frame.select(test.any().alias(name) for name, test in broken.items())
        for name in (name for name in broken if met[name][0]):
            field = pl.lit(spec.expanded[name].headers[0])
            rows = frame.filter(broken[name])
            found.append(rows.select("row_number", rule=pl.lit(rule), field=field))
    return found


def _unused(frame: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    """Rows outside what the definition uses, each with the value that puts it there.

    A row without a value goes on: whether it may lack one is for the column to say.
    """
    found = [_no_reasons()]
    for name, values in spec.uses.items():
        header = spec.expanded[name].headers[0]
        value = pl.col(name).cast(pl.String).str.strip_chars()
        found.append(
            frame.filter(value.is_not_null() & ~value.is_in(values))
            .select(
                "row_number",
                rule=pl.lit(NOT_USED),
                field=(pl.lit(f"{header}: ") + value).str.slice(0, 120),
            )
            .join(pl.concat(found), on="row_number", how="anti")
        )
    return pl.concat(found)


def _number_like_tokens(typed: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    """Rows whose token has the form of an NHS number, whether or not it is one."""
    if "token" not in spec.expanded:
        return _no_reasons()
    digits = pl.col("token").cast(pl.String).str.replace_all(r"[ -]", "")
    return typed.filter(digits.str.contains(r"^[0-9]{10}$")).select(
        "row_number",
        rule=pl.lit("token_like_a_number"),
        field=pl.lit(spec.expanded["token"].headers[0]),
    )


def _refused(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that the reader itself could make nothing of (only FHIR's says so)."""
    if "refused" not in frame.columns:
        return _no_reasons()
    refused = frame.filter(pl.col("refused").is_not_null())
    return refused.select("row_number", rule="refused", field="refused_field")


def _no_reasons() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row_number": pl.Int64, "rule": pl.String, "field": pl.String}
    )


def _typed(frame: pl.DataFrame, spec: FeedSpec, received_on: date) -> pl.DataFrame:
    """row_number, and of each column its value (`name`) and rule (`name rule`).

    What takes long to read, and is said again and again, is read once a batch: a file
    of 170,000 appointments has 400 days and 18 ethnicities.
    """
    found = [pl.col("row_number")]
    once = []
    for name, column in spec.expanded.items():
        value, rule = _read(name, column, frame.schema[name], received_on)
        read = [value.alias(name), rule.alias(f"{name} rule")]
        if frame.schema[name] == pl.String and column.type in SAID_AGAIN:
            said = frame.select(pl.col(name).unique())
            told = said.select(pl.col(name).alias("said"), *read)
            once.append(
                frame.select(said=name)
                .join(
                    told, on="said", how="left", nulls_equal=True, maintain_order="left"
                )
                .drop("said")
            )
        else:
            found += read
    return pl.concat([frame.select(found), *once], how="horizontal")


def _read(
    name: str, column: ColumnSpec, dtype: pl.DataType, received_on: date
) -> tuple[pl.Expr, pl.Expr]:
    """The value and, where something is written that cannot be used, the rule it broke.

    A typed Parquet column skips the parsing and keeps the checks.
    """
    none = pl.lit(None, dtype=pl.String)
    text = pl.col(name)
    if dtype == pl.String:
        text = text.str.strip_chars()
        text = pl.when(text.str.len_bytes() > 0).then(text)
    if column.missing:
        text = pl.when(~text.cast(pl.String).is_in(column.missing)).then(text)
    match column.type:
        case "presence":
            return text.is_not_null(), none
        case "date":
            return _date(name, text, column, dtype, received_on)
        case "integer" | "number":
            value = text.cast(TYPED[column.type], strict=False)
            return value, _rule(text, value, "not_a_number")
        case "flag":
            words = {"Y": True, "N": False, "TRUE": True, "FALSE": False}
            words |= {"1": True, "0": False}
            value = (
                text.cast(pl.String)
                .str.to_uppercase()
                .replace_strict(words, default=None, return_dtype=pl.Boolean)
            )
            return value, _rule(text, value, "unknown_value")
        case "nhs_number":
            value = check_digit(name)
            return value, _rule(text, value, "failed_check")
        case "sex":
            return _sex(text), none
        case "ethnicity":
            coded = text.replace_strict(
                SNOMED_ETHNICITIES | CLD_ETHNICITIES,
                default=None,
                return_dtype=pl.String,
            )
            # A second character is a provider's own subdivision of the category.
            short = pl.when(text.str.len_chars() <= 2).then(text.str.slice(0, 1))
            letter = pl.coalesce(coded, short)
            value = pl.when(letter.is_in(list(ETHNICITIES))).then(letter)
            return value, _rule(text, value, "unknown_value")
        case "name":
            return _name(text), none
        case "postcode":
            return _postcode(text), none
        case "text":
            text = text.cast(pl.String)
            if not column.values:
                return text, none
            value = text.replace_strict(
                column.values, default=None, return_dtype=pl.String
            )
            return value, _rule(text, value, "unknown_value")
        case kind:
            coded = text.cast(pl.String)
            value = pl.when(coded.str.contains(SHAPES[kind])).then(coded)
            if kind == "trust":
                value = value.str.slice(0, 3)
            return value, _rule(text, value, f"not_a_{kind}_code")


def _rule(text: pl.Expr, value: pl.Expr, rule: str) -> pl.Expr:
    """The rule where something was written and nothing could be read."""
    return pl.when(text.is_not_null() & value.is_null()).then(pl.lit(rule))


def _date(
    name: str, text: pl.Expr, column: ColumnSpec, dtype: pl.DataType, received_on: date
) -> tuple[pl.Expr, pl.Expr]:
    if dtype == pl.String:
        # A date and time keeps its date; the calendar refuses 2026-02-30.
        day = text.str.slice(0, 10)
        parsed = pl.coalesce([day.str.to_date(f, strict=False) for f in column.formats])
    else:
        parsed = text.cast(pl.Date, strict=False)
    early = EARLIEST_BIRTH if name == "born_on" else EARLIEST_FACT
    ahead = pl.lit(not column.may_be_future) & (parsed > received_on)
    rule = (
        pl.when(text.is_not_null() & parsed.is_null())
        .then(pl.lit("not_a_date"))
        .when(parsed < early)
        .then(pl.lit("too_early"))
        .when(ahead)
        .then(pl.lit("in_the_future"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )
    return pl.when(rule.is_null()).then(parsed), rule


def _sex(text: pl.Expr) -> pl.Expr:
    """1 or M(ale), 2 or F(emale); anything else is not known and not an error."""
    first = text.cast(pl.String).str.to_uppercase().str.slice(0, 1)
    return first.replace_strict(
        {"1": "M", "M": "M", "2": "F", "F": "F"}, default=None, return_dtype=pl.String
    )


def _name(text: pl.Expr) -> pl.Expr:
    """A name as it was written; what stands for no name becomes null."""
    plain = name_key(text)
    named = (plain.str.len_bytes() > 0) & ~plain.is_in(NOT_A_NAME)
    return pl.when(named & ~plain.str.starts_with("BABYOF")).then(text)


def _postcode(text: pl.Expr) -> pl.Expr:
    """Capitals with one space before the last three; no-address codes become null."""
    joined = text.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    spaced = joined.str.head(-3) + " " + joined.str.tail(3)
    whole = spaced.str.contains(SHAPES["postcode"]) & ~spaced.str.contains(NO_ADDRESS)
    return pl.when(whole).then(spaced)
