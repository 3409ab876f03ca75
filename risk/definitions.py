"""Risk's definitions, read once: published scores and predictive models."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl

from governance.definitions import DefinitionError, Folder, digest
from linkage.feature_definitions import codelists
from linkage.vocabulary import SYSTEMS
from risk.gap_specs import GapSpec, ImpactSpec
from risk.score_specs import (
    AdmissionMethod,
    CodedMethod,
    CohortMethod,
    ScoreSpec,
    WaysMethod,
)
from risk.specs import ModelSpec
from risk.steps.points import PointsTable
from risk.steps.score_tables import ScoreTables
from risk.steps.ways import CodeSet, WaysTable

HERE = Path(__file__).resolve().parent

SCORES = Folder(HERE / "scores", ScoreSpec)
MODELS = Folder(HERE / "predictions", ModelSpec)
GAPS = Folder(HERE / "gaps", GapSpec)
IMPACT = Folder(HERE / "impact", ImpactSpec)
# Scores of an admission read the groups of coded ones, cohorts read any score.
LATER = (AdmissionMethod, CohortMethod)


@cache
def score_tables() -> ScoreTables:
    """Return the weights of every score and what they ask of codes together.

    DefinitionError names the table that cannot be read.
    """
    return tables_of(tuple(SCORES))


def tables_of(names: tuple[str, ...]) -> ScoreTables:
    """Return the tables of some scores, each after those that it may read."""
    specs = {name: SCORES[name] for name in names}
    ordered = dict(sorted(specs.items(), key=lambda s: _turn(s[1])))
    points: dict[str, PointsTable] = {}
    ways: dict[str, WaysTable] = {}
    weights: dict[str, dict[str, float]] = {}
    for name, spec in ordered.items():
        method = spec.method
        if isinstance(method, CodedMethod):
            points[name] = points_table(name)
        elif isinstance(method, WaysMethod):
            ways[name] = ways_table(name)
        elif isinstance(method, AdmissionMethod):
            rows = _csv(method.table)
            weights[name] = {
                term: float(weight)
                for term, weight in rows.select("term", "weight").iter_rows()
            }
    return ScoreTables.gather(ordered, points, ways, weights)


@cache
def points_table(name: str) -> PointsTable:
    """Return the table of points of a coded score. DefinitionError if it has none."""
    method = SCORES[name].method
    if not isinstance(method, CodedMethod):
        raise DefinitionError(f"{name} is not reckoned from codes")
    try:
        return PointsTable.from_frame(
            _csv(method.table), method.points, method.supersedes
        )
    except (ValueError, pl.exceptions.ColumnNotFoundError) as error:
        raise DefinitionError(f"{method.table}: {error}") from error


@cache
def ways_table(name: str) -> WaysTable:
    """Return the ways of a score's conditions. DefinitionError if it has none."""
    method = SCORES[name].method
    if not isinstance(method, WaysMethod):
        raise DefinitionError(f"{name} is not reckoned from ways")
    lists = {
        known: CodeSet(
            SYSTEMS[found.spec.system], found.spec.match == "prefix", found.codes
        )
        for known, found in codelists().items()
    }
    if method.codes is not None:
        lists |= dict(_own_lists(_csv(method.codes)))
    try:
        return WaysTable.from_frame(_csv(method.table), method.points, lists)
    except (LookupError, ValueError) as error:
        raise DefinitionError(f"{method.table}: {error}") from error


def _own_lists(rows: pl.DataFrame) -> Iterator[tuple[str, CodeSet]]:
    """Yield the code lists that a score brings along, by name."""
    for (name, system, match), codes in rows.group_by(
        "list", "system", "match", maintain_order=True
    ):
        yield (
            str(name),
            CodeSet(SYSTEMS[str(system)], match == "prefix", frozenset(codes["code"])),
        )


def _csv(table: str) -> pl.DataFrame:
    return pl.read_csv(SCORES.path / table, infer_schema=False)


def _turn(spec: ScoreSpec) -> int:
    return LATER.index(type(spec.method)) + 1 if isinstance(spec.method, LATER) else 0


def hashes() -> dict[str, str]:
    """Return the SHA-256 of every definition a release's risk stages use."""
    tables = {
        f"score/{path.name}": digest(path) for path in sorted(SCORES.path.glob("*.csv"))
    }
    scores = {f"score/{name}": found for name, found in SCORES.hashes.items()}
    models = {f"model/{name}": found for name, found in MODELS.hashes.items()}
    gaps = {f"gap/{name}": found for name, found in GAPS.hashes.items()}
    impact = {f"impact/{name}": found for name, found in IMPACT.hashes.items()}
    return scores | tables | models | gaps | impact
