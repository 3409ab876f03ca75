"""Work out which organisation is a member of which, so that every step up is true.

Membership is written between two levels only where all practices of the lower unit
agree on the upper one. Where they do not (a neighbourhood that takes in part of a
network, a place across two sub-ICB locations), each practice carries its own link,
because what a viewer may see is worked out by walking these links downwards.
"""

import polars as pl

LEVELS = ("practice", "pcn", "neighbourhood", "place", "sub_icb", "icb")
DATES = (pl.col("start_on"), pl.col("end_on"))
ALWAYS = (
    pl.lit(None, dtype=pl.Date).alias("start_on"),
    pl.lit(None, dtype=pl.Date).alias("end_on"),
)


def member_links(
    membership: pl.DataFrame, placed: pl.DataFrame, chain: pl.DataFrame
) -> pl.DataFrame:
    """Links child, parent, start_on, end_on of the registered hierarchy.

    membership: code, pcn_code, start_on, end_on. placed: code, pcn_code,
    neighbourhood_code, place_code for every such pair. chain: code, sub_icb_code,
    icb_code, own_place_code for every practice, also those in no network.
    """
    dated = membership.select("code", "pcn_code", "start_on", "end_on")
    rows = chain.join(placed, on="code", how="left").join(
        dated, on=["code", "pcn_code"], how="left"
    )
    rows = rows.select(
        "start_on",
        "end_on",
        practice="code",
        pcn="pcn_code",
        neighbourhood="neighbourhood_code",
        place="place_code",
        own_place="own_place_code",
        sub_icb="sub_icb_code",
        icb="icb_code",
    )
    found = [rows.select(*DATES, child="practice", parent="pcn")]
    for level in LEVELS[1:-1]:
        found += _upwards(rows, level)
    # Practices in no network (any more) hang on their commissioner and their place.
    in_one = rows.filter(pl.col("pcn").is_not_null() & pl.col("end_on").is_null())
    alone = rows.join(in_one, on="practice", how="anti")
    found.append(alone.select(*ALWAYS, child="practice", parent="sub_icb"))
    since = pl.col("end_on").max().over("practice").alias("start_on")
    found.append(alone.select(since, ALWAYS[1], child="practice", parent="own_place"))
    return (
        pl.concat(frame.select("child", "parent", *DATES) for frame in found)
        .drop_nulls(["child", "parent"])
        .unique()
        .sort("child", "parent", "start_on")
    )


def _upwards(rows: pl.DataFrame, level: str) -> list[pl.DataFrame]:
    """Links from one level to the next that all its practices agree on.

    For the levels between, where they disagree, links from the practices themselves.
    """
    position = LEVELS.index(level)
    left = rows.drop_nulls(level)
    links = []
    for upper in LEVELS[position + 1 :]:
        agreed = left.group_by(level).agg(
            upper=pl.col(upper).first(),
            one=(pl.col(upper).n_unique() == 1) & pl.col(upper).is_not_null().all(),
        )
        whole = agreed.filter("one")
        links.append(whole.select(*ALWAYS, child=level, parent="upper"))
        left = left.join(whole, on=level, how="anti")
        if left.is_empty():
            break
        # Neighbourhood and place follow the network, and so its dates.
        dates = DATES if upper in ("neighbourhood", "place") else ALWAYS
        links.append(left.select(*dates, child="practice", parent=upper))
    return links
