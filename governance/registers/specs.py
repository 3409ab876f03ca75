"""The shapes of what a register holds, one for each kind of entry."""

from datetime import date
from typing import Literal

from pydantic import Field

from governance.specs import Definition, Strict

Confidentiality = Literal[
    "implied consent",
    "explicit consent",
    "section 251 support",
    "statute",
    "anonymised in context",
    "no confidential information",
]
OptOut = Literal["type1", "national", "local"]
OPT_OUTS: dict[OptOut, str] = {
    "type1": "Type 1 opt-out",
    "national": "National Data Opt-out",
    "local": "Local objection to risk stratification",
}


class FlowSpec(Strict):
    """One feed used for one purpose: on what footing, by whom, under which papers.

    article_6, article_9: of the UK GDPR. `agreement` names the data sharing agreement
    in the same register; where that has ended, this flow has too.
    """

    feed: str
    purpose: str
    controllers: tuple[str, ...] = Field(min_length=1)
    joint_controllers: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()
    data_subjects: str
    categories: str
    article_6: str
    article_9: str
    confidentiality: Confidentiality
    opt_outs: str
    dpia: str
    agreement: str
    owner: str
    retention: str


class AgreementSpec(Strict):
    """A data sharing or processing agreement: with whom, what for, on which terms.

    `roles` and `purposes` bound what somebody may be granted under it; both are empty
    where it covers a supply of data and no sign-in.
    """

    title: str
    partner: str
    parties: tuple[str, ...] = Field(min_length=1)
    processors: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    document: str
    owner: str


class OptOutPolicySpec(Strict):
    """Which opt-outs a use honours, signed; without a row in force it honours all."""

    use: str
    honours: tuple[OptOut, ...]
    basis: str
    owner: str


class TrainingSpec(Strict):
    """Somebody's data security training; it counts until the entry expires."""

    username: str
    course: str


class ProjectSpec(Strict):
    """A research project: what is asked, by whom, of which columns, approved by whom.

    `researchers` are user names; `columns` attributes of the release, the most that
    the project's extract may hold. Nothing of it is open once the entry has ended.
    """

    title: str
    question: str
    organisation: str
    researchers: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    ethics: str
    agreement: str
    owner: str


KINDS: dict[str, type[Strict]] = {
    "flow": FlowSpec,
    "agreement": AgreementSpec,
    "opt_out": OptOutPolicySpec,
    "training": TrainingSpec,
    "project": ProjectSpec,
}
KIND_TITLES = {
    "flow": "Legal basis of a feed for a purpose",
    "agreement": "Agreement with a partner",
    "opt_out": "Which opt-outs a use honours",
    "training": "Training of a member of staff",
    "project": "Research project",
}


EVERY_OTHER = "every other feed"


class Footing(Strict):
    """What many flows of a seed share: the footing of some feeds for some purposes.

    `feeds` may be EVERY_OTHER: all that no other footing names for a purpose.
    """

    feeds: tuple[str, ...]
    purposes: tuple[str, ...]
    days: int
    common: dict[str, str | tuple[str, ...]]


class SeedAgreement(Strict):
    days: int
    content: AgreementSpec


class SeedSpec(Definition):
    """Registers to begin with: `days` is how long each entry lasts from the start."""

    proposed_by: str
    decided_by: str
    agreements: dict[str, SeedAgreement]
    flows: tuple[Footing, ...]
    opt_outs: tuple[OptOutPolicySpec, ...]
    opt_out_days: int


class EntryHead(Strict):
    """What every entry has beside its content."""

    kind: str
    key: str
    starts_on: date
    expires_on: date | None
    why: str = Field(min_length=1)
