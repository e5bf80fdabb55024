"""Fixtures of the deployment's tests."""

from __future__ import annotations

import os

import pytest

from tests.integration.clients.install import NotInstalled
from tests.integration.deployment import tool


@pytest.fixture(scope="session")
def serverless_devs() -> None:
    """The tool; the test is skipped if it cannot be had here."""
    try:
        tool.command()
    except NotInstalled as error:
        if os.environ.get("CLIENTS_REQUIRED"):
            raise
        pytest.skip(f"Serverless Devs: {error}")
