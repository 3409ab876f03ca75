"""A code that one person added to a codelist and another accepted."""

from django.utils import timezone

from linkage.codebook import actions
from linkage.codebook.in_force import in_force
from linkage.models import CodelistVersion


def add_to_homeless(code: str) -> None:
    """Put a version of the list of inclusion health in force that holds one more."""
    terms = in_force()["homeless"].terms | {code: "Sleeps on sofas"}
    made = actions.propose(
        name="homeless",
        text="code,term\n" + "".join(f'{c},"{term}"\n' for c, term in terms.items()),
        where="homeless.csv",
        why="",
        by="ana",
    )
    # Its effect on people, which a decision waits for, is tried elsewhere.
    CodelistVersion.objects.filter(pk=made.pk).update(
        state="accepted", decided_by="ben", decided_at=timezone.now()
    )
