"""What the store keeps of feeds, people and releases, and the store itself."""

from linkage.models.codebook import CodelistEffect, CodelistVersion, CodeSeen
from linkage.models.facts import Activity, Event, Person, Profile
from linkage.models.feeds import FeedRun, RejectedRow, RunKeys
from linkage.models.people import ImportedList, LinkageAudit
from linkage.models.quality import FeedQuality
from linkage.models.releases import (
    AttributeBitmap,
    AttributeColumn,
    ProviderReach,
    Release,
    ReleasePart,
    ReleasePointer,
    StageTask,
)
from linkage.models.series import SeriesArea, SeriesValue

__all__ = [
    "Activity",
    "AttributeBitmap",
    "AttributeColumn",
    "CodeSeen",
    "CodelistEffect",
    "CodelistVersion",
    "Event",
    "FeedQuality",
    "FeedRun",
    "ImportedList",
    "LinkageAudit",
    "Person",
    "Profile",
    "ProviderReach",
    "RejectedRow",
    "Release",
    "ReleasePart",
    "ReleasePointer",
    "RunKeys",
    "SeriesArea",
    "SeriesValue",
    "StageTask",
]
