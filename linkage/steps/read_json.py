"""Read rows written as JSON: one object a line (NDJSON), or a list of objects."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from linkage.specs import FeedSpec
from linkage.steps.open_file import Plain
from linkage.steps.unpack import UnreadableFileError

ROWS_PER_BATCH = 100_000
MOST_JSON_BYTES = 500_000_000  # of one list, which is read whole
SAYS = ("refused", "refused_field")


def read_json(plain: Plain, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """Yield frames of the definition's columns as text, and of `refused` and
    `refused_field`, which say of a row that cannot be read why.

    A name counts as a header does: without regard to case. Numbers and true or false
    become text; an object or a list as a value makes its row unreadable. Raises
    UnreadableFileError where no row has any column that is needed.
    """
    columns = _columns(spec)
    met: set[str] = set()
    gathered: list[dict[str, str | None]] = []
    for item in _items(plain):
        row = _row(item, columns)
        met.update(name for name in row if name not in SAYS)
        gathered.append(row)
        if len(gathered) == ROWS_PER_BATCH:
            yield _frame(gathered, spec)
            gathered = []
    if gathered:
        yield _frame(gathered, spec)
    lacking = [n for n, c in spec.expanded.items() if c.required and n not in met]
    if met and lacking:
        wanted = ", ".join(spec.expanded[lacking[0]].headers)
        raise UnreadableFileError(
            f"{plain.path.name}: no row has {lacking[0]} (known as {wanted}). If the"
            " supplier has changed a name, add it to the feed's definition."
        )


def _columns(spec: FeedSpec) -> dict[str, str]:
    """The definition's column of each name in small letters; the first header wins."""
    found: dict[str, str] = {}
    for name, column in spec.expanded.items():
        for header in column.headers:
            found.setdefault(header.lower(), name)
    return found


def _items(plain: Plain) -> Iterator[Any]:
    """Each row's value, or a `_Broken` for a line that is no JSON."""
    if plain.form == "ndjson":
        with plain.path.open(encoding="utf-8-sig", newline="\n") as file:
            for line in file:
                if line.strip():
                    yield _loaded(line)
        return
    if plain.path.stat().st_size > MOST_JSON_BYTES:
        raise UnreadableFileError(
            f"{plain.path.name} is one JSON list of more than {MOST_JSON_BYTES:,}"
            " bytes: send one object a line (NDJSON)."
        )
    whole = _loaded(plain.path.read_text(encoding="utf-8-sig"))
    if isinstance(whole, dict):
        whole = [whole]
    if not isinstance(whole, list):
        raise UnreadableFileError(
            f"{plain.path.name} is no JSON list of objects, one for each row."
        )
    yield from whole


class _Broken:
    """In place of a value that could not be read."""


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _Broken


def _row(item: Any, columns: dict[str, str]) -> dict[str, str | None]:
    if not isinstance(item, dict):
        return {"refused": "unreadable", "refused_field": "not a JSON object"}
    row: dict[str, str | None] = {}
    for header, value in item.items():
        name = columns.get(header.strip().lower())
        if name is None or row.get(name) is not None or value is None:
            continue
        if isinstance(value, dict | list):
            row |= {"refused": "unreadable", "refused_field": header[:120]}
        else:
            row[name] = _text(value)
    return row


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).encode("utf-8", "replace").decode()


def _frame(rows: Iterable[dict[str, str | None]], spec: FeedSpec) -> pl.DataFrame:
    names = [*spec.expanded, *SAYS]
    return pl.DataFrame(
        [{name: row.get(name) for name in names} for row in rows],
        schema=dict.fromkeys(names, pl.String),
    )
