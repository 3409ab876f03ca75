"""docs/feeds.md says what the definitions say."""

from linkage.definitions import FEEDS
from linkage.feed_docs import feeds_page
from linkage.specs import GateSpec
from tests.conftest import ROOT


def test_the_page_of_feeds_is_fresh() -> None:
    written = (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8")
    assert written == feeds_page(FEEDS), "run ./run docs"


def test_every_feed_has_a_section_and_every_column_a_line() -> None:
    page = feeds_page(FEEDS)
    for name, spec in FEEDS.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert all(f"| `{column}` |" in section for column in spec.columns)


def test_a_feed_with_limits_of_its_own_says_them() -> None:
    page = feeds_page(FEEDS)
    for name, spec in FEEDS.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert ("**Goes on without a person:**" in section) == (spec.gate != GateSpec())
    assert "up to 100% may have no `VALUE`, or one that cannot be used" in page
