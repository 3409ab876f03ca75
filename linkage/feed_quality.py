"""Keep what each delivered file was worth, by provider and field."""

from collections.abc import Sequence

import polars as pl

from linkage.models import FeedQuality, FeedRun
from linkage.steps.quality import COUNTS


def keep_quality(run: FeedRun, parts: Sequence[pl.DataFrame]) -> None:
    """Write the counts of a run's batches, in the caller's transaction.

    A run that is done again counts anew.
    """
    FeedQuality.objects.filter(run=run).delete()
    if not parts:
        return
    whole = pl.concat(parts).group_by("provider", "field").agg(pl.col(COUNTS).sum())
    FeedQuality.objects.bulk_create(
        (FeedQuality(run=run, **row) for row in whole.iter_rows(named=True)),
        batch_size=5000,
    )
