"""Every write of risk: scores, models, predictions, approvals, what is watched."""

from risk.actions.explaining import explain
from risk.actions.impact import (
    find_gaps,
    gap_attributes,
    impact_attributes,
    rate_impact,
)
from risk.actions.levels import recalibrate
from risk.actions.models_in_use import standing_on, usable
from risk.actions.predictions import model_attributes, predict_risk
from risk.actions.scores import score_attributes, score_people
from risk.actions.training import gather_training, train_model
from risk.actions.watching import watch_models

__all__ = [
    "explain",
    "find_gaps",
    "gap_attributes",
    "gather_training",
    "impact_attributes",
    "model_attributes",
    "predict_risk",
    "rate_impact",
    "recalibrate",
    "score_attributes",
    "score_people",
    "standing_on",
    "train_model",
    "usable",
    "watch_models",
]
