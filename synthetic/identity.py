"""What each source holds of a person, with the slips that real sources have."""

import numpy as np
import polars as pl

from synthetic.people import People


def source_records(people: People, source: str, person_ids: np.ndarray) -> pl.DataFrame:
    """One row per person of `person_ids` (sorted, unique), as `source` knows them.

    `source` is a trust code, "mhsds" or "csds" (the same as their trust), or the
    la_code of a council. A person's answer does not depend on who else is asked for.
    Columns: person, local_id (that source's own number), person_id (the number a
    national submission gives: MHSDS Person_ID, CSDS PERSON ID), nhs_number (10 digits;
    null = not held; may be wrong), born_on (date), sex ("1", "2", "9"), postcode,
    ethnicity (16+1 letter, "Z" not stated or "99" not known), surname, forename,
    middle_name, line1.
    """
    raise NotImplementedError


def row_faults(
    frame: pl.DataFrame, rng: np.random.Generator, columns: dict[str, str]
) -> pl.DataFrame:
    """Slips of single rows of a national layout, on top of what the source holds.

    `columns` names the frame's text columns that are {"nhs_number": ..., "born_on":
    ..., "postcode": ..., "sex": ...} (any may be left out). Every column named must be
    text: a slipped birth date may not exist in any calendar.
    """
    raise NotImplementedError
