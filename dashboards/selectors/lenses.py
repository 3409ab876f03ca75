"""The words of the attributes that figures divide people by."""

from dashboards.charts import Dimension
from linkage.release.selectors import ReleaseView
from segmentation.definitions import SCHEMES

FIFTHS = {
    "1": "1 (most deprived)",
    "2": "2",
    "3": "3",
    "4": "4",
    "5": "5 (least deprived)",
}
SEXES = {"M": "Men and boys", "F": "Women and girls"}
TITLES = {
    "imd_fifth": "Deprivation fifth",
    "ethnicity_group": "Ethnic group",
    "age_band": "Age",
    "segment": "Segment",
    "sex": "Sex",
}
# Between which groups of people a programme's reach is compared.
COMPARED = ("imd_fifth", "ethnicity_group", "sex")


def dimension(release: ReleaseView, attribute: str) -> Dimension:
    """Return an attribute's values as the coordinate of a figure, in its order."""
    if attribute == "imd_fifth":
        return Dimension(attribute, TITLES[attribute], FIFTHS)
    if attribute == "sex":
        return Dimension(attribute, TITLES[attribute], SEXES)
    if attribute == "segment":
        segments = SCHEMES["bridges_to_health"].segments
        return Dimension(
            attribute, TITLES[attribute], {each.name: each.title for each in segments}
        )
    labels = {value: worded(value) for value in release.values(attribute)}
    title = TITLES.get(attribute) or release.attribute(attribute).title
    return Dimension(attribute, title, labels)


def worded(value: str) -> str:
    """Write a category's value as words: "end_of_life" is "End of life",
    "05-09" is "5 to 9"."""
    if value[:1].isdigit():
        return " to ".join(part.lstrip("0") or "0" for part in value.split("-"))
    return value.replace("_", " ")[:1].upper() + value.replace("_", " ")[1:]
