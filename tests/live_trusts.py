"""Whom the two trusts of the system that stands have seen."""

from collections.abc import Iterable

import polars as pl
from pyroaring import BitMap

from linkage.definitions import FEEDS
from linkage.models import ProviderReach, Release
from tests.live_people import Someone
from tests.page_builders import TRUSTS


def reach_trusts(someones: Iterable[Someone], others: pl.DataFrame) -> None:
    """One trust has seen the first place's people, the other one all the rest."""
    known = list(someones)
    north = set(others.filter(place_code="P1")["person_no"])
    north |= {s.person_no for s in known if s.row()["place_code"] == "P1"}
    everybody = {*others["person_no"], *(s.person_no for s in known)}
    for code, people in zip(TRUSTS, (north, everybody - north), strict=True):
        ProviderReach.objects.create(
            provider_code=code,
            feed_no=FEEDS["sus_apc"].number,
            release_id=Release.objects.latest("pk").pk,
            people=BitMap(people).serialize(),
        )
