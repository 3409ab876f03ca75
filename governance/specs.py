"""The shapes of governance's definitions, and what every definition must carry."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


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


Level = Literal["practice", "pcn", "neighbourhood", "place", "sub_icb", "icb"]
Sees = Literal["aggregates", "workspace", "own_list"]


class PurposeSpec(Strict):
    title: str
    use: Literal[1, 2, 3, 4]


class RoleSpec(Strict):
    title: str
    level: Level
    sees: Sees
    purposes: tuple[str, ...]
    pages: frozenset[str]
    timeline: frozenset[str] = frozenset()
    api: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()


class AccessSpec(Definition):
    purposes: dict[str, PurposeSpec]
    roles: dict[str, RoleSpec]
