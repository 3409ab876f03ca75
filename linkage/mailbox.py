"""The NHS's MESH mailbox as a way in: a message is acknowledged when its run is kept.

Until then MESH keeps it, so a crash at any moment costs a second reading: a message is
known by its number, and one that has come whole is only acknowledged.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from mesh_client import MeshClient, Message
from requests import RequestException

from linkage import feed_actions
from linkage.definitions import FEEDS
from linkage.vault import deliveries
from linkage.vault.models import Delivery

log = logging.getLogger("catchment.mailbox")
PIECE_BYTES = 1 << 20
NOBODY = 0  # no user of ours sent it


def collect() -> int:
    """Receive what lies in the mailbox; returns how many messages became runs.

    Nothing where no mailbox is configured. One that does not answer is asked again at
    the next turn.
    """
    if not settings.MESH["url"]:
        return 0
    try:
        with mailbox() as client:
            return sum(
                take(client, client.retrieve_message(number))
                for number in client.list_messages()
            )
    except RequestException as error:
        log.warning("the mailbox does not answer: %s", type(error).__name__)
        return 0


@contextmanager
def mailbox() -> Iterator[MeshClient]:
    """The configured mailbox, open for a block."""
    told = settings.MESH
    cert = (told["cert"], told["key"]) if told["cert"] else None
    with MeshClient(
        told["url"],
        told["mailbox"],
        told["password"],
        shared_key=told["shared_key"].encode() or None,
        cert=cert,
        verify=told["ca"] or None,
        timeout=30,
    ) as client:
        yield client


def take(client: MeshClient, message: Message) -> bool:
    """Keep a message's content as a run, then acknowledge it; False if left there.

    A message of no known feed stays in the mailbox; the log names it, in fours.
    """
    number = message.id()
    name = (getattr(message, "filename", None) or number).strip()
    workflow = (getattr(message, "workflow_id", None) or "").strip()
    feed = feed_of(name, workflow)
    if feed is None:
        # In fours: the logs mask ten digits in a row, which an id may well have.
        fours = ".".join(number[at : at + 4] for at in range(0, len(number), 4))
        log.warning("message %s (workflow %s) is of no known feed", fours, workflow)
        return False
    key = f"MESH {number}"
    held = Delivery.objects.filter(owner_id=NOBODY, idempotency_key=key).first()
    if held is not None and held.whole_at is None:
        deliveries.forget(held)
        held = None
    if held is None:
        held = deliveries.begin(
            feed=feed,
            file_name=name,
            way=feed_actions.MESH,
            by=f"MESH {getattr(message, 'sender', '')}"[:150],
            owner_id=NOBODY,
            idempotency_key=key,
        )
        while content := message.read(PIECE_BYTES):
            deliveries.append(held, held.bytes_in, content)
    if held.run_id is None:
        feed_actions.receive(held)
    client.acknowledge_message(number)
    return True


def feed_of(name: str, workflow: str) -> str | None:
    """The feed that a message belongs to: by its workflow, else by its file's name."""
    by_workflow = (f for f, spec in FEEDS.items() if workflow in spec.workflows)
    return next(by_workflow, None) or feed_actions.feed_of(name)
