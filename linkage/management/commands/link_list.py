"""`link_list RECORDS LINKS`: whom the records of a file are in the person index."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance import audit
from linkage.record_files import (
    FileProblem,
    parse_columns,
    read_records,
    write_links,
)
from linkage.vault.list_match import match_records


class Command(BaseCommand):
    help = "Find the people of a list in the index; makes nobody, changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("records", type=Path)
        parser.add_argument("links", type=Path)
        parser.add_argument("--columns", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            columns = parse_columns(options["columns"])
            records = read_records(options["records"], columns)
        except FileProblem as problem:
            raise CommandError(str(problem)) from problem
        links = match_records(records)
        matched = links.height - links["cluster_id"].null_count()
        # Written before the answer leaves: who was found is told by the file.
        audit.record(
            "list_linked", None, subject=options["records"].name, persons=matched
        )
        write_links(links, options["links"])
        counts = {"records": links.height, "matched": matched}
        counts["unmatched"] = links.height - matched
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            told = ", ".join(f"{n:,} {what}" for what, n in counts.items())
            self.stdout.write(f"{told}; links in {options['links']}")
