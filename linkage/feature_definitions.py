"""The features and codelists of the product, each read once."""

from functools import cache
from pathlib import Path

from governance.definitions import Folder
from linkage.code_lists import Codelist, read_codelists
from linkage.feature_specs import FeatureSpec

FEATURES: Folder[FeatureSpec] = Folder(Path(__file__).parent / "features", FeatureSpec)


@cache
def codelists() -> dict[str, Codelist]:
    """Every codelist by its name."""
    return read_codelists()


def codelist_hashes() -> dict[str, str]:
    """The hash of every codelist in use: its codes, terms and entry in the index."""
    return {name: codelist.digest for name, codelist in codelists().items()}
