"""Fault rules: each kind does what it says, to the calls it is about, as often as it says."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from darabonba.exceptions import UnretryableException
from Tea.exceptions import TeaException

from localcloud.model import AccessKey
from localcloud.samples import ENI, secondary_of
from localcloud.schema import InvalidInput
from localcloud.sdk import COUNT, assign, assign_refusal, call, control, refusal_of
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from localcloud.testing import LocalCloud

WRITE = "AssignPrivateIpAddresses"
READ = "DescribeNetworkInterfaces"
ONE = {COUNT: 1}


def test_error_takes_status_and_message_from_the_table(cloud: LocalCloud) -> None:
    """A rule that gives only a code is answered as documented, once, and changes nothing."""
    cloud.faults([{"action": WRITE, "fault": "error", "code": "OperationConflict"}])

    assert assign_refusal(cloud, ONE) == (409, "OperationConflict")
    assert assign(cloud, ONE) == ["10.0.0.3"]
    assert [row["fault"] for row in cloud.calls(WRITE)] == ["error", None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"code": "Made.Up"}, (400, "Made.Up")),
        ({"code": "Made.Up", "status": 503}, (503, "Made.Up")),
        ({"code": "InternalError"}, (500, "InternalError")),
        ({"code": "Throttling.User", "status": 429}, (429, "Throttling.User")),
    ],
    ids=str,
)
def test_error_with_a_status_of_its_own(
    cloud: LocalCloud, rule: dict[str, Any], expected: tuple[int, str]
) -> None:
    """The rule's status wins over the table's; a code nobody knows is a 400."""
    cloud.faults([{"action": "*", "fault": "error", **rule}])

    assert refusal_of(cloud, READ) == expected


def test_no_reply_performs_the_call(cloud: LocalCloud) -> None:
    """The reply is lost and the effect is not; the same token finds the answer."""
    cloud.faults([{"action": WRITE, "fault": "no_reply"}])
    asked = {**ONE, "ClientToken": "t"}

    with pytest.raises(UnretryableException):
        assign(cloud, asked)

    assert secondary_of(cloud.state()) == ["10.0.0.3"]
    assert assign(cloud, asked) == ["10.0.0.3"]
    assert [row["answered"] for row in cloud.calls(WRITE)] == [False, True]


def test_reset_before_performs_nothing(cloud: LocalCloud) -> None:
    """The connection is closed before anything happened."""
    cloud.faults([{"action": WRITE, "fault": "reset_before"}])

    with pytest.raises(UnretryableException):
        assign(cloud, ONE)

    assert secondary_of(cloud.state()) == []
    assert cloud.calls(WRITE)[0]["status"] is None


def test_http_answers_what_a_broken_gateway_would(cloud: LocalCloud) -> None:
    """Status and body are sent as they are, JSON or not."""
    cloud.faults([{"action": READ, "fault": "http", "status": 502, "body": "<h1>Bad Gateway</h1>"}])

    with pytest.raises(TeaException):
        call(cloud, READ)

    assert cloud.calls()[0]["status"] == 502


def test_slow_answers_late_and_right(cloud: LocalCloud) -> None:
    """A slow call takes its time, and others are served meanwhile."""
    cloud.faults([{"action": WRITE, "fault": "slow", "seconds": 0.2}])
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(assign, cloud, ONE)
        call(cloud, READ)
        quick = time.monotonic() - start
        added = slow.result()

    assert added == ["10.0.0.3"]
    assert quick < 0.2 <= time.monotonic() - start


def test_a_slow_call_keeps_others_from_its_eni(cloud: LocalCloud) -> None:
    """Two tasks on one ENI conflict; another ENI is not concerned."""
    cloud.faults([{"action": WRITE, "fault": "slow", "seconds": 0.3}])
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(assign, cloud, ONE)
        cloud.wait_for_call()
        refused = assign_refusal(cloud, ONE)
        elsewhere = assign(cloud, ONE, "eni-p")
        added = slow.result()

    assert refused == (403, "Operation.Conflict")
    assert elsewhere == ["10.0.0.3"]
    assert added == ["10.0.0.4"]
    assert assign(cloud, ONE) == ["10.0.0.5"]


def test_where_compares_as_text_and_times_counts(cloud: LocalCloud) -> None:
    """A rule is about the calls whose parameters it names, and is used up by them alone."""
    rule = {"action": WRITE, "fault": "error", "code": "InternalError", "times": 2}
    cloud.faults([{**rule, "where": {COUNT: 2}}])

    assert len(assign(cloud, ONE)) == 1
    assert assign_refusal(cloud, {COUNT: 2}).code == "InternalError"
    assert assign_refusal(cloud, {COUNT: "2"}).code == "InternalError"
    assert len(assign(cloud, {COUNT: 2})) == 2


def test_the_first_rule_that_matches_applies(cloud: LocalCloud) -> None:
    """Rules are tried in their order; one used up makes room for the next."""
    cloud.faults(
        [
            {"action": READ, "fault": "error", "code": "First"},
            {"action": "*", "fault": "error", "code": "Second"},
            {"action": READ, "fault": "error", "code": "Third"},
        ]
    )

    assert [refusal_of(cloud, READ).code for _ in range(3)] == ["First", "Second", "Third"]
    assert call(cloud, READ)["TotalCount"] == 2


def test_unsigned_calls_use_up_no_rule(cloud: LocalCloud) -> None:
    """Faults come after the signature."""
    cloud.faults([{"action": "*", "fault": "error", "code": "InternalError"}])

    unsigned = AccessKey(DEFAULT_KEY.id, "wrong")

    assert refusal_of(cloud, READ, key=unsigned).code == "SignatureDoesNotMatch"
    assert refusal_of(cloud, READ).code == "InternalError"


BAD_RULES: list[tuple[Any, str]] = [
    ({}, "faults: must be a list"),
    ([{"action": READ, "fault": "explode"}], "faults[0].fault: must be one of"),
    ([{"fault": "error", "code": "X"}], "faults[0].action: is required"),
    ([{"action": READ, "fault": "error"}], "faults[0].code: must be a string"),
    ([{"action": "Nothing", "fault": "no_reply"}], "faults[0].action: Nothing is not served"),
    ([{"action": READ, "fault": "slow"}], "faults[0].seconds: must be a number"),
    ([{"action": READ, "fault": "slow", "seconds": -1}], "faults[0].seconds: must be between"),
    ([{"action": READ, "fault": "slow", "seconds": 1, "times": 0}], "faults[0].times: must be"),
    ([{"action": WRITE, "fault": "stale", "seconds": 1}], "faults[0].action: AssignPrivateIp"),
    ([{"action": READ, "fault": "no_reply", "code": "X"}], "faults[0].code: a no_reply fault"),
    ([{"action": READ, "fault": "no_reply", "where": {"A": True}}], "faults[0].where.A: must be"),
    ([{"action": READ, "fault": "no_reply", "who": "me"}], "faults[0].who: unknown field"),
]


@pytest.mark.parametrize(("rules", "complaint"), BAD_RULES, ids=[text for _, text in BAD_RULES])
def test_bad_rules_are_refused_and_the_old_ones_stay(
    cloud: LocalCloud, rules: object, complaint: str
) -> None:
    """The complaint names the field, with 400, and nothing is replaced."""
    cloud.faults([{"action": READ, "fault": "error", "code": "Old"}])

    status, answer = control(cloud, "faults", rules)

    assert status == 400
    assert answer["error"].startswith(complaint)
    assert refusal_of(cloud, READ).code == "Old"


def test_bad_rules_are_refused_in_python_too(cloud: LocalCloud) -> None:
    """What the endpoint refuses with 400, the method refuses with InvalidInput."""
    with pytest.raises(InvalidInput, match=r"faults\[0\].action: is required"):
        cloud.faults([{"fault": "no_reply"}])


def test_a_stale_rule_leaves_writes_alone(cloud: LocalCloud) -> None:
    """A stale rule for every action waits for a read."""
    cloud.faults([{"action": "*", "fault": "stale", "seconds": 60}])

    assign(cloud, ONE)
    stale = call(cloud, READ, {"NetworkInterfaceId": [ENI]})
    fresh = call(cloud, READ, {"NetworkInterfaceId": [ENI]})

    shown = [
        len(
            answer["NetworkInterfaceSets"]["NetworkInterfaceSet"][0]["PrivateIpSets"][
                "PrivateIpSet"
            ]
        )
        for answer in (stale, fresh)
    ]
    assert shown == [1, 2]
