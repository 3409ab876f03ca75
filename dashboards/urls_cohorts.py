"""The addresses of cohorts: the builder, the saved ones, their files and lists."""

from django.urls import path

from dashboards.views import cohort_compare, cohort_saved, cohorts

urlpatterns = [
    path("cohorts/", cohorts.cohort_list, name="cohorts"),
    path("cohorts/build/", cohorts.build, name="cohort-build"),
    path("cohorts/save/", cohort_saved.save, name="cohort-save"),
    path("cohorts/read/", cohort_saved.read, name="cohort-read"),
    path("cohorts/search/", cohort_saved.search, name="cohort-search"),
    path("cohorts/compare/", cohort_compare.compare, name="cohort-compare"),
    path("cohorts/<int:cohort_id>/", cohort_saved.cohort, name="cohort"),
    path(
        "cohorts/<int:cohort_id>/settings/",
        cohort_saved.settle,
        name="cohort-settings",
    ),
    path("cohorts/<int:cohort_id>/copy/", cohort_saved.copy, name="cohort-copy"),
    path("cohorts/<int:cohort_id>/retire/", cohort_saved.retire, name="cohort-retire"),
    path("cohorts/<int:cohort_id>/people/", cohort_saved.people, name="cohort-people"),
    path(
        "cohorts/<int:cohort_id>/indicator/",
        cohort_saved.as_denominator,
        name="cohort-indicator",
    ),
    path(
        "cohorts/<int:cohort_id>/definition.yaml",
        cohort_saved.definition,
        name="cohort-definition",
    ),
    path(
        "cohorts/<int:cohort_id>/figures.csv",
        cohort_saved.download,
        {"kind": "csv"},
        name="cohort-csv",
    ),
    path(
        "cohorts/<int:cohort_id>/figures.xlsx",
        cohort_saved.download,
        {"kind": "xlsx"},
        name="cohort-xlsx",
    ),
]
