"""Read codelists: CSV in the OpenCodelists form, as text, with a hash each."""

import csv
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from governance.definitions import DefinitionError, digest, load_file
from linkage.feature_specs import CodelistIndex, CodelistSpec

FOLDER = Path(__file__).parent / "codelists"
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
    """Read one CSV. Any header that names a code is taken for the code's column.

    Codes stay text: SNOMED CT identifiers have up to 18 digits and lose their last
    ones as numbers. DefinitionError names the file and the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        header = [name.strip().lower() for name in next(reader, [])]
        at = _code_column(header, path)
        term_at = header.index("term") if "term" in header else None
        terms: dict[str, str] = {}
        for number, row in enumerate(reader, start=2):
            if not any(row):
                continue
            code = row[at].strip().replace(".", "")
            if not code or "e+" in code.lower():
                raise DefinitionError(f"{path}: line {number}: no usable code")
            if code in terms:
                raise DefinitionError(f"{path}: line {number}: {code} stands twice")
            terms[code] = row[term_at].strip() if term_at is not None else ""
    if not terms:
        raise DefinitionError(f"{path}: holds no codes")
    said = digest(path) + spec.model_dump_json()
    return Codelist(path.stem, spec, terms, sha256(said.encode()).hexdigest())


def _code_column(header: list[str], path: Path) -> int:
    for wanted in CODE_HEADERS:
        if wanted in header:
            return header.index(wanted)
    found = [i for i, name in enumerate(header) if "code" in name]
    if not found:
        raise DefinitionError(f"{path}: no column for the code; it has: {header}")
    return found[0]


def read_codelists(folder: Path = FOLDER) -> dict[str, Codelist]:
    """Read every codelist that `index.yaml` names; a file it leaves out is an error."""
    index = load_file(folder / "index.yaml", CodelistIndex)
    lost = {path.stem for path in folder.glob("*.csv")} ^ set(index.lists)
    if lost:
        raise DefinitionError(
            f"{folder}: index.yaml and the CSV files disagree on {sorted(lost)}"
        )
    return {
        name: read_codelist(folder / f"{name}.csv", spec)
        for name, spec in index.lists.items()
    }
