"""The definitions of linkage, each read once."""

from pathlib import Path

from governance.definitions import Folder, load_file
from linkage.specs import BestKnownSpec, FeedSpec

HERE = Path(__file__).resolve().parent

FEEDS: Folder[FeedSpec] = Folder(HERE / "feeds", FeedSpec)


def best_known() -> BestKnownSpec:
    """How one value is chosen where sources disagree."""
    return load_file(HERE / "best_known.yaml", BestKnownSpec)
