"""Why two records were, or were not, taken for one person: in words and bits."""

import numpy as np
import polars as pl

from linkage.steps.linking.compare import MISSING
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.prepare import INPUT, prepare
from linkage.steps.linking.weigh import weigh

EXPLAINED = {
    "other": pl.UInt32,
    "name": pl.String,
    "words": pl.String,
    "agreement": pl.String,
    "weight": pl.Float32,
}


def explain(
    record: pl.DataFrame, identities: pl.DataFrame, model: LinkModel, persons: int
) -> pl.DataFrame:
    """Compare one record with each identity of a person, thing by thing.

    record: one row of INPUT; identities: rows of INPUT. persons: how many people there
    are, for the starting weight. Returns EXPLAINED, in the order of a waterfall:
    `other` is the place of the identity, agreement one of agrees, close, differs,
    missing; the weights (bits) of one `other` add up to that of the pair.
    """
    prepared = prepare(pl.concat([record.select(INPUT), identities.select(INPUT)]))
    count = identities.height
    others = np.arange(1, count + 1, dtype=np.uint32)
    weighed = weigh(
        prepared, np.zeros(count, dtype=np.uint32), others, model, None, "frames"
    )
    places = (others - 1).tolist()
    parts = [
        {
            "other": places,
            "name": ["Starting weight"] * count,
            "words": [f"one person in {persons:,}"] * count,
            "agreement": ["missing"] * count,
            "weight": [model.prior_bits(persons)] * count,
        }
    ]
    for comparison in model.comparisons:
        found = weighed.levels[comparison.field].tolist()
        levels = [None if n == MISSING else comparison.levels[n] for n in found]
        parts.append(
            {
                "other": places,
                "name": [comparison.words] * count,
                "words": [x.words if x else "not stated" for x in levels],
                "agreement": [x.agreement if x else "missing" for x in levels],
                "weight": weighed.bits[comparison.field].tolist(),
            }
        )
    return pl.concat([pl.DataFrame(part, schema=EXPLAINED) for part in parts]).sort(
        "other", maintain_order=True
    )
