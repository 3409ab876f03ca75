"""`feed_docs`: write docs/feeds.md from the feeds' definitions."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from linkage.definitions import FEEDS
from linkage.feed_docs import feeds_page


class Command(BaseCommand):
    help = "Write docs/feeds.md; with --check only say whether it is fresh"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "feeds.md"
        page = feeds_page(FEEDS)
        fresh = path.exists() and path.read_text(encoding="utf-8") == page
        if options["check"] and not fresh:
            raise CommandError("docs/feeds.md is out of date: ./run manage feed_docs")
        if not fresh:
            path.write_text(page, encoding="utf-8")
        self.stdout.write(f"docs/feeds.md speaks of {len(FEEDS)} feeds")
