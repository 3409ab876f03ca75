"""The closing tables of a long command, drawn for a terminal or a log."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from config.runner.stages import NOT_OUT, Result, StageRun

WAITING = ("held", "refused", "undone")  # named where there are any
ACCOUNT_COLUMNS = ("role", "user", "password", "page", "place", "app_secret")


def print_stages(
    console: Console, runs: Sequence[StageRun], seconds: float, peak_mb: float
) -> None:
    """Stage, rows in, rows out, where the others went, seconds; then all by the clock,
    which is less than their sum where stages ran side by side.
    """
    table = Table(title="What was done", title_justify="left")
    table.add_column("Stage")
    for name in ("Rows in", "Rows out", "Not out"):
        table.add_column(name, justify="right" if name != "Not out" else "left")
    table.add_column("Seconds", justify="right")
    for run in runs:
        # A single part says the same as its stage: one line is enough.
        single = run.parts[0] if len(run.parts) == 1 else None
        shown = single or Result("", run.seconds)
        _row(table, run.stage.title, shown, run.seconds)
        for part in run.parts if single is None else []:
            _row(table, f"  {part.name}", part, part.seconds)
    table.add_section()
    table.add_row("In all", "", "", "", f"{seconds:.1f}")
    console.print(table)
    console.print(f"Peak memory of all processes together: {peak_mb:,.0f} MiB")


def accounted(delivered: StageRun, loaded: StageRun) -> str:
    """Whether every row that the generator delivered is loaded or has its reason."""
    wrote = sum(part.rows_out or 0 for part in delivered.parts)
    feeds = [part for part in loaded.parts if part.name != "people"]
    taken = sum(part.rows_in or 0 for part in feeds)
    kept = sum(part.rows_out or 0 for part in feeds)
    rest = {name: sum(part.rest.get(name, 0) for part in feeds) for name in NOT_OUT}
    rest = {name: n for name, n in rest.items() if n or name not in WAITING}
    sums = " + ".join(f"{n:,} {name}" for name, n in {"loaded": kept, **rest}.items())
    text = f"{wrote:,} rows delivered, {taken:,} read = {sums}."
    if wrote == taken == kept + sum(rest.values()):
        return f"Every row is accounted for: {text}"
    return f"ROWS ARE MISSING: {text}"


def waiting(loaded: StageRun, address: str) -> list[str]:
    """Which files the load gate holds, why, and where a person decides about each."""
    return [
        f"HELD: {said['held']} was not taken in ({said['problem']}) Decide about it at"
        f" {address}feeds/runs/{said['run']}/"
        for said in loaded.said
        if "held" in said
    ]


def print_accounts(console: Console, accounts: Sequence[Mapping[str, Any]]) -> None:
    """The demo's sign-ins, one per role."""
    table = Table(title="Demo sign-ins", title_justify="left")
    for name in ACCOUNT_COLUMNS:
        table.add_column(name.replace("_", " ").capitalize(), overflow="fold")
    for account in accounts:
        table.add_row(*(str(account.get(name, "")) for name in ACCOUNT_COLUMNS))
    console.print(table)


def print_rows(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Any list of flat objects that share their keys, such as links' precision."""
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        numeric = isinstance(rows[0][name], int | float)
        table.add_column(
            name.replace("_", " ").capitalize(), justify="right" if numeric else "left"
        )
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    console.print(table)


def _row(table: Table, name: str, result: Result, seconds: float) -> None:
    rest = ", ".join(f"{value:,} {name}" for name, value in result.rest.items())
    table.add_row(
        name,
        "" if result.rows_in is None else _shown(result.rows_in),
        "" if result.rows_out is None else _shown(result.rows_out),
        rest.replace("_", " "),
        f"{seconds:.1f}",
    )


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
