"""The shapes of segmentation's definitions: schemes of segments, lenses, local PLUS."""

from pydantic import Field, model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import CountTest, Test

# Flags called like registers that have no date of their own.
UNDATED = ("has_carer", "has_diabetes", "has_cardiovascular_disease")


class ElementSpec(Strict):
    """One thing about a person that can put them in a segment: all tests hold.

    `title` is read by people ("Severe frailty recorded by the practice"). `since`
    names the date feature that says since when.
    """

    name: str
    title: str
    all_of: tuple[Test, ...]
    since: str | None = None

    @property
    def tested(self) -> tuple[str, ...]:
        """Every feature that decides, in order, once."""
        return tested(self.all_of)

    @property
    def dates(self) -> dict[str, str]:
        """The date feature of each counted register: `has_x` has its `x_since`."""
        counted = [
            flag
            for test in self.all_of
            if isinstance(test, CountTest)
            for flag in test.count
            if flag.startswith("has_") and flag not in UNDATED
        ]
        return {flag: f"{flag.removeprefix('has_')}_since" for flag in counted}

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that decides or explains, in order, once."""
        extra = [self.since] if self.since else []
        return tuple(dict.fromkeys([*self.tested, *extra, *self.dates.values()]))


class SegmentSpec(Strict):
    """One segment: whoever has any of its elements, in the elements' order."""

    name: str
    title: str
    words: str
    elements: tuple[ElementSpec, ...] = ()


class SchemeSpec(Definition):
    """A segment scheme: segments in order of precedence, the first match wins.

    Everybody is in exactly one segment, so the last one takes whoever is left and
    has no elements. `attribute` names the column that a release keeps.
    """

    attribute: str
    words: str
    segments: tuple[SegmentSpec, ...]

    @model_validator(mode="after")
    def puts_everybody_in_one(self) -> "SchemeSpec":
        *named, last = self.segments
        if last.elements:
            raise ValueError("the last segment takes whoever is left: no elements")
        for segment in named:
            if not segment.elements:
                raise ValueError(f"{segment.name}: only the last may have no elements")
        for kind, names in (
            ("segment", [segment.name for segment in self.segments]),
            ("element", [element.name for element in self.elements]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a {kind} stands twice")
        return self

    @property
    def elements(self) -> tuple[ElementSpec, ...]:
        """All elements, highest precedence first."""
        return tuple(e for segment in self.segments for e in segment.elements)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that decides or explains, once."""
        return tuple(dict.fromkeys(f for e in self.elements for f in e.features))

    @property
    def tested(self) -> tuple[str, ...]:
        """Every feature that decides, once."""
        return tuple(dict.fromkeys(f for e in self.elements for f in e.tested))


class PlusGroup(Strict):
    """One group that the local system adds to Core20."""

    name: str
    title: str
    all_of: tuple[Test, ...] = Field(min_length=1)


class PlusSpec(Definition):
    """The PLUS of Core20PLUS5: the groups that an integrated care board chose."""

    groups: tuple[PlusGroup, ...] = Field(min_length=1)

    @property
    def tested(self) -> tuple[str, ...]:
        """Every feature that decides, once."""
        return tested(tuple(test for group in self.groups for test in group.all_of))


class LensSpec(Definition):
    """A group seen across all segments, such as Core20: one flag of the release.

    Members are in one of the lenses of `within` (where any is named), and pass every
    test of `all_of`, one at least of `any_of` (where any stands) and none of
    `none_of`. `plus` takes those as well who are in a group of the local PLUS.
    `known_by` is the feature without which the flag is not known.
    """

    attribute: str
    all_of: tuple[Test, ...] = ()
    any_of: tuple[Test, ...] = ()
    none_of: tuple[Test, ...] = ()
    within: tuple[str, ...] = ()
    plus: bool = False
    known_by: str
    words: str

    @model_validator(mode="after")
    def asks_something(self) -> "LensSpec":
        if not (self.tests or self.within or self.plus):
            raise ValueError("a lens that asks nothing is everybody")
        return self

    @property
    def tests(self) -> tuple[Test, ...]:
        return (*self.all_of, *self.any_of, *self.none_of)

    @property
    def tested(self) -> tuple[str, ...]:
        """Every feature that decides, once; those of other lenses are theirs."""
        return tested(self.tests)


def tested(tests: tuple[Test, ...]) -> tuple[str, ...]:
    """Every feature that some tests ask, in order, once."""
    return tuple(dict.fromkeys(name for test in tests for name in test.features))
