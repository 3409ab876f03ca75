"""One person's whole record, in sections of rows, less what is withheld."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict


class Section(TypedDict):
    """A part of the record: its title, its columns, and its rows as words."""

    title: str
    columns: list[str]
    rows: list[list[str]]


Record = Mapping[str, Section]


def without(record: Record, withheld: Collection[str]) -> dict[str, Section]:
    """Return the record without the entries withheld, each as "section number".

    A section that lost something says so, and not what: the law lets the reason be
    kept back with the entry (Data Protection Act 2018, schedule 3).
    """
    kept: dict[str, Section] = {}
    for name, section in record.items():
        rows = [
            row
            for number, row in enumerate(section["rows"])
            if f"{name} {number}" not in withheld
        ]
        lost = len(section["rows"]) - len(rows)
        title = section["title"]
        if lost:
            title += f" ({lost} {'entry' if lost == 1 else 'entries'} withheld)"
        kept[name] = Section(title=title, columns=section["columns"], rows=rows)
    return kept


def known_entries(record: Record, asked: Sequence[str]) -> list[str]:
    """Return those of the entries asked for that the record has, in order, once."""
    there = {
        f"{name} {number}"
        for name, section in record.items()
        for number in range(len(section["rows"]))
    }
    return [each for each in dict.fromkeys(asked) if each in there]
