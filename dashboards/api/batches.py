"""Deliveries by machine: a batch in the body, once per key; and what became of it."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards import hand_over
from dashboards.api import serializers as shapes
from dashboards.api.views import V1
from dashboards.selectors import feed_runs
from linkage.definitions import FEEDS
from linkage.reveal import RevealRefusedError, VaultUnavailableError

# How the content may be said to be, and the ending that its file is given.
CONTENT = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "ndjson",
    "application/json": "json",
    "application/fhir+json": "json",
    "application/fhir+ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
    "application/gzip": "gz",
    "application/zip": "zip",
    "application/octet-stream": "bin",
}
KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Conflict(APIException):
    """The same key with another body, or a body that the feed cannot take now."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The delivery does not fit what was delivered under this key."


class VaultDown(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The vault does not answer. Nothing was taken in; send it again."


class Untouched(BaseParser):
    """Leave the body where it is: the view reads it piece by piece."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, context: Any = None) -> Any:
        return stream


class Batches(V1):
    scope = "batches:write"
    parser_classes = (Untouched,)

    @extend_schema(
        request=dict.fromkeys(CONTENT, OpenApiTypes.BINARY),
        responses={202: shapes.BatchTaken},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, required=True
            )
        ],
    )
    def post(self, request: Request, name: str) -> Response:
        """Take one batch of a feed: 202, and the address that says what became of it.

        The same key with the same body is answered the same again and loads nothing
        twice; the same key with another body is 409.
        """
        if name not in FEEDS:
            raise Http404
        key = request.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            raise ValidationError("Idempotency-Key: 1 to 200 visible characters.")
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        if kind not in CONTENT:
            raise ValidationError(f"Content-Type: one of {', '.join(CONTENT)}.")
        try:
            found = self._taken(request, name, key, CONTENT[kind])
        except RevealRefusedError as error:
            raise Conflict(str(error)) from error
        except VaultUnavailableError as error:
            raise VaultDown from error
        body = {
            "feed": name,
            "run": found["run_id"],
            "sha256": found["sha256"],
            "href": reverse("api-batch", args=[name, found["run_id"]]),
        }
        answer = Response(shapes.BatchTaken(body).data, status=202)
        answer["Location"] = body["href"]
        return answer

    def _taken(
        self, request: Request, name: str, key: str, ending: str
    ) -> dict[str, Any]:
        plain: HttpRequest = request._request
        begun = hand_over.begin(
            self.viewer,
            way="API",
            feed=name,
            file_name=f"{name}_{_plain(key)}.{ending}",
            size=int(plain.headers.get("Content-Length") or 0),
            supplier=self.viewer.org_code,
            key=f"API {key}",
        )
        if begun["sha256"] and begun["run_id"]:
            whole = hashlib.sha256()
            for piece in _pieces(plain):
                whole.update(piece)
            if whole.hexdigest() != begun["sha256"]:
                raise Conflict("This key was used for another body: choose a new one.")
            return begun
        if begun["offset"]:
            raise Conflict(
                "A delivery under this key was broken off or is under way: wait for it,"
                " or send the batch under a new key."
            )
        return hand_over.hand_over(self.viewer, begun, _pieces(plain))


class OneBatch(V1):
    scope = "batches:write"

    @extend_schema(responses=shapes.BatchStatus)
    def get(self, request: Request, name: str, run_id: int) -> Response:
        """Say what became of a batch: its rows by fate, and rules broken by column."""
        found = feed_runs.run(run_id)
        if found is None or found.feed != name:
            raise Http404
        if found.supplier not in {"", self.viewer.org_code}:
            raise Http404
        body = {
            "feed": name,
            "run": found.pk,
            "state": found.state,
            "words": feed_runs.state_words(found),
            "problem": found.problem,
            "held_because": found.detail.get("gate", {}).get("held", []),
            "rows_in": found.rows_in,
            "loaded": found.loaded,
            "quarantined": found.quarantined,
            "excluded": found.excluded,
            "duplicate": found.duplicate,
            "faults": [
                {
                    "rule": fault.rule,
                    "field": fault.field,
                    "rows": fault.rows,
                    "first_row": fault.first_row,
                    "what_to_do": fault.remedy,
                }
                for fault in feed_runs.faults(run_id=run_id)
            ],
        }
        return Response(shapes.BatchStatus(body).data)


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    while piece := request.read(hand_over.PIECE_BYTES):
        yield piece


def _plain(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", key)[:60]
