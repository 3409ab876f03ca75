"""`./run docs`: write the pages drawn from definitions, or say they are stale."""

import sys
from collections.abc import Callable
from pathlib import Path

from config import architecture
from config.runner.session import ROOT
from linkage.definitions import FEEDS, SERIES
from linkage.feed_docs import feeds_page
from linkage.series_docs import series_page

PAGES: dict[str, Callable[[], str]] = {
    "docs/architecture.md": architecture.page,
    "docs/feeds.md": lambda: feeds_page(FEEDS),
    "docs/series.md": lambda: series_page(SERIES),
}


def docs(root: Path = ROOT, *, check: bool = False) -> int:
    """Write what is stale (or with `check` only name it); returns the exit code."""
    stale = []
    for name, page in PAGES.items():
        path, text = root / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is out of date: ./run docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(docs(check="--check" in sys.argv[1:]))
