"""Read codelists: CSV in the OpenCodelists form, as text, with a hash each."""

import csv
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from governance.definitions import DefinitionError, digest, load_file
from linkage.feature_specs import CodelistIndex, CodelistSpec

FOLDER = Path(__file__).parent / "codelists"
TERM_HEADERS = ("term", "description", "icd10codedescr", "name")
# "I20-I25", "C81-D09": three-character stems only.
RANGE = re.compile(r"([A-Z])(\d\d)\s*-\s*([A-Z])?(\d\d)")
CODE_HEADERS = ("code", "id", "conceptid", "snomed", "icd10", "bnf")


@dataclass(frozen=True)
class Codelist:
    """One codelist: what it is, its codes with their terms, the hash of both."""

    name: str
    spec: CodelistSpec
    terms: dict[str, str]
    digest: str

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self.terms)


def read_codelist(path: Path, spec: CodelistSpec) -> Codelist:
    """Read one CSV of the product's own. DefinitionError names the file and line."""
    text = path.read_text(encoding="utf-8-sig")
    terms = parse_codes(text, str(path), twice=False)
    said = digest(path) + spec.model_dump_json()
    return Codelist(path.stem, spec, terms, sha256(said.encode()).hexdigest())


def parse_codes(text: str, where: str, *, twice: bool = True) -> dict[str, str]:
    """Codes and their terms from CSV text: OpenCodelists' form, CALIBER's and alike.

    Any header that names a code is taken for the code's column, and one that names a
    term or description for the term's. Codes stay text: SNOMED CT identifiers have up
    to 18 digits and lose their last ones as numbers. An ICD-10 range (I20-I25) is
    written out as its stems. CALIBER names a code once per category: `twice` allows
    that. DefinitionError names the file and the line.
    """
    reader = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(reader, [])]
    at = _code_column(header, where)
    term_at = _term_column(header)
    terms: dict[str, str] = {}
    for number, row in enumerate(reader, start=2):
        if not any(row):
            continue
        code = row[at].strip().replace(".", "") if len(row) > at else ""
        if not code or "e+" in code.lower():
            raise DefinitionError(f"{where}: line {number}: no usable code")
        for stem in stems_of(code):
            if stem in terms and not twice:
                raise DefinitionError(f"{where}: line {number}: {stem} stands twice")
            known = term_at is not None and len(row) > term_at
            terms[stem] = row[term_at].strip() if known else ""  # type: ignore[index]
    if not terms:
        raise DefinitionError(f"{where}: holds no codes")
    return terms


def stems_of(code: str) -> list[str]:
    """The stems of an ICD-10 range within one letter or over several; else the code."""
    found = RANGE.fullmatch(code)
    if found is None:
        return [code]
    first, low, last, high = found.groups()
    last = last or first
    begin, end = _place(first, low), _place(last, high)
    if begin > end:
        raise DefinitionError(f"{code}: the range runs backwards")
    return [f"{chr(place // 100)}{place % 100:02d}" for place in range(begin, end + 1)]


def _place(letter: str, digits: str) -> int:
    return ord(letter) * 100 + int(digits)


def _term_column(header: list[str]) -> int | None:
    for wanted in TERM_HEADERS:
        if wanted in header:
            return header.index(wanted)
    ends = [i for i, name in enumerate(header) if name.endswith(("descr", "term"))]
    return ends[0] if ends else None


def _code_column(header: list[str], where: str) -> int:
    for wanted in CODE_HEADERS:
        if wanted in header:
            return header.index(wanted)
    found = [i for i, name in enumerate(header) if "code" in name]
    if not found:
        raise DefinitionError(f"{where}: no column for the code; it has: {header}")
    return found[0]


def read_codelists(folder: Path = FOLDER) -> dict[str, Codelist]:
    """Read every codelist of a folder: each CSV with its entry in a YAML beside it.

    `index.yaml` holds the product's entries; a deployment adds a YAML of its own with
    one entry or many. DefinitionError where entries and CSV files disagree.
    """
    lists: dict[str, CodelistSpec] = {}
    for path in sorted(folder.glob("*.yaml")):
        found = load_file(path, CodelistIndex).lists
        if again := set(found) & set(lists):
            raise DefinitionError(f"{path}: {sorted(again)} stand twice")
        lists |= found
    lost = {path.stem for path in folder.glob("*.csv")} ^ set(lists)
    if lost:
        raise DefinitionError(
            f"{folder}: the YAML and the CSV files disagree on {sorted(lost)}"
        )
    return {
        name: read_codelist(folder / f"{name}.csv", spec)
        for name, spec in sorted(lists.items())
    }
