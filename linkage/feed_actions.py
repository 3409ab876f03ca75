"""Every way in but the command line, and what a person decides about a delivery.

A delivery comes as pieces, which the vault keeps sealed; when it is whole it becomes a
run, which the vault's worker loads. Runs that nobody has loaded yet are looked for
every few seconds, so a lost message costs seconds and no delivery.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from governance import audit
from linkage import actions
from linkage.definitions import FEEDS
from linkage.file_names import supplier_of
from linkage.landing import is_of
from linkage.models import FeedRun
from linkage.opening import open_run, twin_of, why_not
from linkage.replays import replay_introduced
from linkage.roll_back import RefusedRollBackError, refuse_roll_back, roll_back_run
from linkage.steps.read import UnreadableFileError
from linkage.store import RunBusyError
from linkage.vault import deliveries
from linkage.vault.models import Delivery

__all__ = ["RefusedDecisionError", "RefusedRollBackError"]
State = FeedRun.State
UPLOAD, API, MESH, LANDING = "upload", "API", "MESH", "landing"
WAYS = (UPLOAD, API, MESH, LANDING)
RESTS_SECONDS = 20.0  # a file in the landing folder that nobody writes to any more
READY = ".ready"
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", READY)


class RefusedDecisionError(ValueError):
    """What cannot be decided about a run as it stands; says why."""


@dataclass(frozen=True)
class Received:
    """A delivery that has become a run; `is_new` is False where its bytes had come."""

    run: FeedRun
    is_new: bool


def feed_of(file_name: str) -> str | None:
    """The feed whose file names this one has, packed or not, or None."""
    names = [Path(file_name)]
    if file_name.endswith((".gz", ".zip")):
        names.append(Path(file_name).with_suffix(""))
    return next((f for f in FEEDS for name in names if is_of(f, name)), None)


def receive(delivery: Delivery, *, sha256: str = "") -> Received:
    """Make a run of a delivery that is whole. Safe to repeat.

    sha256: what the sender says the content has; another one refuses the delivery.
    The same bytes find the run that they made before.
    """
    found = deliveries.finish(delivery)
    if sha256 and sha256.lower() != found:
        deliveries.forget(delivery)
        raise RefusedDecisionError(
            "The file did not arrive as it was sent (its SHA-256 differs): send it"
            " again."
        )
    more = {"mends": delivery.mends} if delivery.mends else {}
    with _on_disk():
        run, is_new = open_run(
            feed=delivery.feed,
            sha256=found,
            file_name=delivery.file_name,
            supplier=delivery.supplier or supplier_of(Path(delivery.file_name)),
            way=delivery.way,
            by=delivery.by,
            **more,
        )
        _once_more(run, delivery.way)
    delivery.run_id = run.pk
    delivery.save(update_fields=["run_id"])
    audit.record(
        "delivery_received",
        None,
        subject=run.feed,
        run=run.pk,
        way=delivery.way,
        by=delivery.by,
        again=not is_new,
    )
    return Received(run, is_new)


@contextmanager
def _on_disk() -> Iterator[None]:
    """A transaction that is safe from a crash once it has ended.

    A loader's own work is done again after one, so its commits do not wait for the
    disk; what a sender is told to be kept must.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        yield


def _once_more(run: FeedRun, way: str) -> None:
    """A file that could not be read may be read now that its definition is mended."""
    if run.state == State.FAILED:
        run.state, run.way = State.RECEIVED, way
        run.save(update_fields=["state", "way"])


def load_run(*, run_id: int) -> FeedRun:
    """Load a received run from the file that the vault keeps. Safe to repeat."""
    run = FeedRun.objects.get(pk=run_id)
    if run.state in actions.TO_LOAD:
        with deliveries.opened(run.sha256) as path:
            actions.load_file(run, path)
        actions.settle_people()
    return run


def decide(*, run_id: int, release: bool, reason: str, by: str) -> FeedRun:
    """Release a held run, which is then loaded as it is, or refuse it; with a reason.

    A run that was refused or rolled back may be released later, as long as its file is
    kept. Raises RefusedDecisionError.
    """
    run = FeedRun.objects.get(pk=run_id)
    if not reason.strip():
        raise RefusedDecisionError("Give a reason: it is kept with the run.")
    later = release and run.state in (State.REFUSED, State.UNDONE)
    if run.state != State.HELD and not later:
        raise RefusedDecisionError(f"Run {run_id} is {run.state} and waits for nobody.")
    twin = twin_of(run) if release else None
    if twin is not None:
        raise RefusedDecisionError(why_not(twin))
    was_read = run.state != State.UNDONE and run.detail.get("gate") is not None
    if release and run.rows_in == 0 and was_read:
        raise RefusedDecisionError("An empty file is never taken in; refuse it.")
    if release and deliveries.kept(run.sha256) is None:
        raise RefusedDecisionError("The file is not kept any more: deliver it again.")
    told = {"by": by, "reason": reason.strip()[:500], "at": timezone.now().isoformat()}
    run.detail = run.detail | {"released" if release else "refused": told}
    run.state = State.RECEIVED if release else State.REFUSED
    run.way = run.way if run.way in WAYS else UPLOAD
    with _on_disk():
        run.save()
    audit.record(
        "feed_released" if release else "feed_refused",
        None,
        subject=run.feed,
        run=run.pk,
        reason=reason[:200],
        by=by,
    )
    return run


def ask_roll_back(*, run_id: int, reason: str, by: str) -> None:
    """Note that a run is to be taken back; the vault's worker does it.

    Raises RefusedRollBackError for a run that cannot be.
    """
    run = FeedRun.objects.get(pk=run_id)
    refuse_roll_back(run, reason)
    run.detail = run.detail | {"undoing": {"by": by, "reason": reason}}
    with _on_disk():
        run.save(update_fields=["detail"])


def take_in_waiting() -> int:
    """Load what has been received and not loaded; returns how many runs.

    Feeds that say who people are come before those that only speak of them, and within
    a feed the oldest first, so that in whichever order a day's files came, their rows
    find their people; rows of an earlier day that had found nobody are looked at again
    (`replay_introduced`). Also does the roll-backs that were asked for or broken off.
    """
    deliveries.clear_workplaces()
    for whole in Delivery.objects.filter(
        whole_at__isnull=False, run_id=None, way__in=(UPLOAD, API, MESH)
    ):
        receive(whole)  # a crash came between the last piece and the run
    waiting = FeedRun.objects.filter(state=State.RECEIVED, way__in=WAYS)
    runs = waiting.values_list("feed", "pk")
    done = sum(
        load_waiting(run_id=run_id)
        for _, run_id in sorted((FEEDS[feed].order, run_id) for feed, run_id in runs)
    )
    for run in FeedRun.objects.filter(detail__has_key="undoing").order_by("-pk"):
        told = run.detail["undoing"]
        try:
            roll_back_run(run_id=run.pk, reason=told["reason"], by=told["by"])
        except RefusedRollBackError as error:
            left = {k: v for k, v in run.detail.items() if k != "undoing"}
            run.detail = left | {"not_undone": str(error)}
            run.save(update_fields=["detail"])
        done += 1
    return done + replay_introduced()


def load_waiting(*, run_id: int) -> bool:
    """Load a received run; False where it cannot be read, or another loads it now.

    What is wrong with a file stands in its run and holds up nobody else.
    """
    try:
        load_run(run_id=run_id)
    except (UnreadableFileError, RunBusyError, deliveries.NotKeptError):
        return False
    return True


def sweep_landing(folder: Path, *, now: float | None = None) -> list[FeedRun]:
    """Receive what lies finished in the landing folder; returns the runs made.

    A file is finished when it has rested for some seconds, or `NAME.ready` lies beside
    it. What was received goes to `done/`, what is of no feed to `unknown/`: the vault
    has its own sealed copy, and the folder's owner empties both.
    """
    if not folder.is_dir():
        return []
    moment = now if now is not None else time.time()
    runs = []
    for path in sorted(folder.iterdir()):
        if not _is_finished(path, moment):
            continue
        feed = feed_of(path.name)
        if feed is None:
            _put_away(path, "unknown")
            continue
        sha256 = actions.fingerprint(path)
        deliveries.keep_file(path, sha256=sha256, feed=feed, way=LANDING, by=LANDING)
        with _on_disk():
            run, _ = open_run(
                feed=feed,
                sha256=sha256,
                file_name=path.name,
                supplier=supplier_of(path),
                way=LANDING,
                by=LANDING,
            )
            _once_more(run, LANDING)
        _put_away(path, "done")
        runs.append(run)
    return runs


def _is_finished(path: Path, now: float) -> bool:
    if path.name.startswith(".") or path.suffix in UNFINISHED or not path.is_file():
        return False
    if path.with_name(path.name + READY).exists():
        return True
    return now - path.stat().st_mtime >= RESTS_SECONDS


def _put_away(path: Path, where: str) -> None:
    folder = path.parent / where
    folder.mkdir(mode=0o700, exist_ok=True)
    path.replace(folder / path.name)
    path.with_name(path.name + READY).unlink(missing_ok=True)


def forget_deliveries(now: datetime) -> int:
    """Forget kept files that are past their time; held ones stay until decided."""
    waiting = FeedRun.objects.filter(state__in=[State.HELD, State.RECEIVED])
    return deliveries.forget_old(set(waiting.values_list("sha256", flat=True)), now)
