"""Which opt-outs a programme's list honours today: its own, as far as the policy signs.

Case finding by the provider for its own patients is one row of the register of opt-out
policies. Without a signed row every opt-out is honoured.
"""

from collections.abc import Iterable
from datetime import date

from dashboards.list_specs import ListSpec
from governance.access import ACCESS
from governance.registers import selectors as registers

# A release's flag (or, for the local one, the register of objections) → its kind.
KINDS = {
    "type1_opt_out": "type1",
    "national_opt_out": "national",
    "local_objection": "local",
}
WORDS = {
    "type1_opt_out": "Has opted out of their GP record being used beyond their care"
    " (Type 1).",
    "national_opt_out": "Has opted out nationally of uses beyond their care.",
    "local_objection": "Has told the practice not to be picked out by risk.",
    "no_contact": "Has asked for no contact by this programme.",
}
# Said to the programme itself, on a card: no policy is asked whether it counts.
NO_CONTACT = "no_contact"


def honoured_by(spec: ListSpec, on: date) -> tuple[str, ...]:
    """Return the opt-outs that keep people off a list on a day, in a fixed order."""
    signed = registers.book().honoured(ACCESS, registers.CASE_FINDING, on)
    return by_policy(spec.honours_opt_outs, signed)


def by_policy(named: Iterable[str], signed: frozenset[str]) -> tuple[str, ...]:
    """Return those that the list names and the local one, where the policy signs."""
    wanted = {*named, "local_objection"}
    return tuple(n for n, kind in KINDS.items() if n in wanted and kind in signed)
