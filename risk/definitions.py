"""Risk's definitions, read once: published scores and predictive models."""

from functools import cache
from pathlib import Path

import polars as pl

from governance.definitions import DefinitionError, Folder, digest
from risk.specs import CodedMethod, ModelSpec, ScoreSpec
from risk.steps.code_masks import PointsTable

HERE = Path(__file__).resolve().parent

SCORES = Folder(HERE / "scores", ScoreSpec)
MODELS = Folder(HERE / "predictions", ModelSpec)


@cache
def points_table(name: str) -> PointsTable:
    """Return the table of points of a coded score. DefinitionError if it has none."""
    method = SCORES[name].method
    if not isinstance(method, CodedMethod):
        raise DefinitionError(f"{name} is not reckoned from codes")
    rows = pl.read_csv(SCORES.path / method.table, infer_schema=False)
    try:
        return PointsTable.from_frame(rows, method.points, method.supersedes)
    except (ValueError, pl.exceptions.ColumnNotFoundError) as error:
        raise DefinitionError(f"{method.table}: {error}") from error


def points_tables() -> dict[str, PointsTable]:
    """Return the tables of every coded score."""
    return {
        name: points_table(name)
        for name, spec in SCORES.items()
        if isinstance(spec.method, CodedMethod)
    }


def hashes() -> dict[str, str]:
    """Return the SHA-256 of every definition a release's risk stages use."""
    tables = {
        f"score/{path.name}": digest(path) for path in sorted(SCORES.path.glob("*.csv"))
    }
    scores = {f"score/{name}": found for name, found in SCORES.hashes.items()}
    models = {f"model/{name}": found for name, found in MODELS.hashes.items()}
    return scores | tables | models
