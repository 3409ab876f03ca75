"""The addresses of risk: profiles of places, and models with their cards."""

from django.urls import path

from dashboards.views import models, risk

urlpatterns = [
    path("risk/", risk.profile, name="risk"),
    path("risk/figures/<slug:key>.csv", risk.profile_csv, name="risk-csv"),
    path("algorithms.json", models.algorithms, name="algorithms"),
    path("models/", models.model_list, name="models"),
    path("models/<slug:name>/", models.model, name="model"),
    path("models/<slug:name>/record.json", models.model_record, name="model-record"),
    path("models/<slug:name>/approve/", models.approve, name="approve-model"),
    path("models/<slug:name>/level/", models.ask_for_level, name="ask-for-level"),
    path(
        "models/<slug:name>/figures/<slug:key>.csv",
        models.model_csv,
        name="model-csv",
    ),
]
