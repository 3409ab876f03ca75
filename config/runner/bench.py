"""`./run bench [NAME]`: the measurements in benchmarks/, one file each.

A benchmark is a module with `run(scale: float) -> Iterable[Figure]`; its docstring
says what it measures. `scale` 1 is the size that docs/benchmarks.md reports. One that
can take more says so: `seed`, and `start`, a home to begin with a copy of.
"""

import importlib
import inspect
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from config.runner.session import ROOT

FOLDER = ROOT / "benchmarks"


def names(folder: Path = FOLDER) -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "figures")


def bench(
    name: str | None,
    *,
    scale: float,
    as_json: bool,
    seed: int | None = None,
    start: Path | None = None,
) -> int:
    """Run one benchmark, or list them without a name; returns the exit code."""
    console = Console(highlight=False)
    if name is None:
        for each in names():
            console.print(f"{each:<14}{_title(each)}")
        return 0
    if name not in names():
        console.print(f"There is no benchmark '{name}': {', '.join(names()) or 'none'}")
        return 2
    # Whoever signs in for a measurement has a password alone.
    os.environ.setdefault("CATCHMENT_SECOND_FACTOR", "where_enrolled")
    run = importlib.import_module(f"benchmarks.{name}").run
    asked = {k: v for k, v in {"seed": seed, "start": start}.items() if v is not None}
    if strange := asked.keys() - inspect.signature(run).parameters.keys():
        console.print(f"{name} takes no {' or '.join(sorted(strange))}.")
        return 2
    figures = run(scale, **asked)
    if as_json:
        for figure in figures:
            print(figure.as_json(), flush=True)
        return 0
    table = Table(title=f"{name}, scale {scale:g}", title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    table.add_column("Unit")
    table.add_column("Beside", overflow="fold")
    for figure in figures:
        table.add_row(figure.name, shown(figure.value), figure.unit, _beside(figure))
    console.print(table)
    return 0


def shown(value: float) -> str:
    """A figure as people read it: thousands apart, small ones to three digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _beside(figure: Figure) -> str:
    return ", ".join(
        f"{name} {shown(value) if isinstance(value, int | float) else value}"
        for name, value in figure.beside.items()
    )


def _title(name: str) -> str:
    docstring = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
    return docstring.strip().splitlines()[0] if docstring.strip() else ""
