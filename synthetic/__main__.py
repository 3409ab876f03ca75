"""Makes one delivery of a demo ICS: `python -m synthetic --people 20000 --out DIR`."""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl

from synthetic import clinical_feeds, identity_feeds, lives, published, truth
from synthetic.clinical_feeds.check import activity
from synthetic.contract import Written
from synthetic.fictional import draw_reference
from synthetic.geography import World, read_world
from synthetic.lives import check
from synthetic.people import make_people
from synthetic.progress import Progress

AS_OF = date(2026, 9, 30)
# Files of a reference folder that the product reads.
REFERENCE_FILES = (
    "ods_practices_epraccur_2025.csv", "practice_to_pcn_2022.csv",
    "pcn_metadata_2022.csv", "lsoa21_lookup.csv", "imd2025_lsoa21.csv",
    "postcodes_lsoa.csv.gz", "boundaries_lsoa21_geographr.geojson",
    "practice_locations_2023.csv", "practice_list_size_jul2022.csv",
    "census21_ethnicity_lsoa21.csv",
)  # fmt: skip
OPTIONAL_FILES = ("places.csv",)


def main(argv: list[str] | None = None) -> int:
    """Write reference, landing, truth and manifest.json under the --out folder."""
    arguments = _arguments(argv)
    progress = Progress(as_json=arguments.progress == "json")
    begun = time.perf_counter()
    if arguments.check:
        with tempfile.TemporaryDirectory() as folder:
            world = make_world(
                Path(folder) / "reference",
                arguments.people,
                arguments.seed,
                arguments.reference,
            )
            people = make_people(
                world, arguments.people, arguments.seed, arguments.as_of, progress
            )
            lived = lives.simulate(
                people, world, arguments.seed, arguments.as_of, progress
            )
            clinical_feeds.write(
                lived, people, world, Path(folder), arguments.seed, progress
            )
            seen = activity(Path(folder) / "landing", arguments.as_of, arguments.people)
        print(check.report(lived, seen))
        return 0
    files = generate(
        out=arguments.out,
        people=arguments.people,
        seed=arguments.seed,
        as_of=arguments.as_of,
        reference=arguments.reference,
        progress=progress,
    )
    manifest = {
        "people": arguments.people,
        "seed": arguments.seed,
        "as_of": arguments.as_of.isoformat(),
        "files": _by_feed(files),
        "seconds": round(time.perf_counter() - begun, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    text = json.dumps(manifest, indent=1)
    (arguments.out / "manifest.json").write_text(text + "\n")
    rows = sum(file.rows for file in files)
    progress("delivery", rows, rows, "rows")
    return 0


def generate(
    *,
    out: Path,
    people: int,
    seed: int,
    as_of: date,
    reference: Path | None,
    progress: Progress,
) -> list[Written]:
    """Make one delivery in `out`; an earlier delivery there is replaced."""
    if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
        raise SystemExit(f"{out} holds something that is not a delivery: not touched.")
    for name in ("reference", "landing", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds names
    # From here the folder is ours, also if this run is stopped half way.
    (out / "manifest.json").write_text("{}\n")
    world = make_world(out / "reference", people, seed, reference)
    crowd = make_people(world, people, seed, as_of, progress)
    everyone = crowd.persons.height
    progress("lives", 0, everyone, "people")
    lived = lives.simulate(crowd, world, seed, as_of, progress)
    progress("clinical feeds", 0, everyone, "people")
    files = clinical_feeds.write(lived, crowd, world, out, seed, progress)
    progress("registered people", 0, everyone, "people")
    files += identity_feeds.write(lived, crowd, world, out, progress)
    if reference is None:
        files += published.write(world, people, seed, as_of, out)
    truth.write(lived, crowd, world, out)
    return files


def make_world(folder: Path, people: int, seed: int, reference: Path | None) -> World:
    """Draw a fictional ICS into `folder`, or copy there what is used of a real one."""
    if reference is None:
        draw_reference(folder, people, seed)
    else:
        folder.mkdir(parents=True)
        for name in REFERENCE_FILES:
            shutil.copyfile(reference / name, folder / name)
        for name in OPTIONAL_FILES:
            if (reference / name).exists():
                shutil.copyfile(reference / name, folder / name)
    world = read_world(reference or folder)
    trusts = world.trusts.with_columns(icb_code=pl.lit(world.icb_code))
    trusts.write_csv(folder / "trusts.csv")
    world.councils.write_csv(folder / "councils.csv")
    return world


def _by_feed(files: list[Written]) -> dict[str, list[dict[str, object]]]:
    feeds: dict[str, list[dict[str, object]]] = {}
    for file in sorted(files):
        row = {"path": file.path.as_posix(), "rows": file.rows}
        feeds.setdefault(file.feed, []).append(row)
    return feeds


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m synthetic", description=__doc__)
    add = parser.add_argument
    add("--people", type=int, default=20_000, help="people living there at --as-of")
    add("--seed", type=int, default=1, help="the same seed makes the same files")
    add("--out", type=Path, help="folder for the delivery")
    add("--reference", type=Path, help="folder of real ONS and ODS reference files")
    add("--as-of", type=date.fromisoformat, default=AS_OF, help="last day of the data")
    add("--progress", choices=("lines", "json"), default="lines")
    add("--check", action="store_true", help="print what was simulated; write nothing")
    arguments = parser.parse_args(argv)
    if arguments.out is None and not arguments.check:
        parser.error("--out is needed")
    if arguments.reference:
        absent = [n for n in REFERENCE_FILES if not (arguments.reference / n).is_file()]
        if absent:
            parser.error(
                f"{arguments.reference} has no {', no '.join(absent)}. --reference"
                " takes the folder of one ICS's published files, under these names."
            )
    return arguments


if __name__ == "__main__":
    sys.exit(main())
