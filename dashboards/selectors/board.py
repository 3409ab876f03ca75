"""The board page: exceptions first, each with what it means and what to ask."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards import sentences
from dashboards.charts import ChartSpec
from dashboards.definitions import PAGES, PUBLISHED
from dashboards.selectors import indicators, published
from dashboards.selectors.asked import Asked
from dashboards.selectors.lenses import TITLES
from dashboards.specs import (
    Geography,
    IndicatorSpec,
    Lens,
    PageSpec,
    PanelSpec,
    PublishedIndicatorSpec,
)
from dashboards.steps.spc_icons import Icons, spc_icons


@dataclass(frozen=True)
class Item:
    """One matter for the board: the sentence, the figure and what to do with it.

    `weight` orders the page: what moved the wrong way and what lies outside chance
    come first. `sign` says in a word why it stands where it does. `icons` are those
    of its control chart, or say that it has too few points for one. `csv_key` names
    the figure's download.
    """

    name: str
    spec: IndicatorSpec | PublishedIndicatorSpec
    sentence: str
    changed: str
    sign: str
    weight: int
    figure: ChartSpec
    icons: Icons
    csv_key: str


def page(name: str) -> PageSpec:
    """Return a page's definition."""
    return PAGES[name]


def items(asked: Asked, spec: PageSpec) -> tuple[list[Item], list[Item]]:
    """Return what the page puts first, at most `spec.most`, and its annex."""
    made = [item for panel in spec.panels if (item := _made(asked, panel))]
    ordered = sorted(made, key=lambda item: -item.weight)
    first = [item for item in ordered if item.weight][: spec.most]
    return first, [item for item in ordered if item not in first]


def not_published(spec: PageSpec, shown: Iterable[Item]) -> list[str]:
    """The titles of a page's published indicators that say nothing of this place."""
    names = {item.name for item in shown}
    return [
        PUBLISHED[panel.indicator].title
        for panel in spec.panels
        if panel.by is None and panel.indicator not in names
    ]


def _made(asked: Asked, panel: PanelSpec) -> Item | None:
    """The item of a panel; None where this release or series holds nothing for it."""
    if panel.by is None:
        return _published(asked, panel.indicator)
    if not indicators.is_available(asked, panel.indicator):
        return None
    if panel.by in TITLES and panel.by not in asked.release.catalogue:
        return None
    return _counted(asked, panel.indicator, panel.by)


def _published(asked: Asked, name: str) -> Item | None:
    spec, figure = PUBLISHED[name], published.figure(asked, name)
    if figure is None:
        return None
    icons = published.icons_of(figure, spec)
    weight, sign = 0, "Ordinary variation"
    if figure.fitness.grade == "red":
        # Neither a change of years ago nor a sum without all its parts is news.
        sign = "Not fit to judge"
    elif icons.variation is None:
        sign = "Too few points to judge"
    elif icons.variation.kind == "concern":
        weight, sign = 11, "Getting worse"
    elif icons.assurance and icons.assurance.kind == "fail":
        weight, sign = 8, "Misses its target"
    elif icons.variation.kind == "improvement":
        sign = "Getting better"
    elif icons.variation.kind == "neither":
        sign = "Changed"
    return Item(
        name=name,
        spec=spec,
        sentence=figure.title,
        changed="",
        sign=sign,
        weight=weight,
        figure=figure,
        icons=icons,
        csv_key=published.PLACES,
    )


def _counted(asked: Asked, name: str, by: Geography | Lens) -> Item:
    spec = indicators.spec_of(name)
    weight, sign = 0, "As expected"
    if by in TITLES:
        figure = indicators.by_lens(asked, name, by)
        # Segments are made to differ in need, so their differing is no exception.
        if by != "segment" and "highest for" in figure.title:
            weight, sign = 1, "Differs between groups"
    else:
        figure = indicators.by_place(asked, name, by)
        found = indicators.outside(figure.published, figure.target, figure.category)
        if found:
            weight, sign = 1 + len(found), "Outside what chance allows"
    changed = ""
    pair = indicators.moved(asked, name)
    if pair is not None:
        changed = sentences.change(*pair, figure.published.measure)
        way = sentences.direction(*pair)
        if way and spec.better == ("lower" if way > 0 else "higher"):
            weight, sign = weight + 10, "Getting worse"
    return Item(
        name=name,
        spec=spec,
        sentence=indicators.sentence(asked, name),
        changed=changed[:1].upper() + changed[1:],
        sign=sign,
        weight=weight,
        figure=figure,
        # A release stands for one point, and what it says of the year before for one.
        icons=spc_icons(None, points=1 if pair is None else 2),
        csv_key=by if by in spec.lenses else published.PLACES,
    )
