"""May this role do this here, for this purpose, today? The one place that decides.

Pages, exports, the API, the vault's reveal service and the policy simulator all ask
these functions, so that what the simulator shows is what happens. No Django and no
database: the access definition and what the registers say come in, an answer with
its reason comes out. The first "no" is given: role, then purpose, then registers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.specs import AccessSpec, Sees

EVERY_OPT_OUT = frozenset({"type1", "national", "local"})
# Pages on which people's data are used; the others stand without a legal basis.
OF_PEOPLE = frozenset({"figures", "rows", "names"})


@dataclass(frozen=True)
class Decision:
    """Yes, or no with the reason in words."""

    allowed: bool
    why: str

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True)
class Standing:
    """What the registers say of one purpose on one day.

    `live_feeds` have a legal basis in force for it; `closed_feeds` had one, or wait
    for one: feed → why it is closed. `stale` says, for figures and for rows, why a
    use that must honour opt-outs is closed where their status is too old; `honours`
    which opt-outs each honours.
    """

    live_feeds: frozenset[str] = frozenset()
    closed_feeds: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    honours: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def honoured(self, shows: str) -> frozenset[str]:
        """Which opt-outs figures or rows honour: all, where nothing is known."""
        return self.honours.get(shows, EVERY_OPT_OUT)


NOTHING_LIVE = Standing()


def page(
    access: AccessSpec, standing: Standing, role: str, purpose: str, name: str
) -> Decision:
    """Decide on a page, or on anything that goes by a page's name (its exports)."""
    spec = access.roles.get(role)
    if spec is None:
        return Decision(False, f"There is no role {role}.")
    if name not in spec.pages:
        title = access.pages[name].title if name in access.pages else name
        return Decision(False, f"The role {spec.title} does not open “{title}”.")
    if not (held := of_purpose(access, role, purpose)):
        return held
    shows = access.pages[name].shows
    if shows not in access.purposes[purpose].shows:
        return Decision(
            False,
            f"“{access.purposes[purpose].title}” does not admit a page with {shows}.",
        )
    if shows in OF_PEOPLE and not (basis := has_basis(access, standing, purpose)):
        return basis
    kind = "rows" if shows == "names" else shows
    if shows in OF_PEOPLE and kind in standing.stale:
        return Decision(False, standing.stale[kind])
    return Decision(True, f"{spec.title}, {access.purposes[purpose].title.lower()}")


def scope(
    access: AccessSpec, standing: Standing, role: str, purpose: str, name: str
) -> Decision:
    """Decide on a scope of the API; everything it answers is protected figures."""
    spec = access.roles.get(role)
    if spec is None or name not in spec.api:
        title = spec.title if spec else role
        return Decision(False, f"The role {title} does not hold the scope {name}.")
    if not (held := of_purpose(access, role, purpose)):
        return held
    if "figures" in standing.stale:
        return Decision(False, standing.stale["figures"])
    return has_basis(access, standing, purpose)


def lane(
    access: AccessSpec,
    standing: Standing,
    role: str,
    purpose: str,
    name: str,
    feeds: frozenset[str],
) -> Decision:
    """Decide on a lane of a person's timeline, which these feeds fill.

    A lane stays open while one of its feeds is live; rows of the others are left
    out one by one.
    """
    spec = access.roles.get(role)
    if spec is None or name not in spec.timeline:
        title = spec.title if spec else role
        return Decision(False, f"The role {title} does not see this lane.")
    if not (held := of_purpose(access, role, purpose)):
        return held
    if feeds and not feeds & standing.live_feeds:
        closed = [standing.closed_feeds.get(feed, "") for feed in sorted(feeds)]
        return Decision(False, next(filter(None, closed), NO_BASIS))
    return Decision(True, "Named in the role's timeline.")


def of_purpose(access: AccessSpec, role: str, purpose: str) -> Decision:
    """Decide whether a role works for a purpose at all."""
    spec = access.roles[role]
    if purpose not in spec.purposes or purpose not in access.purposes:
        known = access.purposes.get(purpose)
        title = known.title if known else purpose
        return Decision(False, f"The role {spec.title} does not work for “{title}”.")
    return Decision(True, "One of the role's purposes.")


NO_BASIS = "The register holds no legal basis in force for it."


def has_basis(access: AccessSpec, standing: Standing, purpose: str) -> Decision:
    """Decide whether any data may be used for a purpose today."""
    spec = access.purposes[purpose]
    if not spec.needs_basis or standing.live_feeds:
        return Decision(True, "The register holds a legal basis in force.")
    return Decision(
        False,
        f"No feed has a legal basis in force for “{spec.title}” today: the"
        " information governance lead can renew it.",
    )


def sees(access: AccessSpec, role: str, purpose: str) -> Sees:
    """Return how identifiably a role sees people for a purpose: never more than both.

    What the purpose does not admit falls back to protected aggregates.
    """
    spec = access.roles.get(role)
    admitted = access.purposes[purpose].sees if purpose in access.purposes else ()
    return spec.sees if spec and spec.sees in admitted else "aggregates"


def latency(access: AccessSpec, purpose: str) -> str:
    """Return how fresh a release reaches a purpose."""
    spec = access.purposes[purpose]
    return spec.latency or access.uses[spec.use].latency
