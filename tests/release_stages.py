"""The stages of linkage alone, for tests of a refresh that need no layer above."""

from linkage.release.stages import Stage

ACTIONS = "linkage.release.actions"
STAGES = (
    Stage("derive_features", "shard", f"{ACTIONS}.derive_features"),
    Stage("build_bitmaps", "attribute_group", f"{ACTIONS}.build_bitmaps"),
    Stage("write_profiles", "shard", f"{ACTIONS}.write_profiles"),
    Stage("publish_release", "release", f"{ACTIONS}.publish_release"),
)
DEFINITIONS = {
    "feature": "linkage.feature_definitions.FEATURES",
    "codelist": "linkage.codebook.in_force.hashes",
}
