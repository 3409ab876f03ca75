"""Segmentation's definitions, read once: `SCHEMES["bridges_to_health"]`."""

from pathlib import Path

from governance.definitions import Folder
from segmentation.specs import LensSpec, SchemeSpec

HERE = Path(__file__).resolve().parent

SCHEMES = Folder(HERE / "schemes", SchemeSpec)
LENSES = Folder(HERE / "lenses", LensSpec)
