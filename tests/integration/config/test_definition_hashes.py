"""What a release keeps of its definitions; codelists may have changed in the store."""

import pytest

from config.schedule import DEFINITIONS
from linkage.release.stages import definition_hashes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_a_release_records_every_kind_of_definition(kind):
    found = {n: v for n, v in definition_hashes().items() if n.startswith(f"{kind}/")}
    assert found
    assert all(len(value) == 64 for value in found.values())
