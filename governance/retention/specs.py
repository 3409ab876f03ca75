"""The shape of retention schedules: a closed vocabulary of what is kept how long."""

from typing import Annotated, Literal

from pydantic import Field

from governance.specs import Definition, Strict

Years = Annotated[int, Field(gt=0)]


class AfterDeath(Strict):
    """Everything about a person, from so many years after they died."""

    kind: Literal["after_death"]
    years: Years


class AfterUse(Strict):
    """Uses of services of some settings, from so many years after they ended.

    Somebody who was a child then keeps them until their birthday of `child_until_age`.
    """

    kind: Literal["after_use"]
    settings: tuple[str, ...] = Field(min_length=1)
    years: Years
    child_until_age: int | None = None


class AfterRow(Strict):
    """Rows of one table of the platform's own, from so many years after a date."""

    kind: Literal["after_row"]
    table: Literal["rights_request", "seen_people", "governance_auditevent"]
    date: Literal["opened_at", "at"]
    years: Years


class Schedule(Strict):
    title: str
    source: str
    keep: Annotated[AfterDeath | AfterUse | AfterRow, Field(discriminator="kind")]


class RetentionSpec(Definition):
    """Every schedule, by its name."""

    schedules: dict[str, Schedule]


class Article(Strict):
    """A ground or an exemption: where it stands in Article 17, and in plain words."""

    article: str
    title: str


class ErasureSpec(Definition):
    """When erasure applies, what exempts from it, and what it does not reach."""

    grounds: dict[str, Article]
    exemptions: dict[str, Article]
    stays: tuple[str, ...]
