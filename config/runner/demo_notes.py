"""What a home knows of its demo: which one it is, and how far it has come."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PEOPLE = 20_000
SEED = 1


@dataclass(frozen=True)
class Wish:
    """What decides which demo it is; the same wish finds the same data."""

    people: int = PEOPLE
    seed: int = SEED
    reference: str | None = None

    def __str__(self) -> str:
        where = f"on {self.reference}" if self.reference else "in the fictional ICS"
        return f"{self.people:,} people {where}, seed {self.seed}"


class Notes:
    """Two files in the home: one while a demo is being made, one once it is whole."""

    def __init__(self, home: Path) -> None:
        self._begun = home / "demo-begun.json"
        self._done = home / "demo-done.json"

    def made(self) -> Wish | None:
        """The whole demo, or None."""
        return (
            Wish(**json.loads(self._done.read_text())) if self._done.exists() else None
        )

    def unfinished(self) -> Wish | None:
        """The demo whose making was interrupted, or None."""
        if not self._begun.exists():
            return None
        return Wish(**json.loads(self._begun.read_text())["wish"])

    def is_demo(self) -> bool:
        """Whether this home holds a demo, whole or in the making."""
        return self._done.exists() or self._begun.exists()

    def stages(self) -> list[str]:
        """The finished stages of an unfinished demo, in order."""
        if not self._begun.exists():
            return []
        return json.loads(self._begun.read_text())["stages"]

    def begin(self, wish: Wish, stages: Sequence[str] = ()) -> None:
        """Note which demo is being made and which stages of it are finished."""
        beside = self._begun.with_suffix(".new")
        beside.write_text(json.dumps({"wish": asdict(wish), "stages": [*stages]}))
        beside.replace(self._begun)

    def finish(self, wish: Wish) -> None:
        """Note that the demo is whole."""
        self._done.write_text(json.dumps(asdict(wish)))
        self._begun.unlink()

    def forget(self) -> None:
        """Note that there is no demo. Before its data goes: an interruption between
        the two must not leave a note of what is no longer there.
        """
        self._done.unlink(missing_ok=True)
        self._begun.unlink(missing_ok=True)
