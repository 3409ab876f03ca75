"""What a supplier is to put right: a page to print and a CSV to send, no identifier."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.exports import csv_text
from dashboards.selectors import feed_runs as selectors
from governance.access import page
from linkage.definitions import FEEDS

COLUMNS = ("file", "row", "column", "rule", "what_to_do", "fate")


@require_safe
@page("feeds")
def report(request: HttpRequest, name: str) -> HttpResponse:
    """Open faults of a supplier's files, by rule and column (?supplier=, ?run=)."""
    supplier, run_id = _asked(request, name)
    where = {"run__feed": name, "run__supplier": supplier, "replayed_in": None}
    if run_id:
        where["run_id"] = run_id
    return render(
        request,
        "feeds/report.html",
        {
            "title": f"What to put right: {FEEDS[name].title}",
            "name": name,
            "spec": FEEDS[name],
            "supplier": supplier,
            "run_id": run_id,
            "faults": [f for f in selectors.faults(**where) if f.rule != "not_used"],
            "runs": selectors.of_supplier(name, supplier),
        },
    )


@require_safe
@page("feeds")
def report_csv(request: HttpRequest, name: str) -> HttpResponse:
    """The same row by row: file, row number, column, rule, what to do."""
    supplier, run_id = _asked(request, name)
    rows = selectors.report_rows(name, supplier, run_id)
    text = csv_text(COLUMNS, ([row[key] for key in COLUMNS] for row in rows))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    stem = "-".join(filter(None, (name, supplier, str(run_id or ""))))
    response["Content-Disposition"] = f'attachment; filename="put-right-{stem}.csv"'
    return response


def _asked(request: HttpRequest, name: str) -> tuple[str, int | None]:
    if name not in FEEDS:
        raise Http404("There is no such feed.")
    run = request.GET.get("run", "")
    supplier = request.GET.get("supplier", "")
    if not supplier.isalnum() and supplier:
        raise Http404("There is no such supplier.")
    return supplier, int(run) if run.isdigit() else None
