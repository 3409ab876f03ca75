"""The shape of the rule by which one source is believed about a person."""

from governance.specs import Definition, Strict


class AttributeRule(Strict):
    """Which feed is believed first on one attribute, and which values say nothing."""

    order: tuple[str, ...]
    says_nothing: tuple[str, ...] = ()


class BestKnownSpec(Definition):
    """How one value is chosen where sources disagree about a person.

    Feeds in `order` are believed before all others; within one rank the statement
    that was new last wins (saying the same again is no news). A value in
    `says_nothing` never beats a stated one.
    """

    attributes: dict[str, AttributeRule]
