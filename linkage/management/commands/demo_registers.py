"""Begin empty registers with the demonstration's entries; leave others alone."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance import registers
from governance.access import ACCESS
from governance.definitions import load_file
from governance.models import Grant
from governance.registers import actions
from governance.registers.selectors import agreement_for
from governance.registers.specs import SeedSpec
from linkage.definitions import FEEDS
from linkage.opt_outs import actions as opted_out

SEED = Path(registers.__file__).with_name("demo.yaml")


class Command(BaseCommand):
    """Print {"entries": n, "opted_out": n} as JSON. Safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--progress", choices=["json"], default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        seed = load_file(SEED, SeedSpec)
        made = actions.seed(spec=seed, feeds=list(FEEDS), today=today)
        # A demonstration made before there were agreements has grants that name none.
        roles = [n for n, role in ACCESS.granted.items() if role.needs_agreement]
        for grant in Grant.objects.filter(agreement="", role__in=roles):
            grant.agreement = agreement_for(grant.role, today)
            grant.save(update_fields=["agreement"])
        known = opted_out.refresh(now=timezone.now())
        self.stdout.write(json.dumps({"entries": made, "opted_out": known}))
