"""The page docs/series.md, written from the definitions of published series."""

from collections.abc import Mapping

from linkage.feed_docs import as_markdown
from linkage.series_specs import SeriesSpec
from linkage.steps.tidy_series import RULES

HEAD = """\
# Published series

Written from `linkage/series/*.yaml` by `./run docs`; a test fails when it is out of
date. Change the definition, not this page.

Figures about places that somebody has published: no row speaks of a person. Files load
as they are published, gzip or not, with `./run load SERIES FILE…`, or with
`./run load series FILE…`, which knows each file by its name. A row is loaded,
quarantined with its reason, or a duplicate; the three add up. A figure that the
publisher withholds is kept as not known. A later file's figure replaces an earlier
one's, in whichever order they are loaded.

Codes that changed are followed when a series is read (`linkage/code_changes.csv` and
the successors of the reference data), so that a series across a change stays one. The
page "Published series" shows each as a control chart, its own place and England beside
each other.
"""


def series_page(series: Mapping[str, SeriesSpec]) -> str:
    """Return the whole page as Markdown, series by name."""
    rows = [
        (f"[{name}](#{name})", spec.title, spec.area.kind, spec.cadence)
        for name, spec in sorted(series.items())
    ]
    parts = [HEAD, as_markdown(("Series", "What", "By", "Comes"), rows), ""]
    parts += [
        "## Why a row is not loaded",
        "",
        "\n".join(f"- {r}" for r in RULES.values()),
    ]
    parts += ["", *(_series(name, spec) for name, spec in sorted(series.items()))]
    return "\n".join(parts)


def _series(name: str, spec: SeriesSpec) -> str:
    facts = {
        "Source": spec.source,
        "Licence": spec.licence,
        "Published by": spec.controller,
        "Layout": spec.layout,
        "Comes": spec.cadence,
        "Files": ", ".join(f"`{pattern}`" for pattern in spec.files),
        "Place": f"`{spec.area.column}`" if spec.area.column else spec.area.code,
        "Period": f"`{spec.period.column}`"
        if spec.period.column
        else "one for the file",
        "Broken down by": ", ".join(f"`{header}`" for header in spec.by.values()),
        "Rates": "; ".join(
            f"{rate.title} (`{rate.count}` of `{rate.out_of}`)"
            for rate in spec.rates.values()
        ),
        "Owner, next review": f"{spec.owner}, {spec.review_by:%d %B %Y}",
    }
    lines = [
        f"- **{what}:** {' '.join(said.split())}"
        for what, said in facts.items()
        if said
    ]
    rows = [
        (f"`{key}`", f"`{measure.header}`", measure.title, measure.unit)
        for key, measure in spec.measures.items()
    ]
    table = as_markdown(("Measure", "Header", "What", "Unit"), rows)
    why = " ".join(spec.why.split())
    return "\n".join(
        [f"## {name}", "", f"**{spec.title}.**", "", why, "", *lines, "", table, ""]
    )
