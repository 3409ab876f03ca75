"""Features as at a date: one row per person, one column per feature.

The same step serves tonight's release, model training at past dates and evaluation,
so it uses only what was known by `as_of`: nothing dated, begun or recorded later.
"""

from linkage.steps.derive.attributes import attributes
from linkage.steps.derive.features import derive, standing_on
from linkage.steps.derive.people import Geography

__all__ = ["Geography", "attributes", "derive", "standing_on"]
