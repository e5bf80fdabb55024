"""Advice for whoever runs the command is not that for the function."""

from __future__ import annotations

import pytest

from console.credentials import explained, for_operators
from handler.cloud.faults import FAULTS, NO_ANSWER, advice_on
from handler.core.errors import CloudFault
from handler.core.model import Treatment


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_no_advice_speaks_of_the_function(code: str) -> None:
    """Neither of its network nor of its role: the calls are the operator's own."""
    advice = for_operators(advice_on(code, "ecs:AssignPrivateIpAddresses"))
    words = ("the function's", "between the function", "the role", "the function a role")
    assert [] == [word for word in words if word in advice]


def test_an_endpoint_that_does_not_answer() -> None:
    """The network of this machine is to be looked at."""
    fault = CloudFault("fc:InvokeFunction", NO_ANSWER, Treatment.TRANSIENT, "no answer in time")
    assert "Check this machine's network access" in explained(fault)
