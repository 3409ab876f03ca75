"""The shapes of governance's definitions, and what every definition must carry."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Definition(BaseModel):
    """What a reviewer needs to find at the head of any definition.

    Unknown keys are refused, so that a misspelt key is an error and not a silence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    owner: str
    review_by: date
    source: str
    why: str = ""
    version: int = 1
    approved_by: str = "not yet approved for live use"


class Strict(BaseModel):
    """A part of a definition: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# A council's grant bounds by residence, a trust's by whom it has seen.
Level = Literal[
    "practice", "pcn", "neighbourhood", "place", "sub_icb", "icb", "council", "trust"
]
Sees = Literal["aggregates", "workspace", "own_list"]
# What stands on a page: nothing about people · words about the service · protected
# figures · rows of people without names · names.
Shows = Literal["nothing", "metadata", "figures", "rows", "names"]
Use = Literal[0, 1, 2, 3, 4]
Latency = Literal["newest", "weekly", "monthly"]


class UseSpec(Strict):
    """One of the four uses of health and care data, or the public (0)."""

    title: str
    latency: Latency
    explains: str


class PurposeSpec(Strict):
    """Why somebody looks: what kinds of page it admits and the most it may see.

    `needs_basis`: data are used, so the register must hold live rows for it.
    `honours_opt_outs`: which ones is a signed policy's to say; never for own care.
    `latency` stands before that of its use.
    """

    title: str
    use: Use
    shows: frozenset[Shows]
    sees: tuple[Sees, ...]
    needs_basis: bool = True
    honours_opt_outs: bool = True
    latency: Latency | None = None


class PageSpec(Strict):
    """A page: what kind it is, and whether showing it leaves a row in any case."""

    title: str
    shows: Shows
    audited: bool = False

    @property
    def leaves_a_row(self) -> bool:
        """Whether an answer of this page stands in the audit trail before it leaves."""
        return self.audited or self.shows in {"figures", "rows", "names"}


class RoleSpec(Strict):
    """Who somebody is here: where, how identifiably, for what, and which pages."""

    title: str
    level: Level
    sees: Sees
    purposes: tuple[str, ...]
    pages: frozenset[str]
    timeline: frozenset[str] = frozenset()
    api: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    needs_agreement: bool = False


PUBLIC = "public"


class AccessSpec(Definition):
    """The whole access definition; names that it does not explain are refused."""

    uses: dict[Use, UseSpec]
    purposes: dict[str, PurposeSpec]
    pages: dict[str, PageSpec]
    roles: dict[str, RoleSpec]

    @property
    def granted(self) -> dict[str, RoleSpec]:
        """The roles that somebody can be granted: all but the public's."""
        return {name: role for name, role in self.roles.items() if name != PUBLIC}

    @model_validator(mode="after")
    def names_are_explained(self) -> Self:
        """Refuse a role with a page or a purpose that nothing says more about."""
        for name, role in self.granted.items():
            if lost := role.pages - set(self.pages):
                raise ValueError(
                    f"role {name}: pages: says nothing of {', '.join(sorted(lost))}"
                )
            if unknown := set(role.purposes) - set(self.purposes):
                raise ValueError(f"role {name}: no purpose {sorted(unknown)}")
        if uses := {p.use for p in self.purposes.values()} - set(self.uses):
            raise ValueError(f"uses: says nothing of {sorted(uses)}")
        return self
