"""Whatever is called in whatever order, a ClientToken stands for one request and one outcome."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localcloud.clock import ManualClock
from localcloud.model import SECURITY_GROUP
from localcloud.products import ECS
from localcloud.samples import TYPE, eni, instance, vswitch, world
from localcloud.sdk import COUNT, REGION
from localcloud.service import Service
from localcloud.signing import older_parameters, older_query
from localcloud.wire import read_request
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_SECONDS = 100
WORLD = world(
    vswitches=[vswitch(cidr="10.0.0.0/27")],
    instances=[instance(enis=[eni("eni-p", "Primary"), eni()])],
    token_seconds=TOKEN_SECONDS,
)
PLACE = {"VSwitchId": "vsw-a", "SecurityGroupId": SECURITY_GROUP}
ASKS = st.sampled_from(
    [
        ("AssignPrivateIpAddresses", {"NetworkInterfaceId": "eni-a", COUNT: "1"}),
        ("AssignPrivateIpAddresses", {"NetworkInterfaceId": "eni-a", COUNT: "2"}),
        ("AssignPrivateIpAddresses", {"NetworkInterfaceId": "eni-p", COUNT: "1"}),
        ("AssignPrivateIpAddresses", {"NetworkInterfaceId": "eni-a", COUNT: "20"}),
        ("CreateNetworkInterface", PLACE),
        ("CreateNetworkInterface", {**PLACE, COUNT: "3"}),
        ("RunInstances", {**PLACE, "ImageId": "an-image", "InstanceType": TYPE}),
    ]
)
TOKENS = st.sampled_from(["a", "b", "c"])


class Answer(NamedTuple):
    """What a call was answered; of a refusal, only its code."""

    code: str | None
    body: dict[str, Any]


class Caller:
    """Calls a service without a network between."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.service = Service(WORLD, clock=self.clock)

    def call(self, action: str, parameters: Mapping[str, str]) -> Answer:
        """Make a signed call."""
        sent = {"RegionId": REGION, "Format": "JSON", **parameters}
        signed = older_parameters(ECS, action, sent, DEFAULT_KEY, self.clock.now())
        query = older_query(signed, DEFAULT_KEY.secret)
        reply = asyncio.run(self.service.serve(read_request("POST", f"/?{query}", {}, b"")))
        body: dict[str, Any] = json.loads(reply.body)
        del body["RequestId"]
        return Answer(reply.code, {} if reply.code else body)

    def state(self) -> object:
        """Return all that there is."""
        return self.service.run.state()


class Outcome(NamedTuple):
    """What became of a token."""

    asked: Mapping[str, str]
    answer: Answer
    until: float


class Tokens(RuleBasedStateMachine):
    """Requests with few tokens, so that these meet again and again."""

    @initialize()
    def begin(self) -> None:
        """Start from the same world, with no token known."""
        self.caller = Caller()
        self.known: dict[tuple[str, str], Outcome] = {}

    @rule(ask=ASKS, token=TOKENS)
    def call(self, ask: tuple[str, Mapping[str, str]], token: str) -> None:
        """Perform a request whose token is new; repeat the outcome of one that is known."""
        action, asked = ask
        now = self.caller.clock.now()
        known = self.known.get((action, token))
        before = self.caller.state()
        answer = self.caller.call(action, {**asked, "ClientToken": token})
        if known is not None and now < known.until:
            mismatch = Answer("IdempotentParameterMismatch", {})
            assert answer == (known.answer if asked == known.asked else mismatch)
            assert self.caller.state() == before
        elif answer.code is None:
            assert self.caller.state() != before
            self.known[action, token] = Outcome(asked, answer, now + TOKEN_SECONDS)
        else:
            assert self.caller.state() == before

    @rule(ask=ASKS)
    def call_without(self, ask: tuple[str, Mapping[str, str]]) -> None:
        """Without a token, the same request is performed again or refused."""
        before = self.caller.state()
        answer = self.caller.call(*ask)
        assert (self.caller.state() == before) == (answer.code is not None)

    @rule(seconds=st.sampled_from([1, 50, TOKEN_SECONDS]))
    def wait(self, seconds: int) -> None:
        """Let tokens grow old."""
        self.caller.clock.advance(seconds)

    @invariant()
    def every_call_is_noted(self) -> None:
        """The journal has each call once, with the code that was answered."""
        rows = self.caller.service.run.journal.rows()
        assert all((row["status"] == 200) == (row["code"] is None) for row in rows)
        assert len({row["request_id"] for row in rows}) == len(rows)


Tokens.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestTokens = Tokens.TestCase


@settings(max_examples=60)
@given(ask=ASKS, name=st.text(min_size=1, max_size=12), value=st.text(max_size=12))
def test_any_other_parameter_is_refused(
    ask: tuple[str, Mapping[str, str]], name: str, value: str
) -> None:
    """Whatever its name, a parameter that the action does not have changes nothing."""
    caller = Caller()
    before = caller.state()
    answer = caller.call(ask[0], {**ask[1], f"X{name}": value})

    assert answer.code == "UnsupportedParameter"
    assert caller.state() == before
