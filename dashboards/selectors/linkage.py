"""The linkage report: who is linked, how well, and for whom it fails.

Its figures come from the nightly check: records whose NHS number was hidden and that
were linked anew. Laid out after GUILD (Gilbert and others, J Public Health 2018).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.selectors.lenses import FIFTHS
from governance import disclosure
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published
from linkage.definitions import FEEDS
from linkage.models import LinkageAudit
from linkage.steps.check_links import AGE_BANDS, NOT_KNOWN

RECALL = Measure(
    "Records found again without their NHS number", "records", 100, "higher"
)
PRECISION = Measure("Links made that were right", "records", 100, "higher")
MEASURES = {"recall": RECALL, "precision": PRECISION}
GROUPS = ("White", "Mixed", "Asian", "Black", "Other", NOT_KNOWN)
KINDS = {
    "activity_after_death": "Seen in hospital more than a day after death",
    "overlapping_admissions": "In two hospital beds at once for more than a day",
}
TIERS = {
    "names": "Name, birth date, sex, address, NHS number",
    "national": "NHS number, birth date, sex, postcode, local id",
    "token": "A token made elsewhere, joined by equality",
    "reference": "The source's own id of a person another feed has introduced",
    "vault_only": "For the vault alone",
}


@dataclass(frozen=True)
class Report:
    """What the linkage page shows: a check of the links and what surrounds it."""

    audit: LinkageAudit
    headline: str
    figures: tuple[ChartSpec, ...]
    sequences: Sequence[Mapping[str, Any]]
    unlinked: Sequence[Mapping[str, Any]]
    identifiers: Sequence[Mapping[str, str]]


def dimensions() -> dict[str, Dimension]:
    """The divisions of the report, in its order."""
    feeds = {name: spec.title for name, spec in FEEDS.items()}
    not_known = {NOT_KNOWN: NOT_KNOWN}
    return {
        "feed": Dimension("feed", "Feed", feeds),
        "ethnicity_group": Dimension(
            "ethnicity_group", "Ethnic group", {g: g for g in GROUPS}
        ),
        "imd_fifth": Dimension("imd_fifth", "Deprivation fifth", FIFTHS | not_known),
        "age_band": Dimension(
            "age_band", "Age", {b: b for _, b in AGE_BANDS} | not_known
        ),
    }


def report(viewer: Viewer) -> Report | None:
    """The newest check of the links; None before the first."""
    audit = LinkageAudit.objects.order_by("-pk").first()
    if audit is None:
        return None
    figures = tuple(
        figure(viewer, audit, measure, name)
        for measure in MEASURES
        for name in dimensions()
    )
    return Report(
        audit=audit,
        headline=_headline(viewer, audit),
        figures=figures,
        sequences=_sequences(viewer, audit),
        unlinked=_unlinked(audit),
        identifiers=[
            {"feed": spec.title, "identifiers": TIERS[spec.tier]}
            for spec in FEEDS.values()
        ],
    )


def figure_by_key(viewer: Viewer, key: str) -> ChartSpec | None:
    """One figure of the newest report by its key; None where there is none."""
    found = report(viewer)
    figures = found.figures if found else ()
    return next((each for each in figures if each.key == key), None)


def figure(
    viewer: Viewer, audit: LinkageAudit, measure: str, division: str
) -> ChartSpec:
    """Recall or precision by one division, each with Wilson's interval."""
    dimension = dimensions()[division]
    by_value: dict[str, tuple[BitMap, BitMap]] = {}
    for value in dimension.labels:
        cells = [c for c in audit.cells if c[division] == value]
        if cells:
            by_value[value] = _of(cells, measure)
    published = disclosure.of_a_sample(
        [Cell({division: v}, out_of, right) for v, (out_of, right) in by_value.items()],
        measure=MEASURES[measure],
        viewer=viewer,
    )
    return ChartSpec(
        key=f"{measure}-by-{division.replace('_', '-')}",
        kind="bars",
        title=_title(published, dimension),
        published=published,
        category=dimension.only(by_value),
        period=f"records as on {wording.day(audit.as_of)}",
        evidence=_evidence(audit),
        definition=DEFINITIONS[measure],
    )


DEFINITIONS = {
    "recall": "Of records whose NHS number agreed with their person: how many find the"
    " same person again with the number and the source's own id hidden",
    "precision": "Of those that were given to somebody: how many were given to the"
    " person that the number says",
}


def _of(cells: Sequence[Mapping[str, str]], measure: str) -> tuple[BitMap, BitMap]:
    """The people out of whom, and those for whom it went right."""
    right = _people(cells, "right")
    if measure == "recall":
        return _people(cells, "tried"), right
    return right | _people(cells, "wrong"), right


def _people(cells: Sequence[Mapping[str, str]], outcome: str) -> BitMap:
    sets = [BitMap.deserialize(base64.b64decode(cell[outcome])) for cell in cells]
    return BitMap.union(*sets) if sets else BitMap()


def _title(published: Published, dimension: Dimension) -> str:
    shown = [c for c in published.cells if c.rate is not None]
    if not shown:
        return f"Too few records to say by {dimension.title.lower()}"
    least = min(shown, key=lambda cell: cell.rate or 0.0)
    most = max(shown, key=lambda cell: cell.rate or 0.0)
    low, high = f"{least.rate:.1f}%", f"{most.rate:.1f}%"
    if low == high:
        return f"{low} in every group: {published.measure.title.lower()}"
    return f"From {low} ({dimension.of(least)}) to {high} ({dimension.of(most)})"


def _headline(viewer: Viewer, audit: LinkageAudit) -> str:
    tried, right = _of(audit.cells, "recall")
    cell = disclosure.of_a_sample(
        [Cell({}, tried, right)], measure=RECALL, viewer=viewer
    ).cell()
    if cell.rate is None:
        return "Too few records to say how well linking works"
    return (
        f"Without their NHS number {cell.rate:.1f}% of records find their person again"
    )


def _evidence(audit: LinkageAudit) -> Evidence:
    return Evidence(
        freshness=f"Checked {wording.moment(audit.made_at)}",
        coverage=f"{wording.count(audit.tried)} records, one of a hundred of each group"
        " of feed, ethnicity, deprivation and age",
        completeness="Only people with two records or more, one of them with an agreed"
        " NHS number: people nobody could verify are not in it",
        uncertainty="95% intervals (Wilson); groups of fewer than eight are hidden",
        source=f"The person index itself, version {wording.count(audit.index_version)}",
    )


def _sequences(viewer: Viewer, audit: LinkageAudit) -> list[dict[str, Any]]:
    """Sequences that cannot be, by kind and feed; people under protection."""
    rows = []
    for each in audit.sequences:
        people = BitMap.deserialize(base64.b64decode(each["people"]))
        cell = disclosure.protect(
            [Cell({}, people)], measure=Measure("People"), viewer=viewer
        ).cell()
        shown = cell.hidden or wording.count(cell.count)
        rows.append(
            {
                "kind": KINDS[each["kind"]],
                "feed": FEEDS[each["feed"]].title,
                "people": shown,
            }
        )
    return rows


def _unlinked(audit: LinkageAudit) -> list[dict[str, Any]]:
    """Rows that found nobody, by feed: counts of rows, not of people."""
    return [
        {
            "feed": FEEDS[each["feed"]].title
            if each["feed"] in FEEDS
            else each["feed"],
            "rows_in": each["rows_in"],
            "unlinked": each["unlinked"],
            "share": each["unlinked"] / each["rows_in"] if each["rows_in"] else 0.0,
        }
        for each in audit.unlinked
    ]
