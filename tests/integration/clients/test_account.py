"""The same scenario on a real account, and that it leaves nothing behind wherever it is played.

``ALIYUN_VERIFY=1`` with ``ALIYUN_VERIFY_REGION``, ``ALIYUN_VERIFY_ENI`` (one with two free slots
that nothing else changes) and the usual ``ALIBABA_CLOUD_ACCESS_KEY_ID``,
``ALIBABA_CLOUD_ACCESS_KEY_SECRET`` and, if temporary, ``ALIBABA_CLOUD_SECURITY_TOKEN``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from Tea.exceptions import TeaException

from localcloud.clock import ManualClock
from localcloud.samples import eni, instance, secondary_of, world
from localcloud.sdk import COUNT, assign, call
from localcloud.testing import LocalCloud
from tests.integration.clients.account import NotGivenBack, verify
from tests.integration.clients.client import CLIENTS, Target
from tests.integration.clients.conftest import REGION, target

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from tests.integration.clients.client import Client

REAL = os.environ.get("ALIYUN_VERIFY") == "1"


@pytest.mark.skipif(not REAL, reason="ALIYUN_VERIFY=1 is not set: no real account is called")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_real_account(name: str, connect: Callable[[str, Target], Client]) -> None:
    """The real cloud answers the safe steps as the local one does."""
    region = os.environ["ALIYUN_VERIFY_REGION"]
    where = Target(
        endpoint=f"ecs.{region}.aliyuncs.com",
        region=region,
        key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        token=os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        protocol="HTTPS",
    )

    assert verify(lambda: connect(name, where), region, os.environ["ALIYUN_VERIFY_ENI"]) == []


HELD = ["10.0.0.50", "10.0.0.51"]
WORLD = world(instances=[instance(enis=[eni("eni-p", "Primary"), eni(secondary=HELD)])])


def test_it_leaves_an_eni_as_it_was(connect: Callable[[str, Target], Client]) -> None:
    """On an ENI that holds something, the same is held afterwards."""
    with LocalCloud(WORLD) as cloud:
        where = target(cloud.address)
        found = verify(lambda: connect("current", where), REGION, "eni-a")

    assert found == []
    assert secondary_of(cloud.state()) == HELD


@pytest.mark.parametrize("calls", range(1, 12))
@pytest.mark.parametrize("answered", [True, False])
def test_it_takes_back_what_it_assigned_when_it_fails(calls: int, answered: bool) -> None:
    """Wherever a client is lost, with or without an answer, nothing of it stays on the ENI."""
    with LocalCloud(WORLD) as cloud:
        clients = iter([Direct(cloud), Tiring(cloud, calls, answered=answered), Direct(cloud)])
        with pytest.raises(ChildProcessError):
            verify(lambda: next(clients), REGION, "eni-a")

    assert secondary_of(cloud.state()) == HELD


@pytest.mark.parametrize("seconds", [2, 20])
def test_reads_that_lag_are_made_again(seconds: int) -> None:
    """A read that does not show yet what was written is no departure, and nothing stays."""
    clock = ManualClock()
    with LocalCloud({**WORLD, "read_lag_seconds": seconds}, clock=clock) as cloud:
        found = verify(lambda: Direct(cloud), REGION, "eni-a", sleep=clock.advance)

    assert found == []
    assert secondary_of(cloud.state()) == HELD


def test_it_says_what_it_cannot_take_back() -> None:
    """Addresses are left alone if it was somebody else who assigned them."""
    with LocalCloud(WORLD) as cloud, pytest.raises(NotGivenBack, match=r"still holds 10\.0\.0\.3"):
        verify(lambda: Meddling(cloud), REGION, "eni-a", sleep=lambda _: None)


class Direct:
    """A client without a process of its own."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def perform(self, action: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a call."""
        try:
            answer = call(self.cloud, action, params)
        except TeaException as error:
            return {"status": error.status_code, "code": error.code, "answer": error.data}
        return {"status": 200, "code": None, "answer": answer}


class Tiring(Direct):
    """A client that is lost after some calls, or during the last of them."""

    def __init__(self, cloud: LocalCloud, calls: int, *, answered: bool) -> None:
        super().__init__(cloud)
        self._left = calls
        self._answered = answered

    def perform(self, action: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a call if any is left."""
        if self._answered and not self._left:
            raise ChildProcessError(action)
        entry = super().perform(action, params)
        self._left -= 1
        if not (self._answered or self._left):
            raise ChildProcessError(action)
        return entry


class Meddling(Direct):
    """A client beside which somebody else assigns an address."""

    def __enter__(self) -> Self:
        if len(self.cloud.calls()) == 1:
            assign(self.cloud, {COUNT: 1})
        return self
