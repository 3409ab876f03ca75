"""The page docs/feeds.md, written from the feeds' definitions."""

from collections.abc import Iterable, Mapping

from linkage.specs import ActivitySpec, CheckSpec, Conditions, FeedSpec
from linkage.steps.validate import EXCLUDING, RULES

TIERS = {
    "names": "names and address",
    "national": "NHS number, birth date, postcode, sex and a local id; no names",
    "token": "a token made elsewhere, joined through a crosswalk in the vault",
    "reference": "none of its own: it speaks of people whom another feed introduced",
    "vault_only": "kept in the vault alone",
}
HEAD = """\
# Feeds

Written from `linkage/feeds/*.yaml` by `./run docs`; a test fails when it is
out of date. Change the definition, not this page.

Every row that comes in is loaded, quarantined, left out or a duplicate, and the four
add up: the database refuses a run whose sums do not. `./run load FEED PATH…` takes
files, and the Feeds page shows what became of them.
"""


def feeds_page(feeds: Mapping[str, FeedSpec]) -> str:
    """Return the whole page as Markdown, feeds in the order in which they load."""
    ordered = sorted(feeds.items(), key=lambda item: (item[1].order, item[0]))
    parts = [HEAD, _overview(ordered), _rules()]
    parts += [_feed(name, spec) for name, spec in ordered]
    return "\n".join(parts)


def as_markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _overview(feeds: list[tuple[str, FeedSpec]]) -> str:
    rows = [
        (f"[{name}](#{name})", spec.title, TIERS[spec.tier], spec.layout)
        for name, spec in feeds
    ]
    return as_markdown(("Feed", "What", "Identifiers", "Layout"), rows) + "\n"


def _rules() -> str:
    fates = {
        words: "left out" if rule in EXCLUDING else "quarantined"
        for rule, words in RULES.items()
        if rule != "duplicate"
    }
    return (
        "## Why a row is not loaded\n\n"
        + as_markdown(("Reason", "Fate"), fates.items())
        + "\n\nA value that is not required and cannot be used is left blank and is"
        " counted in the run; the row is loaded without it.\n\n"
        "Codes that the law keeps from being passed on (`linkage/restricted_codes.csv`:"
        " gender recognition, assisted fertility, termination of pregnancy, sexually"
        " transmitted infection) are taken out before anything else sees the row, and"
        " counted by category alone. The list holds stems and concepts in common use; a"
        " deployment puts the members of the national reference sets in its place.\n"
    )


def _feed(name: str, spec: FeedSpec) -> str:
    facts = [
        ("Source", spec.source),
        ("Layout", spec.layout),
        ("Comes", spec.cadence),
        ("Controller", spec.controller),
        (
            "Submitted by",
            f"`{spec.submitted_by}`" if spec.submitted_by else "",
        ),
        ("Identifiers", TIERS[spec.tier]),
        ("Files", ", ".join(f"`{f}`" for f in spec.files) or "given by hand"),
        ("Period and correction in the name", f"`{spec.named}`" if spec.named else ""),
        ("A row is the same row when", " and ".join(f"`{k}`" for k in spec.key)),
        (
            "A later version has a later",
            f"`{spec.latest_by}`" if spec.latest_by else "",
        ),
        (
            "Used where",
            "; ".join(f"`{c}` is {_any(v)}" for c, v in spec.uses.items()),
        ),
        ("A row becomes", "; ".join(_becomes(spec))),
        ("Rules between columns", "; ".join(_check(c) for c in spec.checks)),
        ("MESH workflows", ", ".join(f"`{w}`" for w in spec.workflows)),
        ("Owner, next review", f"{spec.owner}, {spec.review_by:%d %B %Y}"),
    ]
    columns = [
        (
            f"`{column}`",
            ", ".join(f"`{h}`" for h in given.headers),
            given.type + (f" ×{given.repeat}" if given.repeat else ""),
            "yes" if given.required else "",
        )
        for column, given in spec.columns.items()
    ]
    lines = [f"- **{what}:** {' '.join(said.split())}" for what, said in facts if said]
    why = [" ".join(spec.why.split()), ""] if spec.why else []
    table = as_markdown(("Column", "Headers known", "Type", "Needed"), columns)
    return "\n".join(
        [f"## {name}", "", f"**{spec.title}.**", "", *why, *lines, "", table, ""]
    )


def _becomes(spec: FeedSpec) -> Iterable[str]:
    if spec.keeps:
        yield f"an entry of the vault's {spec.keeps.replace('_', ' ')}"
    for registration in spec.registrations:
        yield f"a registration with `{registration.practice}`"
    for residence in spec.residences:
        yield f"a residence at the LSOA of `{residence.postcode}`"
    events = {
        f"{event.kind} ({event.system}){_when(event.when)}": None
        for event in spec.events
    }
    yield from events
    for activity in spec.activities:
        yield _activity(activity)
    if spec.opt_out:
        yield "a type 1 opt-out or its withdrawal, kept in the vault"


def _activity(activity: ActivitySpec) -> str:
    once = f", once per {_any(activity.once_per)}" if activity.once_per else ""
    kind = activity.kind.replace("_", " ")
    setting = activity.setting.replace("_", " ")
    return f"{kind} ({setting}{once}){_when(activity.when)}"


def _when(when: Conditions) -> str:
    return "".join(
        f" where `{name}` is {_any(values)}" for name, values in when.items()
    )


def _any(values: Iterable[str]) -> str:
    shown = list(values)
    if len(shown) > 6:
        return f"one of {len(shown)} values"
    return " or ".join(f"`{value}`" for value in shown)


def _check(check: CheckSpec) -> str:
    names = " and ".join(f"`{name}`" for name in check.columns)
    about = f" in {check.feed}" if check.feed else ""
    only = "" if check.then == "hold" else ", only noted"
    return f"{check.rule.replace('_', ' ')}: {names}{about}{_when(check.when)}{only}"
