"""The nightly run, in order, and what beat does between: the product's contents page.

Each stage is one task per unit; the last unit of a stage, by the ledger, dispatches
the next stage; where both are per shard, each shard goes on by itself. Stages are
named as text, so that no layer imports one above it.
"""

from celery.schedules import crontab

from linkage.release.stages import Stage

STAGES = (
    Stage("derive_features", "shard", "linkage.release.actions.derive_features"),
    Stage("assign_segments", "shard", "segmentation.actions.assign_segments"),
    Stage("trace_segments", "shard", "segmentation.actions.trace_segments"),
    Stage("score_people", "shard", "risk.actions.score_people"),
    Stage("find_gaps", "shard", "risk.actions.find_gaps"),
    Stage("gather_training", "shard", "risk.actions.gather_training"),
    Stage("follow_moves", "release", "linkage.release.following.follow_moves"),
    Stage("rate_impact", "release", "risk.actions.rate_impact"),
    Stage("train_model", "name", "risk.actions.train_model", "risk.definitions.MODELS"),
    Stage("predict_risk", "shard", "risk.actions.predict_risk"),
    Stage("watch_models", "release", "risk.actions.watch_models"),
    Stage("build_bitmaps", "attribute_group", "linkage.release.actions.build_bitmaps"),
    Stage("write_profiles", "shard", "linkage.release.actions.write_profiles"),
    Stage("make_lists", "release", "dashboards.actions.make_lists"),
    Stage("publish_release", "release", "dashboards.actions.publish_release"),
)

# A delta, of few people and of the same date, trains no model and watches none.
LEFT_OUT_OF_DELTAS = frozenset({"gather_training", "train_model", "watch_models"})

# Whose hashes a release keeps, so that any figure of it can be made again: folders of
# definitions, or functions that return hashes by name.
DEFINITIONS = {
    "feature": "linkage.feature_definitions.FEATURES",
    "codelist": "linkage.codebook.in_force.hashes",
    "feed": "linkage.definitions.FEEDS",
    "ingest": "linkage.definitions.ingest_hashes",
    "scheme": "segmentation.definitions.SCHEMES",
    "lens": "segmentation.definitions.LENSES",
    "plus": "segmentation.definitions.plus_hash",
    "risk": "risk.definitions.hashes",
    "list": "dashboards.definitions.LISTS",
    "indicator": "dashboards.definitions.INDICATORS",
}

BEAT = {
    "opt_outs": {
        "task": "linkage.opt_outs.tasks.refresh_opt_outs",
        "schedule": 30.0,
    },
    "tally_access": {
        "task": "governance.tasks.tally_access",
        "schedule": crontab(minute=10),
    },
    "renew_scopes": {
        "task": "governance.tasks.renew_scopes",
        "schedule": crontab(hour=0, minute=5),
    },
    "forget_spent": {
        "task": "governance.tasks.forget_spent",
        "schedule": crontab(hour=0, minute=45),
    },
    "anchor_audit": {
        "task": "governance.tasks.anchor_audit",
        "schedule": 600.0,
    },
    "refresh": {
        "task": "linkage.release.tasks.refresh_nightly",
        "schedule": crontab(hour=2, minute=0),
    },
    # Nothing touched, or a refresh under way: nothing done.
    "delta": {
        "task": "linkage.release.tasks.refresh_delta",
        "schedule": 20.0,
        "options": {"expires": 20.0},
    },
    "reach": {
        "task": "linkage.release.tasks.refresh_reach",
        "schedule": 120.0,
        "options": {"expires": 120.0},
    },
    "resume": {
        "task": "linkage.release.tasks.resume_stalled",
        "schedule": 60.0,
    },
    "searches": {
        "task": "segmentation.tasks.resume_searches",
        "schedule": 300.0,
    },
    "codelists": {
        "task": "linkage.codebook.tasks.resume_codelists",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "cohorts": {
        "task": "segmentation.tasks.measure_cohorts",
        "schedule": crontab(minute=20),
    },
    "forget_released_sets": {
        "task": "segmentation.tasks.forget_released_sets",
        "schedule": crontab(hour=0, minute=35),
    },
    "check_links": {
        "task": "linkage.tasks.check_links",
        "schedule": crontab(hour=1, minute=0),
    },
    "take_in": {
        "task": "linkage.tasks.take_in",
        "schedule": 15.0,
        # While a large file is being read, one waiting message is enough.
        "options": {"expires": 15.0},
    },
    "forget_deliveries": {
        "task": "linkage.tasks.forget_deliveries",
        "schedule": crontab(hour=0, minute=40),
    },
    "forget_lists": {
        "task": "linkage.tasks.forget_lists",
        "schedule": crontab(hour=0, minute=30),
    },
    "finish_erasures": {
        "task": "dashboards.tasks.finish_erasures",
        "schedule": 300.0,
        "options": {"expires": 300.0},
    },
    "forget_extracts": {
        "task": "dashboards.tasks.forget_extracts",
        "schedule": crontab(hour=0, minute=20),
    },
    "programmes": {
        "task": "dashboards.tasks.tally_programmes",
        "schedule": crontab(minute=40),
    },
    # Three times, for a mail server that is down at the first: nobody is sent two.
    "digests": {
        "task": "dashboards.tasks.send_digests",
        "schedule": crontab(hour="7-9", minute=5, day_of_week="mon-fri"),
    },
    "retire": {
        "task": "linkage.release.tasks.retire_releases",
        "schedule": crontab(hour=5, minute=30),
    },
}
