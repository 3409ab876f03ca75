"""What a file's name says of its period and of which correction it is."""

import pytest
from pydantic import ValidationError

from linkage.definitions import FEEDS
from linkage.file_names import submission_of
from linkage.specs import FeedSpec

SUS = FEEDS["sus_apc"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sus_apc_RZ1_202609_2.csv", ("202609", 2)),
        ("sus_apc_RZ1_202609_002.csv.gz", ("202609", 2)),
        ("sus_apc_RZ1_20260930_10.csv", ("20260930", 10)),
        ("sus_apc_RZ1_202609.csv", None),
        ("sus_apc_RZ1_2025_26.csv", None),  # two years, and no number
        ("ecds_RZ1_202609_2.csv", None),
    ],
)
def test_a_name_that_has_both_says_period_and_sequence(name, said) -> None:
    assert submission_of(name, SUS) == said


def test_a_feed_that_says_nothing_of_names_reads_none() -> None:
    assert submission_of("gp_patient_RZ1_202609_2.csv", FEEDS["gp_patient"]) is None


@pytest.mark.parametrize(
    "named", ["sus_*_{period}", "sus_*_{sequence}", "sus_{period}_{period}_{sequence}"]
)
def test_half_a_name_is_refused(named) -> None:
    given = SUS.model_dump() | {"named": named}
    with pytest.raises(ValidationError, match="once each"):
        FeedSpec.model_validate(given)


@pytest.mark.parametrize("feed", [name for name in FEEDS if FEEDS[name].named])
def test_a_numbered_name_is_one_of_the_feeds_own_files(feed) -> None:
    spec = FEEDS[feed]
    name = spec.named.replace("*", "RZ1").replace("{period}", "202609")
    file_name = name.replace("{sequence}", "1") + ".csv"
    assert submission_of(file_name, spec) == ("202609", 1)
