"""Fixtures of the local cloud's own tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcloud import samples
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK ask for the time in a way that Python 3.12 and later warn about."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(
                pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
            )


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """A local cloud with the plain sample world."""
    with LocalCloud(samples.world()) as running:
        yield running
