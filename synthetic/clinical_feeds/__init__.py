"""The clinical and activity feeds, written chunk by chunk in the national layouts."""

from pathlib import Path

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.clinical_feeds.context import Context, Registrations, day_number
from synthetic.clinical_feeds.csds import write_csds
from synthetic.clinical_feeds.delivery import Delivery
from synthetic.clinical_feeds.ecds import write_ecds
from synthetic.clinical_feeds.gp import write_gp
from synthetic.clinical_feeds.gp_diagnoses import coding_of
from synthetic.clinical_feeds.hospital_spells import births_of, hospital_spells
from synthetic.clinical_feeds.mhsds import write_mhsds
from synthetic.clinical_feeds.ons_deaths import write_deaths
from synthetic.clinical_feeds.social_care import write_social_care
from synthetic.clinical_feeds.sus_apc import write_apc
from synthetic.clinical_feeds.sus_op import write_op
from synthetic.contract import Written
from synthetic.geography import World
from synthetic.lives import FAR, Lives
from synthetic.people import People
from synthetic.progress import Progress

TOPICS = ("frailty", "smoking")
BARELY = 0.04  # what a practice that does not code a topic still codes of it


def write(
    lives: Lives,
    people: People,
    world: World,
    out_dir: Path,
    seed: int,
    progress: Progress,
) -> list[Written]:
    """Write feeds 5-10, 12-14 and 16-19 and the truth about what was coded."""
    delivery = Delivery(out_dir)
    registrations = Registrations(people)
    coding_quality = _coding_quality(people, seed)
    births = births_of(people.persons, day_number(people.window[0]))
    home_trust = _home_trust(people, world)
    codings = []
    for chunk in lives.chunks:
        here = slice(chunk.first, chunk.first + len(chunk.traits))
        ctx = Context(
            delivery=delivery,
            people=people,
            world=world,
            lives=lives,
            chunk=chunk,
            registrations=registrations,
            seed=seed,
            coding={topic: coding_quality[topic][here] for topic in TOPICS},
            home_trust=home_trust[here],
        )
        years = ctx.years()
        coding = coding_of(ctx)
        write_gp(ctx, years, coding)
        spells = hospital_spells(ctx, years, births)
        write_apc(ctx, spells)
        write_ecds(ctx, years, spells)
        for year in years:
            write_op(ctx, year)
        write_mhsds(ctx, years)
        write_csds(ctx, years)
        write_social_care(ctx, years)
        codings.append(_truth(ctx, coding))
        done = chunk.first + len(chunk.traits)
        progress("clinical feeds", done, people.persons.height, "people")
    write_deaths(delivery, lives, people, world, seed)
    truth = out_dir / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    pl.concat(codings).write_parquet(truth / "conditions.parquet")
    lives.hazards.write_parquet(truth / "hazards.parquet")
    lives.programme_effects.write_parquet(truth / "programme_effects.parquet")
    return delivery.close()


def _home_trust(people: People, world: World) -> np.ndarray:
    """Per person, the number of the nearest acute trust (int8)."""
    trusts = world.trusts.filter(pl.col("kind") == "acute")
    where = people.persons.select("lsoa_code").join(
        world.areas.select("lsoa_code", "lon", "lat"),
        on="lsoa_code",
        how="left",
        maintain_order="left",
    )
    apart = [
        ((where["lon"] - lon) * 0.62) ** 2 + (where["lat"] - lat) ** 2
        for lon, lat in trusts.select("lon", "lat").iter_rows()
    ]
    return np.argmin(np.column_stack(apart), axis=1).astype(np.int8)


def _coding_quality(people: People, seed: int) -> dict[str, np.ndarray]:
    """Per person and topic, the share (float32) that their practice codes.

    One practice in twelve (and at least one) barely codes a topic.
    """
    codes = people.persons["practice_code"].unique().drop_nulls().sort()
    out = {}
    for topic in TOPICS:
        luck = chance.uniform(np.arange(len(codes)), seed, "coding", topic)
        worst = luck <= np.sort(luck)[max(1, len(codes) // 12) - 1]
        share = np.where(worst, BARELY, 0.6 + 0.35 * luck).astype(np.float32)
        by_code = dict(zip(codes, share.tolist(), strict=True))
        out[topic] = (
            people.persons["practice_code"]
            .replace_strict(by_code, default=0.0, return_dtype=pl.Float32)
            .to_numpy()
        )
    return out


def _truth(ctx: Context, coding: pl.DataFrame) -> pl.DataFrame:
    """person, condition, onset_on, coded (in a GP journal), first_coded_on, how."""
    has_practice = ctx.registrations.at(
        ctx.person(coding["row"].to_numpy()), coding["onset"].to_numpy()
    )
    coded = (coding["first_coded"] < FAR) & pl.Series(has_practice >= 0)
    return coding.with_columns(coded=coded).select(
        person=pl.Series(ctx.person(coding["row"].to_numpy())),
        condition="condition",
        onset_on=pl.col("onset").cast(pl.Date),
        coded="coded",
        first_coded_on=pl.when("coded").then(pl.col("first_coded").cast(pl.Date)),
        how="how",
    )
