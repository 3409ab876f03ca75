"""Models: the list of them, a card each, its public record, and two people's yes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboards.charts import ChartSpec
from dashboards.figures import csv_response, presented
from dashboards.selectors import model_amounts, model_tables, model_watch
from dashboards.selectors import models as selectors
from dashboards.selectors.algorithms import record, register
from dashboards.selectors.tripod import checklist
from governance import access, audit
from governance.access import Viewer
from linkage.release import selectors as release
from risk import decisions, tasks
from risk import selectors as risk
from risk.definitions import MODELS
from risk.selectors import ModelCard
from risk.specs import ModelSpec
from risk.steps.intervals import METHODS, METHODS_OF_POUNDS

FIGURES = {
    "calibration": selectors.calibration,
    "decision-curve": selectors.decision_curve,
}
FIGURES_OF_POUNDS = {"calibration": model_amounts.calibration}


@access.page("model")
@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """List every model: what it foretells, how well, and whether it may order lists."""
    context = {"title": "Which models are in use?", "models": selectors.listed()}
    return render(request, "models/models.html", context)


@access.page("model")
@require_safe
def model(request: HttpRequest, name: str) -> HttpResponse:
    """Show one model's card: may I trust this score, and for what?"""
    spec = _spec(name)
    card = risk.model_card(name)
    context = {"name": name, "spec": spec, "card": card, "title": spec.title}
    context["alerts"] = next((a for a in risk.alerts() if a.name == name), None)
    if card is not None:
        is_amount = spec.outcome.is_amount
        answer = model_amounts.answer if is_amount else selectors.answer
        context |= {
            "answer": answer(card),
            "figures": [
                presented(figure, csv_href=reverse("model-csv", args=[name, key]))
                for key, figure in _figures(card, request.viewer).items()
            ],
            "standing": selectors.standing(card),
            "watching": model_tables.watching(name),
            "watched": model_watch.watched(card),
            "proposed": model_watch.proposed(name, request.viewer),
            "level_refused": card.calibration.get("level_refused", ""),
            "level_words": selectors.level_words(card),
            "weightiest": selectors.weightiest(card),
            "tripod": checklist(card),
            "worst_cell": model_tables.worst_cell(card, request.viewer),
            "methods": METHODS_OF_POUNDS if is_amount else METHODS,
            "may_approve": request.viewer.may_open("approve_model"),
        }
        make = _amount_tables if is_amount else _chance_tables
        context |= make(card, request.viewer)
    return render(request, "models/model.html", context)


@access.page("model")
@require_safe
def model_csv(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Send one of a card's figures as CSV."""
    _spec(name)
    card = risk.model_card(name)
    if card is None or key not in _makers(card.spec):
        raise Http404("no such figure")
    audit.record("figure_downloaded", request.viewer, subject=f"{name}/{key}")
    return csv_response(_makers(card.spec)[key](card, request.viewer))


@access.page("model")
@require_safe
def model_record(request: HttpRequest, name: str) -> HttpResponse:
    """Send the algorithm's record, for the public register."""
    _spec(name)
    card = risk.model_card(name)
    if card is None:
        raise Http404("not trained yet")
    return JsonResponse(record(card))


@access.public
@require_safe
def algorithms(request: HttpRequest) -> HttpResponse:
    """Send the records of all models in use: the public register of algorithms."""
    return JsonResponse({"algorithms": register()})


@access.page("approve_model")
@require_POST
def approve(request: HttpRequest, name: str) -> HttpResponse:
    """Record this person's yes to a model, after reading its card."""
    _spec(name)
    version = request.POST.get("version", "")
    try:
        decisions.approve(
            name=name,
            version=int(version) if version.isdecimal() and len(version) < 9 else None,
            note=request.POST.get("note", ""),
            by=request.viewer,
        )
        messages.success(request, "Your approval is recorded.")
    except decisions.RefusedApprovalError as error:
        messages.error(request, str(error))
    return redirect("model", name)


@access.page("approve_model")
@require_POST
def ask_for_level(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a new level of a model; what is made waits for a second person."""
    _spec(name)
    live = release.current()
    try:
        if live is None:
            raise decisions.RefusedApprovalError("There is no release to set it by.")
        decisions.ask_for_level(name=name, by=request.viewer)
        tasks.recalibrate.delay_on_commit(name, live.id, request.viewer.user_id)
        messages.success(
            request,
            "A new level is being set on the newest people whose outcomes are known."
            " It will stand here, to be compared and approved by a second person.",
        )
    except decisions.RefusedApprovalError as error:
        messages.error(request, str(error))
    return redirect("model", name)


def _figures(card: ModelCard, viewer: Viewer) -> dict[str, ChartSpec]:
    return {key: make(card, viewer) for key, make in _makers(card.spec).items()}


def _makers(spec: ModelSpec) -> dict[str, Callable[[ModelCard, Viewer], ChartSpec]]:
    return FIGURES_OF_POUNDS if spec.outcome.is_amount else FIGURES


def _chance_tables(card: ModelCard, viewer: Viewer) -> dict[str, Any]:
    return {
        "tenths": model_tables.tenths(card),
        "comparison": model_tables.comparison(card),
        "lists": model_tables.list_sizes(card, viewer),
        "groups": model_tables.by_group(card, viewer),
        "cut": model_tables.cut_words(card),
        "competing": selectors.competing(card),
    }


def _amount_tables(card: ModelCard, viewer: Viewer) -> dict[str, Any]:
    return {
        "tenths": model_amounts.tenths(card),
        "comparison": model_amounts.comparison(card),
        "groups": model_amounts.by_group(card, viewer),
    }


def _spec(name: str) -> ModelSpec:
    if name not in MODELS:
        raise Http404("no such model")
    return MODELS[name]
