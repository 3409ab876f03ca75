"""The schedule names what exists, in an order that can work."""

import pytest
from celery import current_app
from django.utils.module_loading import import_string

from config.schedule import BEAT, STAGES
from linkage.release.stages import after, stage, stages

NAMES = [one.name for one in STAGES]


@pytest.mark.parametrize("one", STAGES, ids=NAMES)
def test_a_stages_action_exists(one):
    assert callable(import_string(one.action))


def test_stages_stand_once_and_publishing_is_the_last():
    assert len(set(NAMES)) == len(NAMES)
    assert NAMES[-1] == "publish_release"


def test_columns_are_made_before_they_are_indexed_and_listed():
    order = [
        "derive_features",
        "assign_segments",
        "score_people",
        "predict_risk",
        "build_bitmaps",
        "write_profiles",
        "make_lists",
    ]
    assert [name for name in NAMES if name in order] == order


def test_the_stage_after_each_is_the_next_and_none_follows_the_last():
    assert stages() == STAGES
    assert [after(name) for name in NAMES] == [*STAGES[1:], None]
    with pytest.raises(KeyError, match="no stage 'tidy_up'"):
        stage("tidy_up")


@pytest.mark.parametrize("name", BEAT)
def test_beat_calls_tasks_that_workers_know(name):
    current_app.loader.import_default_modules()
    current_app.autodiscover_tasks(force=True)
    assert BEAT[name]["task"] in current_app.tasks


def test_beat_gets_its_timetable():
    assert current_app.conf.beat_schedule == BEAT
