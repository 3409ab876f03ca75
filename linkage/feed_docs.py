"""The page docs/feeds.md, written from the feeds' definitions."""

from collections.abc import Iterable, Mapping

from linkage.specs import ActivitySpec, CheckSpec, Conditions, FeedSpec, GateSpec
from linkage.steps.gate import COMPARED_WITH
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
    parts = [HEAD, _overview(ordered), _gate(), _rules()]
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


def _gate() -> str:
    usual = GateSpec()
    return (
        "## When a delivery waits for a person\n\n"
        "Nothing of it is published until somebody lets it in with a reason. It waits"
        " when it is empty; when it lacks a column that the supplier's last file had;"
        f" when its rows lie more than {usual.volume_within:.0%} from the median of the"
        f" supplier's last {COMPARED_WITH} files; and, from"
        f" {usual.judged_from_rows} rows on, when over {usual.most_missing:.0%} of them"
        f" lack a needed value, over {usual.most_unusable:.0%} hold a value of one"
        f" column that cannot be used, or over {usual.most_rejected:.0%} break a rule,"
        " each by more than chance explains. A feed with other limits says so below.\n"
    )


def _own_limits(gate: GateSpec) -> Iterable[str]:
    """Where a feed's gate is not the usual one."""
    usual = GateSpec()
    if gate.volume_within is None:
        yield "whatever its number of rows"
    elif gate.volume_within != usual.volume_within:
        yield f"within {gate.volume_within:.0%} of the usual number of rows"
    if gate.judged_from_rows != usual.judged_from_rows:
        yield f"judged from {gate.judged_from_rows} rows on"
    for most, normal, what in (
        (gate.most_missing, usual.most_missing, "lack a needed value"),
        (gate.most_unusable, usual.most_unusable, "hold a value that cannot be used"),
        (gate.most_rejected, usual.most_rejected, "break a rule"),
    ):
        if most != normal:
            yield f"up to {most:.0%} of rows may {what}"
    for header, most in gate.limits.items():
        yield f"up to {most:.0%} may have no `{header}`, or one that cannot be used"


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
        ("Goes on without a person", "; ".join(_own_limits(spec.gate))),
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
