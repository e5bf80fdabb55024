"""Fixtures of the tests of Function Compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import SHORT_MINUTE, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """A local cloud with the sample function in both generations."""
    with LocalCloud(world(), minute=SHORT_MINUTE) as running:
        yield running
