"""What must stand before anybody may ask: agreements, and a fresh opt-out status."""

from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from governance.registers.models import OptOutSet


def agreed() -> None:
    """As the worker: the demonstration's registers, and opt-outs as received today.

    No files come in such a benchmark, so that their status is stated, not loaded.
    """
    call_command("demo_registers", stdout=StringIO())
    OptOutSet.objects.update(status_at=timezone.now())
