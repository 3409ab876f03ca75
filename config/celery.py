"""The Celery application: short, idempotent tasks; the ledger in Postgres decides.

Acknowledged late and re-delivered when a worker is lost: every task may run twice.
The visibility timeout lies far above the longest task, or the Redis transport would
run a long task again while it still runs.
"""

import os

from celery import Celery
from celery.signals import beat_init, worker_init

from config.environment import broker, value

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("catchment")
app.conf.update(
    broker_url=broker(value("REDIS_URL") or "redis://127.0.0.1:6379/0"),
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_default_queue="default",
    broker_transport_options={"visibility_timeout": 6 * 3600},
    broker_connection_retry_on_startup=True,
    timezone="Europe/London",
)
app.autodiscover_tasks(
    [
        "governance",
        "linkage",
        "linkage.codebook",
        "linkage.opt_outs",
        "linkage.release",
        "segmentation",
        "risk",
        "dashboards",
    ]
)


@worker_init.connect
@beat_init.connect
def refuse_bypass(**_: object) -> None:
    """End at once where row-level security would not hold this process's role."""
    from governance.postgres import refuse_bypass as refuse

    refuse()


@worker_init.connect
def refuse_other_cut(**_: object) -> None:
    """End at once where the store has more shards than this process would work on."""
    from linkage.shards import refuse_other_cut as refuse

    refuse()


@app.on_after_finalize.connect
def schedule(sender: Celery, **_: object) -> None:
    """Give beat its timetable once Django's settings are there to be read."""
    from config.schedule import BEAT

    sender.conf.beat_schedule = BEAT
