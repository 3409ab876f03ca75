"""The board page: exceptions first, each with what it means and what to ask."""

from dataclasses import dataclass

from dashboards import sentences
from dashboards.charts import ChartSpec
from dashboards.definitions import PAGES
from dashboards.selectors import indicators
from dashboards.selectors.asked import Asked
from dashboards.selectors.lenses import TITLES
from dashboards.specs import IndicatorSpec, PageSpec, PanelSpec


@dataclass(frozen=True)
class Item:
    """One matter for the board: the sentence, the figure and what to do with it.

    `weight` orders the page: what moved the wrong way and what lies outside chance
    come first. `sign` says in a word why it stands where it does.
    """

    name: str
    spec: IndicatorSpec
    sentence: str
    changed: str
    sign: str
    weight: int
    figure: ChartSpec


def page(name: str) -> PageSpec:
    """Return a page's definition."""
    return PAGES[name]


def items(asked: Asked, spec: PageSpec) -> tuple[list[Item], list[Item]]:
    """Return what the page puts first, at most `spec.most`, and its annex."""
    made = [
        _item(asked, panel)
        for panel in spec.panels
        if indicators.is_available(asked, panel.indicator)
        and (panel.by not in TITLES or panel.by in asked.release.catalogue)
    ]
    ordered = sorted(made, key=lambda item: -item.weight)
    first = [item for item in ordered if item.weight][: spec.most]
    return first, [item for item in ordered if item not in first]


def _item(asked: Asked, panel: PanelSpec) -> Item:
    name = panel.indicator
    spec = indicators.spec_of(name)
    weight, sign = 0, "As expected"
    if panel.by in TITLES:
        figure = indicators.by_lens(asked, name, panel.by)
        # Segments are made to differ in need, so their differing is no exception.
        if panel.by != "segment" and "highest for" in figure.title:
            weight, sign = 1, "Differs between groups"
    else:
        figure = indicators.by_place(asked, name, panel.by)
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
    )
