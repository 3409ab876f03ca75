"""What an account may work as today: each role at each place for each purpose."""

from dataclasses import dataclass

from django.utils import timezone

from governance import access
from governance.access import ACCESS
from governance.models import Grant, User


@dataclass(frozen=True)
class Choice:
    """One role at one place for one purpose."""

    grant: Grant
    purpose: str

    @property
    def value(self) -> str:
        return f"{self.grant.pk}:{self.purpose}"

    @property
    def words(self) -> str:
        role = ACCESS.roles[self.grant.role].title
        purpose = ACCESS.purposes[self.purpose]
        return f"{role}, {self.grant.org.name}: {purpose.title}"

    @property
    def hint(self) -> str:
        return ACCESS.uses[ACCESS.purposes[self.purpose].use].explains


def choices(user: User) -> list[Choice]:
    """Everything that an account may work as today, the oldest grant first."""
    today = timezone.localdate()
    return [
        Choice(grant, purpose)
        for grant in access.live_grants(user, today)
        if grant.role in ACCESS.granted
        for purpose in access.open_purposes(grant, today)
    ]
