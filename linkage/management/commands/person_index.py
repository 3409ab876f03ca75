"""`person_index …`: ask an earlier version, take a merge back, relink everything."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage import person_actions
from linkage.vault import changes, index
from linkage.vault.relinks import RefusedRelinkError

BY = "command line"


class Command(BaseCommand):
    help = "The person index: as-of questions, undoing a merge, relinking."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        show = what.add_parser("as-of", help="how many records and people there were")
        show.add_argument("--version", dest="at", type=int)
        show.add_argument("--date")
        undo = what.add_parser("undo-merge", help="part what a version joined")
        undo.add_argument("of_version", type=int, metavar="VERSION")
        relink = what.add_parser("relink", help="link everything anew, as a proposal")
        relink.add_argument("--model", default="rules of this code")
        for name in ("accept", "refuse"):
            some = what.add_parser(f"{name}-relink", help=f"{name} a proposal")
            some.add_argument("relink_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = getattr(self, options["what"].replace("-", "_"))(options)
        except (changes.RefusedChangeError, RefusedRelinkError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(told))

    def as_of(self, options: dict[str, Any]) -> dict[str, Any]:
        with index.reading() as connection:
            version = options["at"]
            if options["date"]:
                version = changes.version_on(connection, options["date"])
            if version is None:
                version = index.newest_version(connection)
            links = changes.links_as_of(connection, version)
        people = links["person_no"].n_unique()
        return {"version": version, "records": links.height, "people": people}

    def undo_merge(self, options: dict[str, Any]) -> dict[str, Any]:
        version = options["of_version"]
        return {"version": person_actions.undo_merge(version=version, by=BY)}

    def relink(self, options: dict[str, Any]) -> dict[str, Any]:
        made = person_actions.propose_relink(model=options["model"], by=BY)
        return {"relink": made.relink_id, **made.counts}

    def accept_relink(self, options: dict[str, Any]) -> dict[str, Any]:
        relink_id = options["relink_id"]
        return {"version": person_actions.accept_relink(relink_id=relink_id, by=BY)}

    def refuse_relink(self, options: dict[str, Any]) -> dict[str, Any]:
        person_actions.refuse_relink(relink_id=options["relink_id"], by=BY)
        return {"refused": options["relink_id"]}
