"""The shape of the public record of an algorithm, and what it may name."""

from string import Formatter
from typing import Literal

from pydantic import model_validator

from governance.specs import Definition, Strict

# What a field's words may name in braces; `dashboards.selectors.algorithms` fills them.
NAMES = frozenset(
    {
        "ages",
        "inputs",
        "input_count",
        "intended_use",
        "lists",
        "not_for",
        "organisation",
        "output",
        "owner",
        "performance",
        "review_by",
        "sensitive",
        "sizes",
        "source",
        "standing",
        "task",
        "tested_on",
        "title",
        "trained_on",
        "version",
        "why",
        "words",
    }
)


class FieldSpec(Strict):
    """One field of the standard: its number, its name, and what is answered.

    `words` may hold names in braces (`NAMES`). `deployment` says that only the
    organisation that puts the platform to use can answer; the words then say what it
    has to.
    """

    number: str
    name: str
    words: str
    deployment: bool = False

    @model_validator(mode="after")
    def names_what_there_is(self) -> "FieldSpec":
        named = {name for _, name, _, _ in Formatter().parse(self.words) if name}
        if lost := named - NAMES:
            raise ValueError(f"{self.number} names {', '.join(sorted(lost))}")
        return self


class SectionSpec(Strict):
    """One section of the standard; its metadata are of no tier."""

    tier: Literal[1, 2] | None = None
    title: str
    fields: tuple[FieldSpec, ...]


class RecordSpec(Definition):
    """What every algorithm's record says, field by field, in the standard's order."""

    standard: str
    sections: tuple[SectionSpec, ...]
