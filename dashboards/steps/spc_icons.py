"""The two icons of a control chart: its newest point, and whether it meets a target.

Making Data Count (NHS England) gives their meaning; the drawings are our own. An icon
never stands without its words.
"""

from dataclasses import dataclass

from dashboards.steps.xmr import ENOUGH, Control

VARIATION = {
    "common": "Ordinary variation: nothing has changed",
    "improvement": "Changed for the better",
    "concern": "Changed for the worse",
    "neither": "Changed; neither way is better",
}
ASSURANCE = {
    "pass": "Always meets its target",
    "fail": "Always misses its target",
    "chance": "Meets or misses its target by chance",
}


@dataclass(frozen=True)
class Icon:
    """`kind` says which (a key of VARIATION or ASSURANCE), `mark` what is written in
    it: H or L for where the newest point lies, P, F or ? for a target."""

    kind: str
    mark: str
    words: str


@dataclass(frozen=True)
class Icons:
    """What is shown beside a figure's sentence; without icons `words` says why."""

    variation: Icon | None
    assurance: Icon | None
    words: str = ""


def spc_icons(
    control: Control | None,
    *,
    points: int,
    better: str | None = None,
    target: float | None = None,
    unit: str = "",
) -> Icons:
    """The icons of a chart of so many points, none under twelve.

    better: "lower", "higher", or anything else where neither is. unit: of the target.
    """
    if control is None or points < ENOUGH:
        few = f"Too few points for a control chart: {points} of the {ENOUGH} needed"
        return Icons(None, None, few)
    kind = control.latest(better)
    side = {"high": "H", "low": "L", "": ""}[control.marks[-1]]
    why = control.why[-1]
    words = f"{VARIATION[kind]} ({why})" if why else VARIATION[kind]
    variation = Icon(kind, side, words)
    met = "" if target is None else control.assurance(target, better)
    if not met:
        return Icons(variation, None)
    asked = {"lower": "at most", "higher": "at least"}[better or ""]
    assurance = Icon(
        met,
        {"pass": "P", "fail": "F", "chance": "?"}[met],
        f"{ASSURANCE[met]}, {asked} {target:,g}{unit}",
    )
    return Icons(variation, assurance)
