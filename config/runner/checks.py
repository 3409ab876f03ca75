"""`./run check` and `./run fix`: what a change must satisfy before it is shared."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from config.runner.session import NOWHERE, PYTHON, ROOT, child_environment

LONGEST_FILE = 400  # lines; past that a module is made a folder
BIN = Path(PYTHON).parent
CHECKS: tuple[tuple[str, Sequence[str]], ...] = (
    ("style", (PYTHON, "-m", "ruff", "check", "--quiet", ".")),
    ("format", (PYTHON, "-m", "ruff", "format", "--check", "--quiet", ".")),
    ("types", (PYTHON, "-m", "mypy", "--no-error-summary")),
    ("project", (PYTHON, "manage.py", "check")),
    (
        "migrations",
        # It warns that it could not ask a database; it need not.
        (PYTHON, "-W", "ignore", "manage.py", "makemigrations", "--check"),
    ),
    ("docs", (PYTHON, "-m", "config.runner.docs", "--check")),
    ("layers", (str(BIN / "lint-imports"), "--no-cache")),
    (
        "definitions",
        (PYTHON, "-m", "pytest", "-q", "tests/definitions"),
    ),
)
FIXES: tuple[Sequence[str], ...] = (
    (PYTHON, "-m", "ruff", "check", "--quiet", "--fix", "."),
    (PYTHON, "-m", "ruff", "format", "--quiet", "."),
)


def check() -> int:
    """Run every check, all of them even when one fails; 0 when all are green."""
    failed = []
    for name, command in CHECKS:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=child_environment(NOWHERE),
            capture_output=True,
            text=True,
            check=False,
        )
        _say(name, done.returncode == 0)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    too_long = long_files(ROOT)
    _say("file length", not too_long)
    for path, lines in too_long:
        print(f"  {path}: {lines} lines, the limit is {LONGEST_FILE}")
    return 1 if failed or too_long else 0


def fix() -> int:
    """Repair what the tools can repair; returns the worst exit code."""
    return max(subprocess.run(each, cwd=ROOT, check=False).returncode for each in FIXES)


def long_files(root: Path) -> list[tuple[Path, int]]:
    """Our own Python, templates, scripts and styles longer than LONGEST_FILE lines."""
    kept = subprocess.run(
        ["git", "ls-files", "*.py", "*.html", "*.jinja", "*.js", "*.scss", "*.sql"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found = []
    for name in kept:
        path = root / name
        # A file that a colleague just removed is listed until it is committed.
        lines = len(path.read_bytes().splitlines()) if path.exists() else 0
        if lines > LONGEST_FILE:
            found.append((Path(name), lines))
    return found


def _say(name: str, passed: bool) -> None:
    print(f"{name:<14}{'ok' if passed else 'FAILED'}", file=sys.stdout, flush=True)
