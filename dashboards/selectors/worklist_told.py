"""What a list may tell a viewer of a person: the one place that all outputs go by.

A sentence of a list rests on attributes, an attribute on lanes of a timeline and on
feeds. A role is told what rests on lanes that its `timeline` names, and nobody what
rests on a feed that their purpose may not use today. A role without a timeline is
told what the registered list and the address say, and nothing of any lane. A list
whose very choice of people rests on such a feed is closed whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import PermissionDenied

from dashboards.definitions import LISTS
from dashboards.list_specs import (
    Known,
    ListSpec,
    Reason,
    Rule,
    Step,
    asked_by,
    placeholders,
)
from dashboards.models import ListEntry
from dashboards.selectors.lanes import (
    EVENT_LANES,
    LANES,
    columns,
    lanes_of,
    open_to,
)
from dashboards.steps.reasons import behind
from governance.access import Viewer
from linkage.release import selectors as release
from linkage.release.for_purpose import closed_attributes
from risk import selectors as risk
from risk.steps.reasons import frequency

EVERY_LANE = frozenset({*LANES, *EVENT_LANES.values()})


class ListClosedError(PermissionDenied):
    """The legal basis of what a list is made of has ended for the purpose."""


def closed_because(viewer: Viewer, programme: str, release_id: int) -> str:
    """Say why a list is closed to the viewer's purpose today; empty for open."""
    delivered = release.delivered(release_id)
    shut = closed_attributes(viewer, LISTS[programme].decisive, delivered)
    return f"This list is closed. {shut[min(shut)]}" if shut else ""


def refuse_closed(viewer: Viewer, programme: str, release_id: int) -> None:
    """Raise ListClosedError where a list is closed to the viewer's purpose today."""
    if why := closed_because(viewer, programme, release_id):
        raise ListClosedError(why)


def refuse_closed_now(viewer: Viewer, programme: str) -> None:
    """Raise ListClosedError where the list of the current release is closed."""
    live = release.current()
    if live is not None:
        refuse_closed(viewer, programme, live.id)


@dataclass(frozen=True)
class Told:
    """What a card says of a person. `hidden` sentences are outside the role's view."""

    reasons: list[str]
    known: list[str]
    needs: list[str]
    changed: list[str]
    step: Step
    order_words: str
    chance: str
    hidden: int


@dataclass(frozen=True)
class Teller:
    """Which attributes one viewer may be told of, of one release, today."""

    lanes: frozenset[str]
    closed: frozenset[str] = frozenset()
    sensitive: bool = True

    def may(self, attributes: Iterable[str]) -> bool:
        """Whether a sentence that rests on these attributes may be told."""
        return all(
            name not in self.closed
            and risk.may_be_told(name, self.lanes)
            and all(each & self.lanes for each in lanes_of(name))
            and (self.sensitive or not _is_sensitive(name))
            for name in attributes
        )

    def of_entry(self, spec: ListSpec, entry: ListEntry) -> Told:
        """Return what may be told of someone's place on a list."""
        reasons = self._sentences(entry.reasons, spec.reasons)
        known = self._sentences(entry.known, spec.known)
        needs = self._sentences(entry.needs, spec.needs)
        changed = [each for each in entry.changed if self._may_change(each, spec)]
        ordered = self.may({spec.order_by, *placeholders(spec.order_words)})
        held = (entry.reasons, entry.known, entry.needs, entry.changed)
        told = (reasons, known, needs, changed)
        return Told(
            reasons=reasons,
            known=known,
            needs=needs,
            changed=changed,
            step=self.step(spec, entry.next_step),
            order_words=entry.order_words if ordered else "",
            chance=chance_words(spec, entry.probability if ordered else None),
            hidden=sum(map(len, held)) - sum(map(len, told)),
        )

    def step(self, spec: ListSpec, name: str) -> Step:
        """The suggested step, or the one for everybody where its rule would tell."""
        last = spec.next_steps[-1]
        step = next((each for each in spec.next_steps if each.name == name), last)
        return step if step.when is None or self.may(asked_by([step.when])) else last

    def _sentences(
        self, sentences: Iterable[str], items: Sequence[Reason] | Sequence[Known]
    ) -> list[str]:
        found = []
        for sentence in sentences:
            # What no sentence of the definition could have written is told to nobody
            # from whom anything is kept: what it rests on is not known.
            text = behind(sentence, [item.text for item in items])
            rules: list[Rule] = [item.when for item in items if item.text == text]
            known = self.tells_all or (
                text is not None
                and self.may(asked_by(rules) | frozenset(placeholders(text)))
            )
            if known:
                found.append(sentence)
        return found

    def _may_change(self, sentence: str, spec: ListSpec) -> bool:
        name = sentence.partition(": ")[0].replace(" ", "_")
        return self.tells_all or (name in spec.watched and self.may([name]))

    @property
    def tells_all(self) -> bool:
        """Whether nothing at all is kept from the viewer."""
        return self.sensitive and not self.closed and self.lanes >= EVERY_LANE


def teller(viewer: Viewer, names: Iterable[str], release_id: int) -> Teller:
    """Return what a viewer may be told of, of these attributes of a release."""
    delivered = release.delivered(release_id)
    closed = closed_attributes(viewer, names, delivered)
    return Teller(open_to(viewer), frozenset(closed), viewer.sees_sensitive)


def reasons_told(viewer: Viewer, spec: ListSpec) -> list[Reason]:
    """Return the reasons of a list of which a viewer may be told, of anybody.

    Who sees no rows is held by disclosure control instead of a timeline's lanes; what
    rests on a closed feed, or on inclusion health, is kept from them too.
    """
    live = release.current()
    if live is None:
        return []
    tells = teller(viewer, spec.attributes, live.id)
    if not viewer.sees_rows():
        tells = replace(tells, lanes=EVERY_LANE)
    return [
        each
        for each in spec.reasons
        if tells.may(asked_by([each.when]) | frozenset(placeholders(each.text)))
    ]


def chance_words(spec: ListSpec, probability: float | None) -> str:
    """Write the chance that a list is ordered by, and of what; "" of no chance."""
    title = risk.ordering_title(spec.order_by)
    return f"{title}: {natural_frequency(probability)}" if title else ""


def natural_frequency(probability: float | None) -> str:
    """Write a chance as every page does; say so where there is none."""
    if probability is None or probability <= 0:
        return "chance not estimated"
    return frequency(probability)


def _is_sensitive(name: str) -> bool:
    feature = columns().get(name)
    return feature is not None and feature.sensitive
