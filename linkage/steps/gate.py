"""Whether a delivery may go on, or waits for a person: volume, columns, values.

Every limit is the feed's own (`GateSpec`), with defaults for the one that says nothing.
A verdict is words for the data manager's page: what was found, and the limit.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from governance.disclosure import wilson
from linkage.specs import GateSpec
from linkage.steps.measure import Measured

COMPARED_WITH = 6  # earlier files


@dataclass(frozen=True)
class Earlier:
    """The feed's published files of the same supplier, newest first.

    rows: how many each of another day's had. headers: those of the newest of all;
    empty where none is known.
    """

    rows: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Why a delivery is held (empty: it goes on), and what else is worth saying."""

    held: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()


def gate(
    found: Measured,
    headers: Iterable[str],
    known: Mapping[str, Collection[str]],
    earlier: Earlier,
    limits: GateSpec,
) -> Verdict:
    """Judge what was measured against the feed's limits and its earlier files.

    headers: those of the file. known: the headers by which the definition knows each
    column. A column that the last file had and this one has under none of its headers
    holds; another header of it, or one that the definition does not know, only warns.
    """
    if found.rows == 0:
        return Verdict(
            held=("The file holds no row. An empty file is never taken in.",)
        )
    held, noted = _volume(found.rows, earlier, limits)
    lost, warned = _columns(tuple(headers), known, earlier)
    if found.rows >= limits.judged_from_rows:
        held += _values(found, limits)
    elif found.missing or found.unusable:
        noted.append(
            f"Fewer than {limits.judged_from_rows:,} rows: too few to judge their"
            " values by shares."
        )
    return Verdict(tuple(held + lost), tuple(warned), tuple(noted))


def _volume(
    rows: int, earlier: Earlier, limits: GateSpec
) -> tuple[list[str], list[str]]:
    if limits.volume_within is None:
        return [], []
    if not earlier.rows:
        return [], ["No file of this supplier from an earlier day to compare with."]
    usual = median(earlier.rows[:COMPARED_WITH])
    if usual < limits.judged_from_rows:
        return [], [f"Earlier files have {usual:,.0f} rows: too few to compare with."]
    share = rows / usual - 1
    if abs(rows - usual) <= round(limits.volume_within * usual):
        return [], []
    many = len(earlier.rows[:COMPARED_WITH])
    files = f"the last {many} files" if many > 1 else "the last file"
    middle = f"a median of {usual:,.0f}" if many > 1 else f"{usual:,.0f}"
    how = "more" if share > 0 else "fewer"
    said = (
        f"{rows:,} rows, {abs(share):.0%} {how} than {files} ({middle}); the limit is"
        f" {limits.volume_within:.0%}."
    )
    return [said], []


def _columns(
    headers: tuple[str, ...], known: Mapping[str, Collection[str]], earlier: Earlier
) -> tuple[list[str], list[str]]:
    meant = {_plain(name) for names in known.values() for name in names}
    before = {_plain(name): name for name in earlier.headers}
    now = {_plain(name): name for name in headers}
    if not before:
        # Nothing to hold against yet; what the definition does not know is said anyway.
        unknown = [name for plain, name in now.items() if plain not in meant]
        said = [f"Columns that the feed does not know, not read: {', '.join(unknown)}."]
        return [], (said if unknown else [])
    lost, renamed, back = {}, {}, {}  # without repeats: two columns may share a header
    for names in known.values():
        plain = [_plain(name) for name in names]
        had = next((before[name] for name in plain if name in before), None)
        has = next((now[name] for name in plain if name in now), None)
        if had and not has:
            lost[had] = had
        elif has and not had:
            back[has] = has
        elif had and has and _plain(had) != _plain(has):
            renamed[has] = f"{had} is now {has}"
    new = [n for plain, n in now.items() if plain not in before.keys() | meant]
    warned = {
        "New columns, not read": new,
        "Columns under another name, read as before": renamed.values(),
        "New columns, read from now on": back,
    }
    held = [f"Missing columns that the last file had: {', '.join(lost)}."]
    return (held if lost else []), [
        f"{said}: {', '.join(names)}." for said, names in warned.items() if names
    ]


def _plain(header: str) -> str:
    return header.strip().lower()


def _values(found: Measured, limits: GateSpec) -> list[str]:
    said = []
    for name, many in sorted(found.missing.items()):
        share, most = many / found.rows, limits.limits.get(name, limits.most_missing)
        if _beyond(many, found.rows, most):
            said.append(f"{share:.1%} of rows have no {name}; the limit is {most:.1%}.")
    for name, many in sorted(found.unusable.items()):
        share, most = many / found.rows, limits.limits.get(name, limits.most_unusable)
        if _beyond(many, found.rows, most):
            said.append(
                f"{share:.1%} of rows hold a value of {name} that cannot be used or is"
                f" not known; the limit is {most:.1%}."
            )
    share = found.rejected / found.rows
    if _beyond(found.rejected, found.rows, limits.most_rejected):
        said.append(
            f"{share:.1%} of rows break a rule; the limit is"
            f" {limits.most_rejected:.1%}."
        )
    return said


def _beyond(many: int, rows: int, most: float) -> bool:
    """Whether a share lies beyond its limit by more than chance explains.

    Three rows of 220 without a number say nothing of a supplier; 40 of 2,200 do.
    """
    return many > 0 and wilson(many, rows)[0] > most
