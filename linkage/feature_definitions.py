"""The features and codelists of the product, each read once."""

from functools import cache
from pathlib import Path

from governance.definitions import Folder
from linkage.code_lists import Codelist, read_codelists
from linkage.feature_specs import FeatureSpec

FEATURES: Folder[FeatureSpec] = Folder(Path(__file__).parent / "features", FeatureSpec)


@cache
def codelists() -> dict[str, Codelist]:
    """Every codelist of the product's files by its name."""
    return read_codelists()


@cache
def guarded_codelists() -> frozenset[str]:
    """The lists that sensitive features read: few roles and purposes may use them."""
    guarded = [spec for spec in FEATURES.values() if spec.sensitive]
    return frozenset(name for spec in guarded for name in spec.codelists)
