"""This platform's registers beside the published ones, where the practices are real."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Sum
from pyroaring import BitMap

from dashboards.definitions import RECONCILIATIONS
from dashboards.selectors.asked import PLACE, Asked
from dashboards.specs import ReconciliationSpec, RegisterPair
from governance.disclosure import Cell, Measure, PublishedCell
from linkage.models import SeriesValue
from linkage.release.selectors import ReleaseView

MUCH = 0.2  # of the published prevalence; beyond it the two are said to differ
Published = dict[tuple[str, str], float]  # by measure and breakdown


@dataclass(frozen=True)
class Compared:
    """One register of one place: what was published and what this platform finds."""

    title: str
    code: str
    name: str
    published: float | None
    published_count: float
    published_of: float
    ours: PublishedCell

    @property
    def ratio(self) -> float | None:
        """Ours over the published prevalence."""
        if not self.published or self.ours.rate is None:
            return None
        return self.ours.rate / self.published

    @property
    def words(self) -> str:
        if self.ratio is None:
            return "cannot be compared"
        if abs(self.ratio - 1) <= MUCH:
            return "much the same"
        return "more than published" if self.ratio > 1 else "fewer than published"


@dataclass(frozen=True)
class Reconciled:
    """A place's registers, the practices compared, and one register by practice."""

    spec: ReconciliationSpec
    year: date
    practices: int
    registers: list[Compared]
    chosen: str
    by_practice: list[Compared]


def reconciled(asked: Asked, name: str, chosen: str = "") -> Reconciled | None:
    """Compare a place's registers; None where none of its practices is published."""
    spec = RECONCILIATIONS[name]
    values = SeriesValue.objects.filter(
        series=spec.series, area_code__in=asked.practice_codes
    )
    year = values.aggregate(Max("start_on"))["start_on__max"]
    if year is None:
        return None
    values = values.filter(start_on=year)
    shared = set(values.values_list("area_code", flat=True).distinct())
    by_practice = {
        code: asked.release.bitmap("practice_code", code) & asked.place.people
        for code in sorted(shared)
    }
    people = BitMap.union(*by_practice.values())
    pairs = [r for r in spec.registers if r.attribute in asked.release.catalogue]
    whole = _published(spec, shared)
    registers = [
        _compared(asked, spec, pair, asked.place.code, asked.place.name, people, whole)
        for pair in pairs
    ]
    pair = next(
        (p for p in pairs if p.attribute == chosen), pairs[0] if pairs else None
    )
    return Reconciled(
        spec,
        year,
        len(shared),
        registers,
        pair.attribute if pair else "",
        [
            _compared(
                asked,
                spec,
                pair,
                code,
                asked.geography.names.get(code, code),
                inside,
                _published(spec, {code}),
            )
            for code, inside in by_practice.items()
            if pair
        ],
    )


def _published(spec: ReconciliationSpec, practices: set[str]) -> Published:
    rows = SeriesValue.objects.filter(
        series=spec.series,
        area_code__in=practices,
        measure__in=(spec.count, spec.out_of),
    )
    newest = rows.aggregate(Max("start_on"))["start_on__max"]
    summed = rows.filter(start_on=newest).values("measure", "breakdown")
    return {
        (row["measure"], row["breakdown"]): row["total"] or 0.0
        for row in summed.annotate(total=Sum("value"))
    }


def _compared(
    asked: Asked,
    spec: ReconciliationSpec,
    pair: RegisterPair,
    code: str,
    name: str,
    people: BitMap,
    published: Published,
) -> Compared:
    among = people & _at_least(asked.release, pair.from_age)
    having = among & asked.release.bitmap(pair.attribute, "yes")
    measure = Measure(pair.title, per=100)
    ours = asked.publish([Cell({PLACE: code}, among, having)], measure).cells[0]
    count = published.get((spec.count, pair.breakdown), 0.0)
    out_of = published.get((spec.out_of, pair.breakdown), 0.0)
    share = 100 * count / out_of if out_of else None
    return Compared(pair.title, code, name, share, count, out_of, ours)


def _at_least(release: ReleaseView, years: int) -> BitMap:
    if not years:
        return release.everyone
    return release.between("age_years", low=float(years))
