"""`load_codelist NAME FILE`: propose a codelist, say what it does, accept it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.codebook import actions, selectors
from linkage.models import CodelistVersion

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Propose a codelist from an OpenCodelists or CALIBER CSV, print what changes"
        " and who would enter and leave each register, and accept it if asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the list's name, such as asthma_icd10")
        parser.add_argument("file", type=Path)
        parser.add_argument("--title", default="")
        parser.add_argument("--system", default="", help="snomed, icd10, opcs4, bnf …")
        parser.add_argument("--match", default="", choices=["", "exact", "prefix"])
        parser.add_argument("--source", default="", help="default: the file's name")
        parser.add_argument("--why", default="")
        parser.add_argument("--by", required=True, help="who proposes it")
        parser.add_argument("--accept-by", default="", help="who accepts it at once")

    def handle(self, *args: Any, **given: Any) -> None:
        path: Path = given["file"]
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: cannot be read as text: {error}") from error
        try:
            version = actions.propose(
                name=given["name"],
                text=text,
                where=path.name,
                why=given["why"],
                by=given["by"],
                system=given["system"],
                match=given["match"],
                title=given["title"],
                source=given["source"],
            )
        except actions.RefusedCodelistError as error:
            raise CommandError(str(error)) from error
        self._say_codes(version)
        try:
            actions.measure(version_id=version.pk)
        except LookupError as error:
            self.stdout.write(f"Its effect cannot be worked out yet: {error}.")
            return
        self._say_people(version)
        if given["accept_by"]:
            try:
                actions.accept(version_id=version.pk, by=given["accept_by"])
            except actions.RefusedCodelistError as error:
                raise CommandError(str(error)) from error
            self.stdout.write("Accepted; in force from the next refresh.")

    def _say_codes(self, version: CodelistVersion) -> None:
        changed = selectors.change_of(version)
        self.stdout.write(
            f"{version.name} version {version.version}: {len(version.codes):,} codes,"
            f" {len(changed.added):,} added, {len(changed.removed):,} removed,"
            f" {len(changed.retitled):,} under another term."
        )
        for sign, codes in (("+", changed.added), ("-", changed.removed)):
            for code, term in list(codes.items())[:SHOWN]:
                self.stdout.write(f"  {sign} {code:<18} {term}")
            if len(codes) > SHOWN:
                self.stdout.write(f"  {sign} … and {len(codes) - SHOWN:,} more")
        if selectors.was_looked():
            lost = selectors.unseen_in(version)
            self.stdout.write(f"{len(lost):,} of its codes never stand in our data.")

    def _say_people(self, version: CodelistVersion) -> None:
        """Exact, for whoever runs commands on the server sees everybody already."""
        effects = selectors.effects_of(version)
        if not effects:
            self.stdout.write("No feature reads this list yet.")
            return
        self.stdout.write(f"{'feature':<36} {'before':>9}  people who move")
        for effect in effects:
            moves = ", ".join(f"{len(p):,} {way}" for way, p in effect.moves.items())
            self.stdout.write(f"{effect.feature:<36} {len(effect.before):>9,}  {moves}")
