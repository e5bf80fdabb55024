"""Every error code of AssignPrivateIpAddresses, injected, ends with its treatment on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from handler.core.errors import NotPermitted, Retryable
from handler.core.protocol import TAKEN
from tests.stage import Delivered, Stage
from tests.worlds import hook_event, instance, world

PAGE = Path(__file__).parents[2] / "localcloud/data/assign-errors.json"
SETTINGS = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "4", "VISIBILITY_SECONDS": "10"}


class Row(NamedTuple):
    """An error as the cloud answers it."""

    status: int
    code: str
    message: str = "no"


ROWS = [Row(*row) for row in json.loads(PAGE.read_text())["errors"]]


class End(NamedTuple):
    """How an ENI ends, and with how many calls under how many tokens; None: not counted."""

    outcome: str
    reason: str
    calls: int | None
    tokens: int


# What one refusal leads to, by the treatment of its code: mostly, the next call succeeds.
ONCE = {
    "transient": End("assigned", "reached", 2, 1),
    "wait": End("assigned", "reached", 2, 1),
    "exhausted": End("assigned", "reached", 2, 1),
    "full": End("assigned", "reached", 2, 1),
    "gone": End("assigned", "reached", 2, 1),
    "rejected": End("failed", "refused", 1, 1),
    "foreign": End("skipped", "service_managed", 1, 1),
}
# What a refusal that does not end leads to: for want of room, 8 are asked for three times, then 4,
# 2 and 1. Undecided ends leave the hook waiting.
ALWAYS = {
    "transient": End("deferred", "transient", 8, 1),
    "wait": End("deferred", "not_ready", None, 1),
    "exhausted": End("short", "vswitch", 6, 2),
    "full": End("short", "quota", 6, 2),
    "gone": End("deferred", "not_ready", None, 1),
    "rejected": End("failed", "refused", 1, 1),
    "foreign": End("skipped", "service_managed", 1, 1),
}
# By hand from the reference page's table: what is not named here is permanent.
TREATMENTS = {
    "Throttling": "transient",
    "Operation.Conflict": "transient",
    "InvalidOperation.InvalidEcsState": "wait",
    "InvalidOperation.InvalidEniState": "wait",
    "IncorrectVSwitchStatus": "wait",
    "QuotaExceeded.PrivateIpAddress": "exhausted",
    "InvalidVSwitchId.IpNotEnough": "exhausted",
    "InvalidVSwitchId.IpPrefixNotEnough": "exhausted",
    "InvalidOperation.EniServiceManaged": "foreign",
    "InvalidOperation.InvalidEniType": "foreign",
    "MaxEniPrivateIpsCountExceeded": "full",
    "InvalidOperation.Ipv4CountExceeded": "full",
    "InvalidEcsId.NotFound": "gone",
    "InvalidEniId.NotFound": "gone",
    "InvalidInstanceId.NotFound": "gone",
}


def refused_with(row: Row, times: int) -> tuple[Stage, Delivered]:
    """A launch whose writes are refused so many times."""
    rule = {
        "action": "AssignPrivateIpAddresses",
        "fault": "error",
        "code": row.code,
        "status": row.status,
        "message": row.message,
        "times": times,
    }
    with Stage(world(instance("a")), SETTINGS, [rule]) as stage:
        return stage, stage.deliver(hook_event("i-a"))


def end_of(stage: Stage, delivered: Delivered, *, counted: bool) -> End:
    """What the records and the cloud's journal say."""
    record = delivered.enis["eni-a"]
    tokens = [write["ClientToken"] for write in stage.writes()]
    calls = len(tokens) if counted else None
    return End(record["outcome"], record["reason"], calls, len(set(tokens)))


def ids(row: Row) -> str:
    """A readable test id; two codes stand twice in the table."""
    return f"{row.status}-{row.code}"


def test_all_rows_of_the_page_are_here() -> None:
    """The reference page lists 54 rows."""
    assert 54 == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_one_refusal_gets_its_treatment(row: Row) -> None:
    """Once refused: asked again with the same token where that can help, else reported once."""
    treatment = TREATMENTS.get(row.code, "rejected")
    stage, delivered = refused_with(row, times=1)
    assert ONCE[treatment] == end_of(stage, delivered, counted=True)
    told = delivered.of("api_error")[0]
    assert (row.code, treatment) == (told["code"], told["treatment"])
    if treatment == "rejected":
        record = delivered.enis["eni-a"]
        chosen = record["advice"].startswith("Nothing: ECS chose")  # nobody named an address
        assert (row.code, row.code in TAKEN) == (record["code"], chosen)
        assert chosen or told["advice"] == record["advice"]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_refusal_that_does_not_end_gets_its_treatment(row: Row) -> None:
    """Refused for ever: bounded tries, the code in the record, and undecided is raised."""
    treatment = TREATMENTS.get(row.code, "rejected")
    stage, delivered = refused_with(row, times=1000)
    expected = ALWAYS[treatment]
    if row.code == "Throttling":
        expected = End("deferred", "out_of_time", None, 1)
    counted = expected.calls is not None
    assert expected == end_of(stage, delivered, counted=counted)
    assert (expected.outcome == "deferred") == isinstance(delivered.error, Retryable)
    if expected.outcome != "deferred":
        assert row.code == delivered.enis["eni-a"]["code"]
    assert {"eni-a": 0} == stage.held()


CREDENTIALS = [
    (403, "Forbidden.RAM"),
    (403, "Forbidden.Unauthorized"),
    (404, "InvalidAccessKeyId.NotFound"),
    (400, "InvalidAccessKeyId.Inactive"),
    (400, "InvalidSecurityToken.Malformed"),
    (400, "SignatureDoesNotMatch"),
]


@pytest.mark.parametrize(("status", "code"), CREDENTIALS)
def test_refused_identity_is_raised_on_a_launch(status: int, code: str) -> None:
    """Who we are is refused: recorded, raised, and never an answer to the hook."""
    _, delivered = refused_with(Row(status, code), times=1000)
    assert isinstance(delivered.error, NotPermitted)
    assert ("failed", "not_permitted") == delivered.ends["eni-a"]
    assert code == delivered.enis["eni-a"]["code"]


COMMON_TRANSIENT = [
    (400, "Throttling.User"),
    (400, "Throttling.Api"),
    (400, "Throttling.Something"),
    (500, "InternalError"),
    (503, "ServiceUnavailable"),
    (409, "OperationConflict"),
    (403, "LastTokenProcessing"),
    (403, "IdempotentProcessing"),
    (400, "SignatureNonceUsed"),
    (429, "Something.New"),
    (502, "Something.Else"),
]


@pytest.mark.parametrize(("status", "code"), COMMON_TRANSIENT)
def test_transient_errors_keep_the_token(status: int, code: str) -> None:
    """Whatever became of the call, the same token cannot do it twice."""
    stage, delivered = refused_with(Row(status, code), times=2)
    assert End("assigned", "reached", 3, 1) == end_of(stage, delivered, counted=True)


@pytest.mark.parametrize(
    ("fault", "tokens"),
    [
        ({"fault": "no_reply"}, 1),
        ({"fault": "reset_before"}, 1),
        ({"fault": "http", "status": 502, "body": "<html>Bad Gateway</html>"}, 1),
        ({"fault": "http", "status": 200, "body": "<html>Welcome</html>"}, 1),
        ({"fault": "http", "status": 200, "body": "[]"}, 1),
        ({"fault": "http", "status": 200, "body": '{"RequestId": "R", "Code": "Odd"}'}, 1),
        ({"fault": "http", "status": 200, "body": '{"RequestId": "R"'}, 1),
    ],
)
def test_unusable_answers_are_asked_for_again(fault: dict[str, Any], tokens: int) -> None:
    """No answer, HTML, truncated JSON, an error with status 200: outcome unknown, same token."""
    rule = {"action": "AssignPrivateIpAddresses", "times": 2} | fault
    with Stage(world(instance("a")), SETTINGS, [rule]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("assigned", "reached")} == delivered.ends
        assert {"eni-a": 8} == stage.held()
        assert tokens == len({write["ClientToken"] for write in stage.writes()})


def test_answer_about_another_eni_is_not_believed() -> None:
    """What is confirmed comes from reading the ENI, never from such an answer."""
    body = {
        "RequestId": "R",
        "AssignedPrivateIpAddressesSet": {
            "NetworkInterfaceId": "eni-other",
            "PrivateIpSet": {"PrivateIpAddress": ["10.9.9.9"]},
        },
    }
    rule = {"action": "AssignPrivateIpAddresses", "fault": "http", "status": 200}
    with Stage(world(instance("a")), SETTINGS, [rule | {"body": json.dumps(body)}]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("assigned", "reached")} == delivered.ends
        assert "10.9.9.9" not in delivered.enis["eni-a"]["addresses"]


def test_answer_that_names_no_addresses_is_confirmed_by_reading() -> None:
    """Older regions answer with a RequestId alone: the reading tells what was assigned."""
    rule = {"action": "AssignPrivateIpAddresses", "fault": "http", "status": 200}
    with Stage(world(instance("a")), SETTINGS, [rule | {"body": '{"RequestId": "R"}'}]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        # It was not performed, as when its token is a spent one: it is asked with the next token.
        assert {"eni-a": ("assigned", "reached")} == delivered.ends
        assert {"eni-a": 8} == stage.held()
        assert 2 == len({write["ClientToken"] for write in stage.writes()})
