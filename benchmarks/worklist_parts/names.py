"""How many networks and teams there are, and how their members sign in."""

PCNS = 40
PRACTICES_EACH = 4
TEAMS = 20
PROGRAMME = "proactive_care"


def user_of(team: int, member: int) -> str:
    """Return the name that a team's first (0) or second (1) member signs in with."""
    return f"bench-{team:02d}-{member}"
