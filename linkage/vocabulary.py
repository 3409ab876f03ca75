"""The closed words of the longitudinal store, and the small numbers they are kept as.

A store of a million people holds some hundred million facts; a word in two bytes
instead of ten is the difference between a scan from memory and one from disk.
"""

import csv
from pathlib import Path

import polars as pl

SYSTEMS = {"snomed": 1, "icd10": 2, "opcs4": 3, "bnf": 4, "dmd": 5, "local": 6}

EVENT_KINDS = {
    "observation": 1,  # a coded entry of a GP record, with or without a value
    "diagnosis": 2,  # a diagnosis coded by a hospital or mental health provider
    "procedure": 3,
    "prescription": 4,
    "immunisation": 5,
    "status": 6,  # care home, carer, living alone … from a social care record
    "death": 7,  # the underlying cause, as registered
}

SETTINGS = {
    "gp": 1,
    "outpatient": 2,
    "emergency": 3,
    "admitted": 4,
    "mental_health": 5,
    "community": 6,
    "social_care": 7,
    "prescribing": 8,
    "urgent": 9,  # NHS 111
    "ambulance": 10,
    "maternity": 11,
    "waiting": 12,  # for treatment led by a consultant
}

ACTIVITY_KINDS = {
    "appointment": 1,
    "attendance": 2,
    "spell": 3,
    "contact": 4,
    "referral": 5,
    "ward_stay": 6,
    "request": 7,
    "assessment": 8,
    "service": 9,
    "review": 10,
    "prescription": 11,
    "call": 12,
    "incident": 13,
    "booking": 14,
    "delivery": 15,
    "pathway": 16,
    "episode": 17,  # a time in an organisation's care, whatever happens in it
}

URGENCIES = {"emergency": 1, "elective": 2, "maternity": 3, "other": 4}

# NHS Data Dictionary, ETHNIC CATEGORY (16+1), with the five census groups.
ETHNICITIES = {
    "A": ("White: British", "White"),
    "B": ("White: Irish", "White"),
    "C": ("White: any other", "White"),
    "D": ("Mixed: White and Black Caribbean", "Mixed"),
    "E": ("Mixed: White and Black African", "Mixed"),
    "F": ("Mixed: White and Asian", "Mixed"),
    "G": ("Mixed: any other", "Mixed"),
    "H": ("Asian: Indian", "Asian"),
    "J": ("Asian: Pakistani", "Asian"),
    "K": ("Asian: Bangladeshi", "Asian"),
    "L": ("Asian: any other", "Asian"),
    "M": ("Black: Caribbean", "Black"),
    "N": ("Black: African", "Black"),
    "P": ("Black: any other", "Black"),
    "R": ("Other: Chinese", "Asian"),
    "S": ("Other: any other", "Other"),
    "Z": ("Not stated", "Not known"),
}

# SNOMED CT (UK Edition), ethnic categories of the 2011 census for England and Wales
# and what is left of those of 2001, as the letter of the same category. The census
# of 2021 kept these categories and added Roma, which the NHS counts under C.
with Path(__file__).with_name("ethnicity_snomed.csv").open(encoding="utf-8") as _file:
    SNOMED_ETHNICITIES = {row["code"]: row["letter"] for row in csv.DictReader(_file)}


# Adult social care client level data, release 2, Ethnicity: the 2021 census in words.
CLD_ETHNICITIES = {
    "White: English, Welsh, Scottish, Northern Irish or British": "A",
    "White: Irish": "B",
    "White: Gypsy or Irish Traveller": "C",
    "White: Roma": "C",
    "White: Any other White background": "C",
    "Mixed or multiple ethnic groups: White and Black Caribbean": "D",
    "Mixed or multiple ethnic groups: White and Black African": "E",
    "Mixed or multiple ethnic groups: White and Asian": "F",
    "Mixed or multiple ethnic groups: Any other Mixed or multiple ethnic background": (
        "G"
    ),
    "Asian or Asian British: Indian": "H",
    "Asian or Asian British: Pakistani": "J",
    "Asian or Asian British: Bangladeshi": "K",
    "Asian or Asian British: Chinese": "R",
    "Asian or Asian British: Any other Asian background": "L",
    "Black, Black British, Caribbean or African: Caribbean": "M",
    "Black, Black British, Caribbean or African: African": "N",
    "Black, Black British, Caribbean or African: "
    "Any other Black, Black British or Caribbean background": "P",
    "Other ethnic group: Arab": "S",
    "Other ethnic group: Any other ethnic group": "S",
    "No data: Refused": "Z",
}


def number(column: str, words: dict[str, int]) -> pl.Expr:
    """Turn a column of words into their numbers; an unknown word becomes null."""
    return pl.col(column).replace_strict(words, default=None, return_dtype=pl.Int16)


def word(column: str, words: dict[str, int]) -> pl.Expr:
    """Turn a column of numbers back into words."""
    return pl.col(column).replace_strict(
        {v: k for k, v in words.items()}, default=None, return_dtype=pl.String
    )
