"""Segmentation's definitions, read once: `SCHEMES["bridges_to_health"]`."""

from pathlib import Path

from django.conf import settings

from governance.definitions import Folder
from linkage.feature_definitions import FEATURES
from segmentation.specs import LensSpec, PlusSpec, SchemeSpec

HERE = Path(__file__).resolve().parent

SCHEMES = Folder(HERE / "schemes", SchemeSpec)
LENSES = Folder(HERE / "lenses", LensSpec)
PLUS = Folder(HERE / "plus", PlusSpec)


def local_plus() -> PlusSpec:
    """The PLUS of Core20PLUS5 that this deployment chose (CATCHMENT_PLUS)."""
    return PLUS[settings.PLUS_GROUPS]


def plus_hash() -> dict[str, str]:
    """The hash of the local PLUS in use, by its name."""
    return {settings.PLUS_GROUPS: PLUS.hashes[settings.PLUS_GROUPS]}


def is_sensitive(features: tuple[str, ...]) -> bool:
    """Whether any of these features is one that few may see (inclusion health)."""
    guarded = {
        column
        for name, spec in FEATURES.items()
        if spec.sensitive
        for column in spec.columns(name)
    }
    return not guarded.isdisjoint(features)
