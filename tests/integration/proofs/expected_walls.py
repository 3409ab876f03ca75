"""What each viewer meets at the tables without persons: written out by hand.

A table with a policy for the web is here or has persons; a policy that no line here
tells from one that is gone or open fails the build.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.integration.proofs.probes import DONE, STOPPED, UNSEEN, Ask, Asked
from tests.live_people import ANNA, ODA
from tests.live_system import Live

# Keys of rows made for this: no other row of a test comes near them.
MINE, THEIRS, SHARED, PLACED, OTHER_ROLE = 900001, 900002, 900003, 900004, 900005
SETTLED, BY_LEAD, ASKED_BY_LEAD = 900006, 900007, 900008
PROJECT, OTHER_PROJECT = "probed_project", "another_project"


@dataclass(frozen=True)
class Cast:
    """Who asks: a team's member, one of another team, and those who govern."""

    me: int
    them: int
    lead: int
    guardian: int
    researcher: int
    trust: int
    names: dict[int, str]
    agreement: str


def cast_of(live: Live, owner: psycopg.Connection) -> Cast:
    roles = ("pcn_mdt_member", "their_mdt", "ig_lead", "caldicott_guardian")
    users = [live.users[r] for r in (*roles, "researcher", "provider_analyst")]
    agreement = owner.execute(
        "SELECT agreement FROM governance_grant WHERE user_id = %s", [users[4].pk]
    ).fetchone()
    assert agreement is not None
    names = {user.pk: user.username for user in users}
    return Cast(*(user.pk for user in users), names=names, agreement=agreement[0])


def rows(cast: Cast) -> list[tuple[str, dict[str, Any]]]:
    """One row of ours and one of theirs in every table, and what they hang on."""
    return [*analysts_rows(cast), *governed_rows(cast), *own_rows(cast)]


def analysts_rows(cast: Cast) -> Iterator[tuple[str, dict[str, Any]]]:
    our_team = {"org_code": "U1", "role": "pcn_mdt_member"}
    yield "cohort", {"id": MINE, "owner_id": cast.me, "sharing": "me"} | our_team
    theirs = {"owner_id": cast.them, "sharing": "organisation"}
    yield "cohort", {"id": THEIRS, "owner_id": cast.them, "sharing": "me"} | our_team
    yield "cohort", {"id": SHARED, "owner_id": cast.them, "sharing": "everyone"}
    yield "cohort", {"id": PLACED} | theirs | our_team
    yield "cohort", {"id": OTHER_ROLE} | theirs | our_team | {"role": "place_lead"}
    for key in (MINE, THEIRS):
        yield "cohort_version", {"id": key, "cohort_id": key}
        yield "cohort_size", {"id": key, "version_id": key}
    for key, project in ((MINE, PROJECT), (THEIRS, OTHER_PROJECT)):
        yield "research_extract", {"project": project}
        asked = {"state": "asked", "asked_by": "x", "decided_by": ""}
        yield "research_output", {"id": key, "project": project} | asked
    done = {"state": "released", "decided_by": "y", "decided_at": "2026-01-01"}
    yield "research_output", {"id": SETTLED, "project": PROJECT} | done
    lead = {"state": "asked", "asked_by": cast.names[cast.lead], "decided_by": ""}
    yield "research_output", {"id": BY_LEAD, "project": PROJECT} | lead


def governed_rows(cast: Cast) -> Iterator[tuple[str, dict[str, Any]]]:
    content = {"researchers": [cast.names[cast.researcher]]}
    content["agreement"] = cast.agreement
    approved = {"state": "approved", "decided_by": "y", "decided_at": "2026-01-01"}
    approved |= {"kind": "project", "content": json.dumps(content)}
    approved |= {"starts_on": "2020-01-01"}
    yield "register_entry", {"id": SETTLED, "key": PROJECT} | approved
    proposed = {"state": "proposed", "decided_by": ""}
    yield "register_entry", {"id": MINE, "key": "p1"} | proposed
    by_lead = {"id": BY_LEAD, "key": "p2", "proposed_by": cast.names[cast.lead]}
    yield "register_entry", proposed | by_lead
    for key, practice in ((MINE, ANNA.practice), (THEIRS, ODA.practice)):
        yield "rights_request", {"id": key, "practice_code": practice}
        yield "rights_step", {"id": key, "request_id": key, "practice_code": practice}
        yield "rights_pack", {"request_id": key, "practice_code": practice}
    lead = {"opened_by": cast.names[cast.lead], "practice_code": ODA.practice}
    yield "rights_request", {"id": ASKED_BY_LEAD} | lead
    yield "rights_erasure", {"id": MINE, "request_id": MINE} | proposed
    asked = {"id": ASKED_BY_LEAD, "request_id": ASKED_BY_LEAD}
    yield "rights_erasure", asked | proposed
    for key in (BY_LEAD, SETTLED):
        yield "rights_request", {"id": key, "practice_code": ANNA.practice}
    by_lead = {"id": BY_LEAD, "proposed_by": cast.names[cast.lead]}
    yield "rights_erasure", {"request_id": BY_LEAD} | proposed | by_lead
    done = {"state": "agreed", "decided_by": "y", "decided_at": "2026-01-01"}
    yield "rights_erasure", {"id": SETTLED, "request_id": SETTLED} | done
    yield "special_access_look", {"event": MINE, "used_by": "x", "looked_by": "y"}


def own_rows(cast: Cast) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, user in ((MINE, cast.me), (THEIRS, cast.them)):
        org = "U1" if user == cast.me else "U3"
        cover = {"id": key, "org_code": org, "away_user": 1, "cover_user": 2}
        yield "governance_auditevent", {"id": key, "user_id": user, "seq": -key}
        yield "governance_clientkey", {"id": key, "user_id": user, "kid": str(key)}
        yield "governance_secondfactor", {"id": key, "user_id": user}
        yield "imported_list", {"id": key, "owner_id": user}
        yield "list_cover", cover
        yield "list_digest", {"user_id": user}
    for provider in ("RXX01", "RZZ99"):
        yield "provider_reach", {"provider_code": provider, "feed_no": 99}


def asks(owner: psycopg.Connection, cast: Cast) -> dict[str, list[Ask]]:
    """The probes of every table, by table."""
    made = [*of_analysts(owner, cast), *of_research(owner, cast)]
    made += [*of_registers(owner, cast), *of_rights(owner, cast), *own(owner, cast)]
    made += of_looks(owner, cast)
    return {asked.table: asked.asks for asked in made}


def of_analysts(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    me, mine, theirs = cast.me, f"id = {MINE}", f"id = {THEIRS}"
    cohort = Asked(owner, "cohort").floor(me, mine)
    cohort.sees(me, mine, DONE).sees(me, theirs, UNSEEN)
    cohort.sees(me, f"id = {SHARED}", DONE).sees(me, f"id = {PLACED}", DONE)
    cohort.sees(me, f"id = {OTHER_ROLE}", UNSEEN)
    cohort.adds(me, {"owner_id": me}, DONE).adds(me, {"owner_id": cast.them}, STOPPED)
    cohort.changes(me, mine, "title = 'y'", DONE)
    cohort.changes(me, theirs, "title = 'y'", UNSEEN)
    yield cohort.changes(me, mine, f"owner_id = {cast.them}", STOPPED)
    version = Asked(owner, "cohort_version").floor(me, mine)
    version.sees(me, mine, DONE).sees(me, theirs, UNSEEN)
    version.adds(me, {"cohort_id": MINE, "number": 9}, DONE)
    version.adds(me, {"cohort_id": SHARED, "number": 9}, STOPPED)
    version.changes(me, mine, "note = 'y'", DONE)
    version.changes(me, theirs, "note = 'y'", UNSEEN)
    yield version.changes(me, mine, f"cohort_id = {SHARED}", STOPPED)
    size = Asked(owner, "cohort_size").floor(me, mine)
    yield size.sees(me, mine, DONE).sees(me, theirs, UNSEEN)


def of_research(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    one, lead, me = cast.researcher, cast.lead, cast.me
    project, other = f"project = '{PROJECT}'", f"project = '{OTHER_PROJECT}'"
    extract = Asked(owner, "research_extract")
    for who, where, met in ((one, project, DONE), (one, other, UNSEEN)):
        extract.sees(who, where, met, purpose="research")
    extract.sees(me, project, UNSEEN, purpose="research").sees(one, project, UNSEEN)
    extract.sees(one, project, DONE, purpose="research", beside="careless")
    nobody = {"purpose": "research", "beside": "careless"}
    yield extract.sees(None, project, UNSEEN, **nobody)
    output = Asked(owner, "research_output").floor(one, project)
    output.sees(one, project, DONE).sees(one, other, UNSEEN)
    output.sees(lead, other, DONE).sees(me, project, UNSEEN)
    asked = {"state": "asked", "decided_by": "", "project": PROJECT}
    for who, met in ((one, DONE), (me, STOPPED)):
        output.adds(who, asked | {"asked_by": cast.names[who]}, met)
    output.adds(one, asked | {"asked_by": "x"}, STOPPED)
    name = cast.names[lead]
    released = f"state = 'released', decided_by = '{name}', decided_at = now()"
    output.changes(lead, f"id = {MINE}", released, DONE)
    output.changes(me, f"id = {MINE}", released, UNSEEN)
    output.changes(lead, f"id = {SETTLED}", released, UNSEEN)
    yield output.changes(lead, f"id = {BY_LEAD}", released, STOPPED)


def of_registers(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    lead, me = cast.lead, cast.me
    entry = Asked(owner, "register_entry").sees(me, f"id = {MINE}", DONE)
    proposed = {"state": "proposed", "decided_by": "", "key": "p3"}
    for who, met in ((lead, DONE), (me, STOPPED)):
        entry.adds(who, proposed | {"proposed_by": cast.names[who]}, met)
    entry.adds(lead, proposed | {"proposed_by": "x"}, STOPPED)
    for who, key, met in (
        (lead, MINE, DONE),
        (me, MINE, STOPPED),
        (lead, BY_LEAD, STOPPED),
        (lead, SETTLED, UNSEEN),
    ):
        to = f"state = 'approved', decided_by = '{cast.names[who]}', decided_at = now()"
        entry.changes(who, f"id = {key}", to, met)
    yield entry


def of_rights(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    me, lead, mine, theirs = cast.me, cast.lead, f"id = {MINE}", f"id = {THEIRS}"
    moved = f"practice_code = '{ODA.practice}'"
    request = Asked(owner, "rights_request").floor(me, mine)
    step = Asked(owner, "rights_step").floor(me, mine)
    for table, told in ((request, "state = 'reviewed'"), (step, "note = 'y'")):
        table.sees(me, mine, DONE).sees(me, theirs, UNSEEN).sees(lead, theirs, DONE)
        ours = {"request_id": MINE} if table is step else {}
        table.adds(me, ours | {"practice_code": ANNA.practice}, DONE)
        table.adds(me, ours | {"practice_code": ODA.practice}, STOPPED)
        table.changes(me, mine, told, DONE).changes(me, theirs, told, UNSEEN)
        table.changes(me, mine, f"{told}, {moved}", STOPPED)
    request.changes(me, mine, "state = 'closed'", STOPPED)
    request.changes(lead, mine, "state = 'closed'", DONE)
    yield request.changes(None, mine, "state = 'reviewed'", UNSEEN, beside="floorless")
    yield step
    pack = Asked(owner, "rights_pack").floor(me, f"request_id = {MINE}")
    pack.sees(me, f"request_id = {MINE}", DONE)
    pack.sees(me, f"request_id = {MINE}", UNSEEN, purpose="planning")
    yield pack.sees(me, f"request_id = {THEIRS}", UNSEEN)
    erasure = Asked(owner, "rights_erasure").floor(me, mine)
    erasure.sees(lead, mine, DONE).sees(me, mine, UNSEEN)
    proposed = {"state": "proposed", "decided_by": "", "request_id": MINE}
    for who, met in ((lead, DONE), (me, STOPPED)):
        erasure.adds(who, proposed | {"proposed_by": cast.names[who]}, met)
    agreed = f"state = 'agreed', decided_by = '{cast.names[lead]}', decided_at = now()"
    erasure.changes(lead, mine, agreed, DONE).changes(me, mine, agreed, UNSEEN)
    for key in (BY_LEAD, ASKED_BY_LEAD):
        erasure.changes(lead, f"id = {key}", agreed, STOPPED)
    settled = {"met": UNSEEN, "beside": "careless"}
    yield erasure.changes(lead, f"id = {SETTLED}", agreed, **settled)


def of_looks(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    me, lead, mine = cast.me, cast.lead, f"event = {MINE}"
    look = Asked(owner, "special_access_look").floor(lead, mine)
    look.sees(cast.guardian, mine, DONE).sees(me, mine, UNSEEN)
    for who, met in ((lead, DONE), (me, STOPPED)):
        look.adds(who, {"used_by": "x", "looked_by": cast.names[who]}, met)
    yield look.adds(lead, {"used_by": "x", "looked_by": "y"}, STOPPED)


def own(owner: psycopg.Connection, cast: Cast) -> Iterator[Asked]:
    me, them, mine, theirs = cast.me, cast.them, f"id = {MINE}", f"id = {THEIRS}"
    trail = Asked(owner, "governance_auditevent")
    trail.sees(me, mine, DONE).sees(me, theirs, UNSEEN).sees(None, mine, UNSEEN)
    yield trail.sees(cast.lead, theirs, DONE).sees(cast.guardian, theirs, DONE)
    key = Asked(owner, "governance_clientkey").sees(None, theirs, DONE)
    key.adds(me, {"user_id": me}, DONE).adds(me, {"user_id": them}, STOPPED)
    key.changes(me, mine, "name = 'y'", DONE).changes(me, theirs, "name = 'y'", UNSEEN)
    yield key.changes(me, mine, f"user_id = {them}", STOPPED)
    factor = Asked(owner, "governance_secondfactor")
    factor.sees(me, mine, DONE).sees(me, theirs, UNSEEN).sees(None, mine, UNSEEN)
    yield factor.adds(me, {"user_id": me}, DONE).adds(me, {"user_id": them}, STOPPED)
    digest = Asked(owner, "list_digest").sees(me, f"user_id = {me}", DONE)
    digest.sees(me, f"user_id = {them}", UNSEEN)
    yield digest.adds(me, {"user_id": me}, DONE).adds(me, {"user_id": 7}, STOPPED)
    imported = Asked(owner, "imported_list").floor(me, mine)
    yield imported.sees(me, mine, DONE).sees(me, theirs, UNSEEN)
    cover = Asked(owner, "list_cover").floor(me, mine)
    cover.sees(me, mine, DONE).sees(me, theirs, UNSEEN)
    cover.adds(me, {"org_code": "U1"}, DONE).adds(me, {"org_code": "U3"}, STOPPED)
    ended = "ended_by = 1"
    cover.changes(me, mine, ended, DONE).changes(me, theirs, ended, UNSEEN)
    yield cover.changes(me, mine, "org_code = 'U3'", STOPPED)
    reach = Asked(owner, "provider_reach")
    own_trust, other = "provider_code = 'RXX01'", "provider_code = 'RZZ99'"
    reach.floor(cast.trust, own_trust).sees(cast.trust, own_trust, DONE)
    yield reach.sees(cast.trust, other, UNSEEN).sees(me, own_trust, UNSEEN)
