"""Records for linking, each a list entry with what matters to the test."""

from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import polars as pl

from linkage.steps.linking.batch import Clusters, link_all
from linkage.steps.linking.model import model_in_use

A, B, C = "9990000018", "9990000026", "9990000034"
_ids = count(1)
SCHEMA = {
    "record_id": pl.Int64,
    "nhs_number": pl.String,
    "forename": pl.String,
    "surname": pl.String,
    "born_on": pl.String,
    "sex": pl.String,
    "postcode": pl.String,
}


def said(**given: Any) -> dict[str, Any]:
    """A record of a woman of 1950 who lives at ZZ1 1AA, without a number."""
    told = {"nhs_number": None, "forename": "Margaret", "surname": "Okonkwo"}
    told |= {"born_on": "1950-03-07", "sex": "2", "postcode": "ZZ1 1AA"}
    return {"record_id": next(_ids)} | told | given


def frame(records: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(records, schema=SCHEMA)


def linked(*records: dict[str, Any], tier: str = "names") -> Clusters:
    return link_all(frame(list(records)), model_in_use(tier), engine="frames")


def clusters(*records: dict[str, Any], tier: str = "names") -> list[int]:
    """The cluster of each record, numbered from 0 in order of first appearance."""
    found = linked(*records, tier=tier).links.sort("record_id")["cluster_id"].to_list()
    places = {cluster: n for n, cluster in enumerate(dict.fromkeys(found))}
    return [places[cluster] for cluster in found]


def crowd(people: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records of invented people in two or three systems, and whose each is.

    A fifth of the records has no NHS number; spellings, homes and dates slip.
    """
    chance = Random(seed)
    syllables = ["ba", "do", "ki", "mel", "ran", "su", "tor", "vi", "wen", "yal"]

    def name() -> str:
        return "".join(chance.choices(syllables, k=chance.choice((2, 3))))

    rows, truth = [], []
    for person in range(people):
        body = f"{chance.randrange(400_000_000, 799_999_999)}"
        digit = (
            11
            - sum(int(d) * w for d, w in zip(body, range(10, 1, -1), strict=True)) % 11
        )
        if digit == 10:
            continue
        number = f"{body}{digit % 11}"
        born = date(1930, 1, 1) + timedelta(chance.randrange(33_000))
        own = said(
            nhs_number=number, forename=name(), surname=name(), born_on=str(born)
        )
        own["sex"] = chance.choice("12")
        own["postcode"] = f"ZZ{chance.randrange(1, 30)} {chance.randrange(1, 10)}AB"
        for _ in range(chance.choice((2, 3))):
            row = said(**{k: v for k, v in own.items() if k != "record_id"})
            if chance.random() < 0.2:
                row["nhs_number"] = None
            if chance.random() < 0.1:
                row["forename"] = row["forename"][:-1] + "x"
            if chance.random() < 0.1:
                row["postcode"] = "ZZ99 3VZ"
            if chance.random() < 0.05:
                row["born_on"] = str(born.replace(day=1 + chance.randrange(28)))
            rows.append(row)
            truth.append({"record_id": row["record_id"], "person_id": person})
    return frame(rows), pl.DataFrame(truth)


def partition(links: pl.DataFrame) -> set[frozenset[int]]:
    """Which records are together: sets of record_id."""
    groups = links.group_by("cluster_id").agg("record_id")["record_id"]
    return {frozenset(group) for group in groups.to_list()}
