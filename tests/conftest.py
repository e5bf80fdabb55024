"""What every test stands on: no proxy, Hypothesis profiles, notes of what the function calls."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import permissions
from tests.stage import forget_proxies

if TYPE_CHECKING:
    from collections.abc import Iterator

forget_proxies()
# A shell has a job in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
# A planted defect is to be caught, not explained.
settings.register_profile(
    "mutations",
    parent=settings.get_profile("default"),
    max_examples=400,
    phases=[Phase.generate],
    database=None,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    """Have local clouds note what is called."""
    permissions.begin(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while tests are collected: they live as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of the whole suite if the RAM policy is not what the function calls."""
    if wrong := permissions.finish(session):
        session.config.get_terminal_writer().line("\n" + "\n".join(wrong), red=True)
        session.exitstatus = 1


@pytest.fixture
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For tests with many processes or timeouts of their own: one at a time, of all workers."""
    with (tmp_path_factory.getbasetemp().parent / "undisturbed").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
