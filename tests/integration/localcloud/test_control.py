"""What people and tests see and steer: state, journal, reset, and the server's own life."""

from __future__ import annotations

import ast
import json
import threading
from pathlib import Path

import pytest

import localcloud
from localcloud.model import AccessKey
from localcloud.samples import ENI, eni, instance, lifecycle_action, vswitch, world
from localcloud.schema import InvalidInput
from localcloud.sdk import COUNT, assign, assign_refusal, call, control, refusal_of
from localcloud.testing import LocalCloud

PACKAGE = Path(localcloud.__file__).parent
READ = "DescribeNetworkInterfaces"
RICH = world(
    access_keys=[
        {"id": "k", "secret": "very-secret", "security_token": "very-token"},
        {"id": "old", "secret": "very-secret", "status": "Inactive"},
    ],
    vswitches=[
        vswitch(reserved_prefixes=["10.0.0.64/27"]),
        vswitch("vsw-b", "10.0.1.0/24", status="Pending"),
    ],
    instances=[
        instance(
            enis=[
                eni("eni-p", "Primary", tags={"a": "b"}),
                eni(secondary=3, prefixes=["10.0.0.64/28"]),
            ],
            scaling_group="asg-a",
            tags={"team": "web"},
        )
    ],
    enis=[{**eni("eni-free", secondary=["10.0.0.200"], service_managed=True), "name": "spare"}],
    prefixes_supported=True,
    lifecycle_actions=[
        lifecycle_action(),
        lifecycle_action(token="b", status="Timeout"),
        lifecycle_action(token="c", status="Completed", result="ROLLBACK", heartbeats=3),
    ],
    quotas={READ: 100},
    token_seconds=60,
)
KEY = AccessKey("k", "very-secret", "very-token")


def test_state_is_a_world() -> None:
    """What state shows can be loaded, and the cloud is then the same."""
    with LocalCloud(RICH) as cloud:
        asked = {"NetworkInterfaceId": ENI, COUNT: 2}
        call(cloud, "AssignPrivateIpAddresses", asked, key=KEY)
        state = cloud.state()
    with LocalCloud(state) as again:
        assert again.state() == state

    assert state["instances"][0]["enis"][1]["secondary"] == [f"10.0.0.{n}" for n in range(4, 9)]
    assert state["vswitches"][0]["available"] == 252 - 32 - 3 - 6


def test_state_over_http_is_the_same(cloud: LocalCloud) -> None:
    """The endpoint and the method agree."""
    assert control(cloud, "state") == (200, cloud.state())


def test_journal_tells_of_every_call(cloud: LocalCloud) -> None:
    """Answered, refused and unsigned calls are all there, in order, with parameters and code."""
    assign(cloud, {COUNT: 1})
    assign_refusal(cloud, {COUNT: 99})
    refusal_of(cloud, READ, key=AccessKey("LTAIlocalcloud", "wrong"))
    status, rows = control(cloud, "calls")

    assert status == 200
    assert rows == cloud.calls()
    assert [(row["action"], row["status"], row["code"]) for row in rows] == [
        ("AssignPrivateIpAddresses", 200, None),
        ("AssignPrivateIpAddresses", 403, "InvalidOperation.Ipv4CountExceeded"),
        (READ, 400, "SignatureDoesNotMatch"),
    ]
    assert rows[0]["parameters"] == {
        "RegionId": "cn-hangzhou",
        "NetworkInterfaceId": ENI,
        COUNT: "1",
    }
    assert rows[0]["time"] <= rows[1]["time"] <= rows[2]["time"]
    assert [row["product"] for row in rows] == ["Ecs"] * 3
    assert len(cloud.calls(READ)) == 1


@pytest.mark.parametrize("algorithm", ["ACS3-HMAC-SHA256", "v2"])
def test_journal_knows_no_secret(algorithm: str) -> None:
    """Neither secret nor security token nor signature gets into the journal."""
    with LocalCloud(RICH) as cloud:
        call(cloud, READ, key=KEY, algorithm=algorithm)
        text = json.dumps(cloud.calls())

    assert READ in text
    assert not any(word in text for word in ("very-secret", "very-token", "Signature"))


def test_reset_goes_back_to_the_beginning() -> None:
    """World, faults, tokens, quotas and journal are as they were at the start."""
    rule = {"action": "AssignPrivateIpAddresses", "fault": "error", "code": "InternalError"}
    with LocalCloud(world(quotas={READ: 1}), faults=[rule]) as cloud:
        beginning = cloud.state()
        assign_refusal(cloud, {COUNT: 1})
        first = assign(cloud, {COUNT: 1, "ClientToken": "t"})
        call(cloud, READ)
        assert control(cloud, "reset", {})[0] == 200

        assert cloud.state() == beginning
        assert cloud.calls() == []
        assert assign_refusal(cloud, {COUNT: 1}).code == "InternalError"
        assert assign(cloud, {COUNT: 1, "ClientToken": "t"}) == first
        assert call(cloud, READ)["TotalCount"] == 2


def test_many_clouds_come_and_go_without_a_trace() -> None:
    """Servers side by side do not know each other, and leave no threads."""
    before = threading.active_count()
    with LocalCloud(world()) as one, LocalCloud() as other:
        assert one.url != other.url
        assert call(one, READ)["TotalCount"] == 2
        assert call(other, READ)["TotalCount"] == 0
    for _ in range(20):
        with LocalCloud():
            pass

    assert threading.active_count() == before


def test_a_bad_world_never_starts() -> None:
    """The complaint comes before any thread is started."""
    with pytest.raises(InvalidInput, match="region: is required"):
        LocalCloud({})


def test_state_and_journal_outlive_the_server() -> None:
    """After the with block, a test can still look at what happened."""
    with LocalCloud(world()) as cloud:
        assign(cloud, {COUNT: 1})

    assert len(cloud.calls()) == 1
    assert cloud.state()["vswitches"][0]["available"] == 249


def test_the_function_is_never_imported() -> None:
    """The double shares no code, and so no misunderstanding, with what it is used to test."""
    imported = {
        name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imports(node)
    }

    assert not {name for name in imported if name.split(".")[0] in ("handler", "index")}


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
