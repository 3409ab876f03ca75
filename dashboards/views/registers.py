"""The registers that govern: what ends soon, propose, decide, history, the ROPA."""

import csv
import io

import xlsxwriter
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from dashboards.charts.table import disarmed
from dashboards.register_form import EntryForm, beginning
from dashboards.selectors import registers as selectors
from governance import audit, tasks
from governance.access import page
from governance.registers import actions
from governance.registers.specs import KIND_TITLES, KINDS

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@page("registers")
def register_list(request: HttpRequest) -> HttpResponse:
    """What ends soon, what waits for a second person, and every register."""
    found = selectors.registers(timezone.localdate())
    soon = len(found.soon)
    context = {
        "title": f"{soon} register {'entry ends' if soon == 1 else 'entries end'}"
        " within 60 days"
        if soon
        else "No register entry ends within 60 days",
        "found": found,
        "kinds": KIND_TITLES,
        "staff": selectors.staff(),
        "may_propose": request.viewer.may_open("propose_register"),
    }
    return render(request, "governance/registers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("propose_register")
def propose(request: HttpRequest, kind: str) -> HttpResponse:
    """Propose a new entry, or a change to the one in force; somebody else decides."""
    if kind not in KINDS:
        raise Http404("There is no such register.")
    today = timezone.localdate()
    key = request.GET.get("key", "")[:120]
    known = selectors.in_force(kind, key, today)
    initial = {"starts_on": today}
    if known is not None:
        content = known.content.model_dump(mode="json")
        initial = beginning(key, content, today, known.expires_on)
    form = EntryForm(request.POST or None, kind=kind, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.propose(
                kind=kind,
                key=form.cleaned_data["key"],
                content=form.content(),
                starts_on=form.cleaned_data["starts_on"],
                expires_on=form.cleaned_data["expires_on"],
                why=form.cleaned_data["why"],
                by=request.viewer.username,
            )
        except actions.RefusedEntryError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, "Proposed. It holds once somebody else has approved it."
            )
            return HttpResponseRedirect(reverse("register-entry", args=[made.pk]))
    context = {
        "title": f"Propose: {KIND_TITLES[kind].lower()}",
        "form": form,
        "kind": kind,
        "key": key,
    }
    status = 422 if form.errors else 200
    return render(request, "governance/register_propose.html", context, status=status)


@require_safe
@page("registers")
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One version: what it says, how it differs, and the history of its entry."""
    found = selectors.proposal(entry_id)
    if found is None:
        raise Http404("There is no such entry.")
    context = {
        "title": f"{found.key}, version {found.version}",
        "kind": KIND_TITLES[found.kind],
        "found": found,
        "history": selectors.history(found.kind, found.key),
        "may_decide": found.state == "proposed"
        and request.viewer.may_open("approve_register")
        and found.proposed_by != request.viewer.username,
    }
    return render(request, "governance/register_entry.html", context)


@require_POST
@page("approve_register")
def decide(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Approve or refuse somebody else's proposal; it holds from the next request on."""
    if selectors.proposal(entry_id) is None:
        raise Http404("There is no such entry.")
    try:
        made = actions.decide(
            entry_id=entry_id,
            approve=request.POST.get("choice") == "approve",
            why=request.POST.get("why", "").replace("\0", "")[:2000],
            by=request.viewer.username,
        )
    except actions.RefusedEntryError as error:
        messages.error(request, str(error))
    else:
        if made.kind == "training" and made.state == "approved":
            tasks.apply_training.delay_on_commit(made.pk)
    return HttpResponseRedirect(reverse("register-entry", args=[entry_id]))


@require_safe
@page("registers")
def ropa_csv(request: HttpRequest) -> HttpResponse:
    """The record of processing activities as CSV."""
    heads, rows = selectors.ropa(timezone.localdate())
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(heads)
    writer.writerows([disarmed(value) for value in row] for row in rows)
    audit.record("ropa_exported", request.viewer, subject="ropa.csv", rows=len(rows))
    response = HttpResponse(held.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="ropa.csv"'
    return response


@require_safe
@page("registers")
def ropa_xlsx(request: HttpRequest) -> HttpResponse:
    """The record of processing activities as a workbook; every cell is text."""
    heads, rows = selectors.ropa(timezone.localdate())
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Processing activities")
        bold = book.add_format({"bold": True})
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, bold)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                sheet.write_string(number, column, value)
        sheet.freeze_panes(1, 1)
    audit.record("ropa_exported", request.viewer, subject="ropa.xlsx", rows=len(rows))
    response = HttpResponse(held.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = 'attachment; filename="ropa.xlsx"'
    return response
