"""The addresses of research: projects, their room, the outputs."""

from django.urls import path

from dashboards.views import research

urlpatterns = [
    path("research/", research.projects, name="research"),
    path("research/outputs/", research.outputs, name="research-outputs"),
    path("research/outputs/<int:request_id>/", research.output, name="research-output"),
    path(
        "research/outputs/<int:request_id>/decide/",
        research.decide,
        name="research-decide",
    ),
    path(
        "research/outputs/<int:request_id>.csv",
        research.output_csv,
        name="research-output-csv",
    ),
    path("research/projects/<slug:name>/", research.room, name="research-room"),
    path(
        "research/projects/<slug:name>/extract/",
        research.make_extract,
        name="research-extract",
    ),
    path("research/projects/<slug:name>/ask/", research.ask, name="research-ask"),
]
