"""The search by time: the later date decides, the definition's own setting is tried."""

from risk.steps.search import candidates, search
from tests.unit.risk.model_people import SPEC, learnt


def test_settings_are_ranked_by_the_later_date_and_progress_is_told() -> None:
    tried = candidates(SPEC)[:3]
    assert tried[0] == SPEC.trees
    seen: list[tuple[int, int]] = []
    found = search(
        learnt(3000), learnt(3000, seed=2), SPEC, tried, lambda *at: seen.append(at)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    losses = [each.log_loss for each in found]
    assert losses == sorted(losses)
    assert {each.trees.leaves for each in found} == {each.leaves for each in tried}


def test_a_setting_that_cannot_learn_comes_last() -> None:
    stump = SPEC.trees.model_copy(update={"least_in_leaf": 100_000})
    found = search(learnt(3000), learnt(3000, seed=2), SPEC, [stump, SPEC.trees])
    assert found[-1].trees == stump
    assert found[0].auroc > 0.6
