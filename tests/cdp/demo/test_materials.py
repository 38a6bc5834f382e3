"""Materials of the demo workspace."""

from __future__ import annotations

import pytest

from cdp.demo import materials
from marketing.materials.models import Material
from tests.factories import make_access


@pytest.mark.django_db
def test_ten_materials_are_made_once() -> None:
    access = make_access()
    for _run in range(2):
        materials.load(access)
        assert Material.objects.count() == 10
    assert Material.objects.filter(kind="lottie").count() == 2
    assert Material.objects.filter(shared=True).count() == len(materials.SHARED)
    assert not Material.objects.filter(tags=None).exists()
