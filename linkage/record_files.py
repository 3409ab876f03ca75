"""Lists of people as files: read for linking, with errors that say what to do."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

# What linking needs, under the names that a file may use without being told.
COLUMNS = {
    "record_id": ("record_id",),
    "nhs_number": ("nhs_number",),
    "forename": ("forename",),
    "surname": ("surname",),
    "born_on": ("born_on", "dob", "date_of_birth"),
    "sex": ("sex",),
    "postcode": ("postcode",),
}
FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%m-%Y")
MOST_BAD_DATES = 0.5  # of the dates given; above it the format is another one


class FileProblem(ValueError):
    """A file that cannot be used; the message names file, column and remedy."""


def parse_columns(text: str) -> dict[str, str]:
    """`surname=FamilyName,dob=DateOfBirth` as {"surname": …, "born_on": …}.

    An empty name (`sex=`) says that the file does not hold it. Raises FileProblem for
    a word that is no column of linking.
    """
    found = {}
    for part in filter(None, text.split(",")):
        name, equals, header = (word.strip() for word in part.partition("="))
        meant = next((c for c, names in COLUMNS.items() if name in names), None)
        if meant is None or not equals:
            raise FileProblem(
                f"--columns: '{part.strip()}' is not NAME=HEADER with a NAME of"
                f" {', '.join(COLUMNS)}."
            )
        found[meant] = header
    return found


def read_records(path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    """The file as record_id, nhs_number, forename, surname, born_on, sex, postcode.

    columns: headers where they differ from COLUMNS; "" for what the file lacks. All
    but record_id come as text, born_on as a date. Raises FileProblem.
    """
    frame = _read(path)
    found = {name: _header(path, frame, name, columns) for name in COLUMNS}
    if not (found["nhs_number"] or (found["surname"] and found["born_on"])):
        raise FileProblem(
            f"{path}: neither an NHS number nor surname and birth date: nothing to"
            " link by. Name the columns: --columns surname=HEADER,dob=HEADER."
        )
    ids = frame[found["record_id"] or ""]
    if ids.null_count():
        raise FileProblem(
            f"{path}: column '{ids.name}' is empty in row"
            f" {_first(ids.is_null()) + 2}: every record needs an id of its own."
        )
    if ids.n_unique() < ids.len():
        raise FileProblem(
            f"{path}: column '{ids.name}' says the same twice, first in row"
            f" {_first(~ids.is_first_distinct()) + 2}: every record needs an id of its"
            " own."
        )
    texts = [
        (pl.col(header).cast(pl.String) if header else pl.lit(None, dtype=pl.String))
        .str.strip_chars()
        .alias(name)
        for name, header in found.items()
        if name not in {"record_id", "born_on"}
    ]
    born = _born(path, frame, found["born_on"])
    return frame.select(ids.alias("record_id"), *texts, born.alias("born_on"))


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise FileProblem(f"{path}: there is no such file.")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema=False)
    except (PolarsError, OSError) as error:
        raise FileProblem(
            f"{path}: cannot be read as {path.suffix[1:]}: {error}"
        ) from error
    raise FileProblem(f"{path}: a file that ends in .csv or .parquet is needed.")


def _header(
    path: Path, frame: pl.DataFrame, name: str, columns: Mapping[str, str]
) -> str | None:
    given = columns.get(name)
    if given == "" and name != "record_id":
        return None
    for header in (given,) if given else COLUMNS[name]:
        if header in frame.columns:
            return header
    asked = given or " or ".join(COLUMNS[name])
    lacking = "" if name == "record_id" else f" (or --columns {name}= if it has none)"
    raise FileProblem(
        f"{path}: there is no column '{asked}'; there are: "
        f"{', '.join(frame.columns[:30])}. Say which it is:"
        f" --columns {name}=HEADER{lacking}."
    )


def _born(path: Path, frame: pl.DataFrame, header: str | None) -> pl.Series:
    if header is None:
        return pl.Series([None] * frame.height, dtype=pl.Date)
    given = frame[header]
    if given.dtype == pl.Date:
        return given
    if given.dtype.is_temporal():
        return given.cast(pl.Date)
    text = given.cast(pl.String).str.strip_chars().replace("", None)
    whole = text.str.slice(0, 10)
    dates = [whole.str.to_date(form, strict=False) for form in FORMATS]
    best = min(dates, key=lambda each: each.null_count())
    stated = text.len() - text.null_count()
    bad = text.is_not_null() & best.is_null()
    if stated and bad.sum() / stated > MOST_BAD_DATES:
        raise FileProblem(
            f"{path}: column '{header}' holds no dates such as 1950-12-31 or"
            f" 31/12/1950; the first other value is in row {_first(bad) + 2}."
        )
    return best


def _first(flags: pl.Series) -> int:
    return int(flags.arg_true()[0])


def read_truth(path: Path) -> pl.DataFrame:
    """record_id, person_id and, where the file has them, ethnic_group and twin."""
    frame = _read(path)
    for name in ("record_id", "person_id"):
        if name not in frame.columns:
            raise FileProblem(
                f"{path}: a truth needs the columns record_id and person_id;"
                f" '{name}' is missing."
            )
    known = ("record_id", "person_id", "ethnic_group", "twin")
    return frame.select(name for name in known if name in frame.columns)


def write_links(links: pl.DataFrame, path: Path) -> None:
    """Write record_id, cluster_id, rule, weight as CSV or Parquet, by the ending."""
    if path.suffix == ".parquet":
        links.write_parquet(path)
    else:
        links.write_csv(path, float_precision=3)
