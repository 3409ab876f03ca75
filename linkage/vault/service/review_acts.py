"""Clerical review over the vault's socket: a queue without names, one pair with them.

A page shows one pair at a time, so no answer names more than two people and the few
who share their home; each is written down before it leaves.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk, person_actions
from linkage.assertions import Asked
from linkage.definitions import FEEDS
from linkage.steps.blocks import household_blocks
from linkage.steps.linking.explain import explain
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.prepare import INPUT
from linkage.steps.side_by_side import side_by_side
from linkage.steps.waterfall import Part, Waterfall, waterfall
from linkage.vault import identities, index, reviews, sealing, store, watch
from linkage.vault.index import reading
from linkage.vault.service.refusals import RefusedActError

HOUSEHOLD_SHOWN = 8
WHY = {
    "weak": "Some things agree, too few to be sure",
    "second_close": "Another person is nearly as likely",
    "names_contradict": "Much agrees, and the names do not",
    "birth_date_contradicts": "Much agrees, and the birth date does not",
    "contradicted": "Much agrees, and a name or the birth date does not",
    "two_numbers": "Both have a valid NHS number, and they differ",
    "split": "Somebody parted these records",
}


def queue(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """What waits for this reviewer, and how reviewers agree. No identifier."""
    store.audit_asked(asked, outcome="listed")
    with reading() as connection:
        waiting = reviews.queue(connection, asked.viewer_id)
        states = reviews.waiting(connection)
        agreed = reviews.agreed(connection)
    titles = {spec.number: spec.title for spec in FEEDS.values()}
    return {
        "pairs": [
            {
                "id": row["id"],
                "why": WHY.get(row["why"], row["why"]),
                "weight": row["weight"],
                "facts": max(row["facts"], 0),
                "is_second": row["state"] == "second",
                "raised_at": row["raised_at"].isoformat(),
                "feed": titles[row["feed_no"]],
                "other_feed": titles[row["other_feed_no"]],
            }
            for row in waiting.iter_rows(named=True)
        ],
        "states": states,
        "agreement": agreed._asdict(),
    }


def pair(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """One pair, side by side, with the home they share."""
    pair_id = int(asked.arguments["id"])
    with reading() as connection:
        about = reviews.pair(connection, pair_id)
        left = _record(connection, about["subject_key"])
        right = _record(connection, about["other_subject_key"])
        _refuse_withheld(left, right, {about["one"], about["other"]})
        home = _household(connection, [left, right], {about["one"], about["other"]})
        weights = _weights(connection, left, right)
    store.audit_asked(
        asked,
        about=[about["one"], about["other"], *(h["person_no"] for h in home)],
        outcome="shown",
        reason=f"pair {pair_id}",
    )
    titles = {spec.number: spec.title for spec in FEEDS.values()}
    return {
        "id": pair_id,
        "state": about["state"],
        "why": WHY.get(about["why"], about["why"]),
        "weight": about["weight"],
        "facts": max(about["facts"], 0),
        "two_numbers": about["two_numbers"],
        "same_person": about["one"] == about["other"],
        "sources": [titles[left["feed_no"]], titles[right["feed_no"]]],
        "lines": [line._asdict() for line in side_by_side(left, right)],
        "weights": [bar._asdict() for bar in weights.bars],
        "zero": weights.zero,
        "household": [
            {k: v for k, v in each.items() if k != "person_no"} for each in home
        ],
    }


def judge(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Take a verdict with its reason; says what became of the pair."""
    pair_id = int(asked.arguments["id"])
    verdict = str(asked.arguments["verdict"])
    store.audit_asked(asked, outcome=verdict, reason=f"pair {pair_id}")
    outcome = person_actions.judge_pair(
        pair_id=pair_id,
        verdict=verdict,
        reason=str(asked.arguments["reason"]),
        reviewer_id=asked.viewer_id,
    )
    return asdict(outcome)


def _weights(
    connection: dbapi.Connection, left: dict[str, Any], right: dict[str, Any]
) -> Waterfall:
    """What each comparison adds to the weight of the two, by the model that decided.

    That is the one with names for records of every feed (`linkage.steps.link`).
    """
    told = pl.DataFrame(
        [{name: r[name] for name in INPUT} for r in (left, right)],
        schema_overrides=dict.fromkeys(INPUT, pl.String) | {"born_on": pl.Date},
    )
    parts = explain(
        told[:1],
        told[1:],
        model_in_use("names"),
        max(index.next_person_no(connection) - 1, 1),
    )
    return waterfall(
        [
            Part(row["name"], row["words"], row["weight"])
            for row in parts.iter_rows(named=True)
        ]
    )


def _refuse_withheld(
    left: dict[str, Any], right: dict[str, Any], people: set[int]
) -> None:
    """Refuse a pair with somebody whose details are withheld nationally."""
    known = [(i.person_no, i.nhs_number) for i in store.identities(people)]
    records = [(0, left["nhs_number"]), (0, right["nhs_number"])]
    if watch.withheld(known + records):
        raise RefusedActError("Somebody of this pair is never named here.")


def _record(connection: dbapi.Connection, subject_key: int) -> dict[str, Any]:
    found = identities.read_records(connection, f"s.subject_key = {int(subject_key)}")
    return found.row(0, named=True)


def _household(
    connection: dbapi.Connection, records: list[dict[str, Any]], known: set[int]
) -> list[dict[str, Any]]:
    """Others of the same surname at the same postcode: twins, parents, namesakes."""
    homes = pl.DataFrame(
        {
            "surname": [r["surname"] for r in records],
            "postcode": [r["postcode"] for r in records],
        },
        schema={"surname": pl.String, "postcode": pl.String},
    ).drop_nulls()
    homes = homes.unique().with_row_index("row")
    if homes.is_empty():
        return []
    keys = household_blocks(homes)["block"]
    blind = sealing.blind_blocks(keys, identities.search_version(connection))
    wanted = ", ".join(str(key) for key in blind)
    found = bulk.fetch(
        connection,
        f"SELECT DISTINCT person_no FROM known_block WHERE block_key IN ({wanted})"
        " ORDER BY person_no",
    )["person_no"].to_list()
    others = [n for n in found if n not in known][:HOUSEHOLD_SHOWN]
    if not others:
        return []
    people = store.open_people(connection, others).sort("born_on", "person_no")
    hidden = watch.withheld(zip(people["person_no"], people["nhs_number"], strict=True))
    people = people.filter(~pl.col("person_no").is_in(list(hidden)))
    return [
        {
            "person_no": p["person_no"],
            "name": f"{p['forename'] or '(no forename)'} {p['surname'] or ''}".strip(),
            "born_on": p["born_on"].isoformat() if p["born_on"] else "not known",
            "sex": p["sex"] or "not known",
            "postcode": p["postcode"] or "not known",
        }
        for p in people.iter_rows(named=True)
    ]
