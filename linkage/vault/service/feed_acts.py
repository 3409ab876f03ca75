"""Deliveries over the vault's socket: pieces in, what became of them out.

The web holds one piece at a time and keeps none. Answers are counts, states and words;
nothing here opens a row.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from kombu.exceptions import OperationalError

from linkage import feed_actions, tasks
from linkage.assertions import Asked
from linkage.definitions import FEEDS
from linkage.models import FeedRun
from linkage.vault import deliveries, store
from linkage.vault.models import Delivery
from linkage.vault.service.refusals import RefusedActError

Answer = Mapping[str, Any]


def _refusing(act: Callable[[Asked, bytes], Answer]) -> Callable[..., Answer]:
    @wraps(act)
    def guarded(asked: Asked, content: bytes) -> Answer:
        try:
            return act(asked, content)
        except (
            feed_actions.RefusedDecisionError,
            feed_actions.RefusedRollBackError,
            deliveries.TooLargeError,
            FeedRun.DoesNotExist,
        ) as error:
            raise RefusedActError(str(error)) from error

    return guarded


@_refusing
def begin(asked: Asked, content: bytes) -> Answer:
    """Begin a delivery, or go on with one: of the same sender, name, size and key."""
    told = asked.arguments
    name, size = str(told["file_name"])[:200], int(told.get("size") or 0)
    feed = str(told.get("feed") or feed_actions.feed_of(name) or "")
    if feed not in FEEDS:
        raise RefusedActError(
            f"{name} is of no known feed: choose the feed that it belongs to."
        )
    if size > settings.DELIVERY_MAX_BYTES:
        raise RefusedActError(
            f"A delivery may have {settings.DELIVERY_MAX_BYTES:,} bytes: send it in"
            " parts, by period."
        )
    key = str(told.get("key") or "")[:200]
    open_ones = Delivery.objects.filter(owner_id=asked.viewer_id, feed=feed)
    found = (
        open_ones.filter(idempotency_key=key).order_by("-pk").first() if key else None
    )
    if found is None:
        found = deliveries.begin(
            feed=feed,
            file_name=name,
            way=str(told["way"]),
            by=f"user {asked.viewer_id}",
            owner_id=asked.viewer_id,
            idempotency_key=key,
            supplier=str(told.get("supplier") or "")[:20],
            mends=_mended(told.get("mends"), feed),
        )
        store.audit_asked(asked, outcome="begun", reason=f"{feed}: {found.pk}")
    return {
        "id": found.pk,
        "feed": feed,
        "offset": found.bytes_in,
        "sha256": found.sha256,
        "run_id": found.run_id,
    }


def _mended(run_id: object, feed: str) -> int | None:
    if not run_id:
        return None
    run = FeedRun.objects.filter(pk=int(str(run_id)), feed=feed).first()
    if run is None:
        raise RefusedActError(f"Run {run_id} is not of this feed.")
    return run.pk


@_refusing
def piece(asked: Asked, content: bytes) -> Answer:
    """Keep one piece; answers where the next begins, also after a wrong place."""
    delivery = _own(asked)
    try:
        deliveries.append(delivery, int(asked.arguments["offset"]), content)
    except deliveries.WrongOffsetError as error:
        return {"offset": error.offset, "kept": False}
    return {"offset": delivery.bytes_in, "kept": True}


@_refusing
def finish(asked: Asked, content: bytes) -> Answer:
    """The delivery is whole: make it a run and have it loaded."""
    delivery = _own(asked)
    if delivery.run_id is None:
        store.audit_asked(asked, outcome="finished", reason=f"{delivery.pk}")
        told = str(asked.arguments.get("stated") or "")
        run = feed_actions.receive(delivery, sha256=told).run
        _soon(run)
    else:
        run = FeedRun.objects.get(pk=delivery.run_id)
    return {"run_id": run.pk, "state": run.state, "sha256": run.sha256}


@_refusing
def abandon(asked: Asked, content: bytes) -> Answer:
    """Forget a delivery that will not be finished."""
    delivery = _own(asked)
    store.audit_asked(asked, outcome="abandoned", reason=f"{delivery.pk}")
    if delivery.run_id is None:
        deliveries.forget(delivery)
    return {}


@_refusing
def decide(asked: Asked, content: bytes) -> Answer:
    """Release or refuse a held run, for a reason."""
    told = asked.arguments
    run = feed_actions.decide(
        run_id=int(told["run_id"]),
        release=told["release"] is True,
        reason=str(told["reason"]),
        by=f"user {asked.viewer_id}",
    )
    store.audit_asked(asked, outcome=run.state, reason=str(told["reason"])[:200])
    if told["release"] is True:
        _soon(run)
    return {"state": run.state}


@_refusing
def replay(asked: Asked, content: bytes) -> Answer:
    """Take a run's rejected rows through the road once more."""
    run = FeedRun.objects.get(pk=int(asked.arguments["run_id"]))
    store.audit_asked(asked, outcome="replay", reason=f"{run.pk}")
    _send(tasks.replay_run, run.pk)
    return {"state": run.state}


@_refusing
def roll_back(asked: Asked, content: bytes) -> Answer:
    """Have a published run taken back, for a reason."""
    told = asked.arguments
    run_id, reason = int(told["run_id"]), str(told["reason"])
    feed_actions.ask_roll_back(
        run_id=run_id, reason=reason, by=f"user {asked.viewer_id}"
    )
    store.audit_asked(asked, outcome="roll_back", reason=reason[:200])
    _send(tasks.take_in)
    return {}


def _own(asked: Asked) -> Delivery:
    found = Delivery.objects.filter(
        pk=int(asked.arguments["id"]), owner_id=asked.viewer_id
    ).first()
    if found is None:
        raise RefusedActError("There is no such delivery of yours: begin again.")
    return found


def _soon(run: FeedRun) -> None:
    if run.state == FeedRun.State.RECEIVED:
        _send(tasks.load_run, run.pk)


def _send(task: Any, *arguments: int) -> None:
    """Tell the worker now; where the queue is down it looks for itself, a little later.

    A replay alone has no other way: it is refused.
    """
    try:
        task.apply_async(args=arguments, retry=False)
    except OperationalError as error:
        if task is tasks.replay_run:
            raise RefusedActError(
                "The queue does not answer: nothing was done. Try again in a minute."
            ) from error
