"""Replies that no cloud should send: each is contained and recorded, nobody ends above a target."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from darabonba.core import DaraCore

from handler.core.errors import Retryable
from localcloud.testing import LocalCloud
from tests.chaos.gate import Reply, Watcher, gate
from tests.chaos.secrets import PLANTED, leaked
from tests.stage import Stage
from tests.worlds import GROUP, eni, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage import Delivered

    Alter = Callable[[Reply], Reply | None]

ASSIGN, ENIS, INSTANCES = (
    "AssignPrivateIpAddresses",
    "DescribeNetworkInterfaces",
    "DescribeInstances",
)
TYPES, VSWITCHES, COMPLETE = (
    "DescribeInstanceTypes",
    "DescribeVSwitches",
    "CompleteLifecycleAction",
)
MEMBERS, ACTIONS = "DescribeScalingInstances", "DescribeLifecycleActions"
EVERY = (ASSIGN, ENIS, INSTANCES, TYPES, VSWITCHES, COMPLETE)
READS = (ENIS, INSTANCES, TYPES, VSWITCHES)

FOUR = {"TARGET_SECONDARY_IPS": "4", "SETTLE_SECONDS": "5", "VISIBILITY_SECONDS": "5"}
WEB = {"tags": {"fleet": "web"}}
LAUNCH = world(instance("a", eni("eni-a", 1), **WEB), instance("b", **WEB))
EVENT = hook_event("i-a", "i-b")
GOOD = {"eni-a": ("assigned", "reached"), "eni-b": ("assigned", "reached")}


def text(status: int, body: str, **headers: str) -> Alter:
    """Another reply altogether."""
    return lambda _reply: Reply(status, body.encode(), headers)


def quoting(status: int, code: str) -> Alter:
    """A refusal whose message repeats what it should not."""
    return text(status, json.dumps({"Code": code, "Message": f"You sent {' and '.join(PLANTED)}."}))


def edited(change: Callable[[dict[str, Any]], object]) -> Alter:
    """The reply with something in its body changed."""

    def alter(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        change(body)
        return Reply(reply.status, json.dumps(body).encode(), reply.headers)

    return alter


def cut(reply: Reply) -> Reply:
    """Half of the body, announced as if it were all."""
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


def broken_off(reply: Reply) -> Reply:
    """Half of the body, and then the connection ends."""
    half = reply.body[: len(reply.body) // 2]
    return Reply(reply.status, half, reply.headers, claims=len(reply.body))


def dripping(reply: Reply) -> Reply:
    """A few bytes at a time."""
    return Reply(reply.status, reply.body, reply.headers, drips=True)


def nothing(_reply: Reply) -> None:
    """The connection ends without a reply."""


def every_value(new: object) -> Alter:
    """Each value of the body replaced, containers included."""

    def change(body: dict[str, Any]) -> None:
        for key in body.keys() - {"RequestId"}:
            body[key] = new

    return edited(change)


def assigned(addresses: list[Any], eni_id: str | None = None) -> Alter:
    """An answer that names these addresses."""

    def change(body: dict[str, Any]) -> None:
        said = body["AssignedPrivateIpAddressesSet"]
        said["PrivateIpSet"]["PrivateIpAddress"] = addresses
        said["NetworkInterfaceId"] = eni_id or said["NetworkInterfaceId"]

    return edited(change)


def row_of_another(body: dict[str, Any]) -> None:
    """Rows of an ENI that nobody asked for."""
    rows = body["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    rows.append({**rows[0], "NetworkInterfaceId": "eni-stranger"})


def hostile() -> dict[str, tuple[str, Alter]]:
    """What is sent instead, and for which operation."""
    html = "<html><body><h1>It works!</h1></body></html>"
    found: dict[str, tuple[str, Alter]] = {}
    for action in EVERY:
        anywhere: dict[str, Alter] = {
            "cut off": cut,
            "broken off": broken_off,
            "no reply": nothing,
            "a proxy's page": text(502, html),
            "a proxy's page, 200": text(200, html, **{"Content-Type": "text/html"}),
            "an error, 200": text(200, '{"Code": "Odd.Refusal", "Message": "no"}'),
            "a refusal that quotes secrets": quoting(400, "Odd.Refusal"),
            "a signature that is quoted": quoting(403, "SignatureDoesNotMatch"),
            "an array": text(200, "[]"),
            "no body": text(200, ""),
            "a thousand levels": text(200, "[" * 100_000),
            "not text": text(200, "\0\x7f\0"),
            "a number too large": text(200, '{"TotalCount": 1e999, "RequestId": NaN}'),
            "numbers for everything": every_value(7),
            "lists for everything": every_value([[]]),
            "texts for everything": every_value("x"),
        }
        found |= {f"{action}: {name}": (action, alter) for name, alter in anywhere.items()}
    found |= {
        f"{ASSIGN}: {name}": (ASSIGN, alter)
        for name, alter in {
            "about another ENI": assigned(["10.0.0.77"], "eni-stranger"),
            "not asked for": assigned(["10.0.0.77", "10.0.0.78", "10.0.0.79"]),
            "more than asked": assigned([f"10.0.0.{n}" for n in range(70, 90)]),
            "fewer than asked": assigned(["10.0.0.77"]),
            "none": assigned([]),
            "no addresses": assigned(["hello", "", "10.0.0.1; drop table"]),
            "numbers": assigned([1, 2.5, None]),
        }.items()
    }
    found[f"{ENIS}: rows nobody asked for"] = (ENIS, edited(row_of_another))
    return found


HOSTILE = hostile()

UNNAMED = hook_event()
del UNNAMED["content"]["instanceIds"]
GROUPED = {"backfill": {"scaling_group_id": GROUP}}
TAGGED = {"backfill": {"tags": {"fleet": "web"}}}
LISTED = {"backfill": {"all": True}}
# What is read of each reply, and for which request: "*" stands for every row.
READ: dict[str, tuple[object, str, list[str]]] = {
    "ENIs": (
        EVENT,
        ENIS,
        [
            f"NetworkInterfaceSets.NetworkInterfaceSet.*.{path}"
            for path in (
                *("NetworkInterfaceId", "Type", "Status", "VSwitchId", "InstanceId", "Tags"),
                *("Attachment.InstanceId", "ServiceManaged", "Tags.Tag", "Ipv4PrefixSets"),
                *("PrivateIpSets", "PrivateIpSets.PrivateIpSet"),
                *("PrivateIpSets.PrivateIpSet.*", "PrivateIpSets.PrivateIpSet.*.Primary"),
                "PrivateIpSets.PrivateIpSet.*.PrivateIpAddress",
            )
        ],
    ),
    "instances": (
        EVENT,
        INSTANCES,
        [
            f"Instances.Instance.*.{path}"
            for path in (
                *("InstanceId", "InstanceType", "Status", "Tags", "NetworkInterfaces"),
                "NetworkInterfaces.NetworkInterface.*.NetworkInterfaceId",
            )
        ],
    ),
    "types": (
        EVENT,
        TYPES,
        [
            "InstanceTypes.InstanceType.*.InstanceTypeId",
            "InstanceTypes.InstanceType.*.EniPrivateIpAddressQuantity",
        ],
    ),
    "vSwitches": (
        EVENT,
        VSWITCHES,
        [
            "VSwitches.VSwitch.*",
            "VSwitches.VSwitch.*.VSwitchId",
            "VSwitches.VSwitch.*.AvailableIpAddressCount",
        ],
    ),
    "scaling instances": (
        GROUPED,
        MEMBERS,
        ["ScalingInstances.*", "ScalingInstances.*.InstanceId", "TotalCount"],
    ),
    "lifecycle actions": (
        UNNAMED,
        ACTIONS,
        [
            *("NextToken", "LifecycleActions.*", "LifecycleActions.*.LifecycleActionToken"),
            *("LifecycleActions.*.InstanceIds", "LifecycleActions.*.InstanceIds.*"),
        ],
    ),
    "pages of ENIs": (LISTED, ENIS, ["NextToken"]),
    "pages of instances": (TAGGED, INSTANCES, ["NextToken", "Instances.Instance.*.Tags.Tag.*"]),
}
ODD: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    7,
    1.5,
    10**30,
    "",
    "x",
    "7",
    "10.0.0.77",
    [],
    [[]],
    {},
    {"x": 1},
)


def put(body: Any, path: list[str], new: object) -> None:
    """Put a value where the path leads, if it leads anywhere."""
    here, *rest = path
    places: dict[Any, Any] = {}
    if here == "*" and isinstance(body, list):
        places = dict(enumerate(body))
    elif isinstance(body, dict) and (here in body or not rest):
        places = {here: body.get(here)}
    for place, held in places.items():
        if rest:
            put(held, rest, new)
        else:
            body[place] = new


def putting(path: str, new: object) -> Alter:
    """Another value where the path leads."""
    return edited(lambda body: put(body, path.split("."), new))


def eni_of_another(body: dict[str, Any]) -> None:
    """An ENI that is there, of an instance that is there, beside those that were asked for."""
    rows = body["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    primary = {"PrivateIpSet": [{"PrivateIpAddress": "10.0.0.250", "Primary": True}]}
    other = {"NetworkInterfaceId": "eni-b", "InstanceId": "i-b", "PrivateIpSets": primary}
    rows += [{**row, **other} for row in rows[:1]]


def another_instance(body: dict[str, Any]) -> None:
    """An instance that is there, with its ENI, beside those that were asked for."""
    rows = body["Instances"]["Instance"]
    enis = {"NetworkInterface": [{"NetworkInterfaceId": "eni-b"}]}
    rows += [{**row, "InstanceId": "i-b", "NetworkInterfaces": enis} for row in rows[:1]]


BESIDE: dict[str, tuple[object, str, Alter]] = {
    "an ENI, of a launch": (hook_event("i-a"), ENIS, edited(eni_of_another)),
    "an ENI, of those named": (
        {"backfill": {"network_interface_ids": ["eni-a"]}},
        ENIS,
        edited(eni_of_another),
    ),
    "an instance, of those named": (
        {"backfill": {"instance_ids": ["i-a", "i-absent"]}},
        INSTANCES,
        edited(another_instance),
    ),
}


class Liar(Watcher):
    """Alters the replies of one operation, so many times."""

    def __init__(self, action: str, alter: Alter, times: int) -> None:
        self._action = action
        self._alter = alter
        self.left = times

    def after(self, action: str, reply: Reply) -> Reply | None:
        """Tell a lie, if it is one of these."""
        if action != self._action or self.left <= 0:
            return reply
        self.left -= 1
        return self._alter(reply)


def contained(delivered: Delivered, stage: Stage) -> None:
    """A result or a `Retryable`, a record of each ENI at most, and nobody above the target."""
    assert isinstance(delivered.error, Retryable | None)
    records = delivered.of("eni_result")
    told = {(each["instance_id"], each["network_interface_id"]) for each in records}
    assert len(told) == len(records) <= 4
    assert 1 == len(delivered.of("run_summary"))
    assert max(stage.held().values()) <= 4
    assert [] == leaked(delivered.everything)


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_reply_is_contained(name: str, times: int) -> None:
    """Once or always: nothing but a result or a `Retryable` comes of it; then all is well again.

    Seen to fail with a random ClientToken, and when an answer is believed without a read.
    """
    action, alter = HOSTILE[name]
    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, Liar(action, alter, times)) as url:
        urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
        contained(stage.deliver(EVENT, stage.another_app(**urls)), stage)
        stage.time.advance(60)
        honest = stage.deliver(EVENT)
        contained(honest, stage)
        assert {"eni-a": 4, "eni-b": 4} == stage.held()
        assert honest.error is None


@pytest.mark.parametrize("new", ODD, ids=repr)
@pytest.mark.parametrize("name", READ)
def test_odd_value_is_contained(name: str, new: object) -> None:
    """Whatever stands in a field that is read, for as long as it is sent.

    Seen to fail when a row without a single primary address was believed.
    """
    event, action, paths = READ[name]
    for path in paths:
        liar = Liar(action, putting(path, new), 100)
        with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, liar) as url:
            urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
            contained(stage.deliver(event, stage.another_app(**urls)), stage)
            assert action in stage.actions()
            stage.time.advance(60)
            honest = stage.deliver(event)
            contained(honest, stage)
            assert {"eni-a": 4, "eni-b": 4} == stage.held(), path
            assert honest.error is None


@pytest.mark.parametrize("new", [True, False, 1.5, [], {}, [["x"]]], ids=repr)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("vSwitches", "VSwitches.VSwitch.*.AvailableIpAddressCount"),
        ("pages of ENIs", "NextToken"),
        ("pages of instances", "NextToken"),
        ("lifecycle actions", "NextToken"),
        ("lifecycle actions", "LifecycleActions.*.LifecycleActionToken"),
        ("lifecycle actions", "LifecycleActions.*.InstanceIds.*"),
        ("scaling instances", "ScalingInstances.*.InstanceId"),
    ],
)
def test_value_of_another_type_is_no_answer(name: str, path: str, new: object) -> None:
    """Neither the end of a listing nor an id nor a count is made of it: the read is made again."""
    event, action, _ = READ[name]
    liar = Liar(action, putting(path, new), 1)
    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, liar) as url:
        urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
        delivered = stage.deliver(event, stage.another_app(**urls))
        assert ["bad_answer"] == [row["code"] for row in delivered.of("api_error")]
        assert GOOD == delivered.ends


@pytest.mark.parametrize("name", BESIDE)
def test_what_nobody_asked_for_is_left_alone(name: str) -> None:
    """Rows beside those that a read asked for by id are no part of the event, whatever they say."""
    event, action, alter = BESIDE[name]
    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, Liar(action, alter, 100)) as url:
        delivered = stage.deliver(event, stage.another_app(ECS_ENDPOINT=url))
        assert ("assigned", "reached") == delivered.ends["eni-a"]
        assert "eni-b" not in delivered.ends
        assert {"eni-a": 4, "eni-b": 0} == stage.held()
        assert delivered.error is None


@pytest.mark.parametrize("action", EVERY)
def test_unreadable_reply_is_recorded(action: str) -> None:
    """The record names the operation, what was wrong with the answer, and what a person can do."""
    liar = Liar(action, text(200, "<html>"), 1)
    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, liar) as url:
        urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
        delivered = stage.deliver(EVENT, stage.another_app(**urls))
        (error,) = delivered.of("api_error")
        assert error["operation"].endswith(f":{action}")
        assert ("bad_answer", "transient") == (error["code"], error["treatment"])
        assert "proxy" in error["advice"]
        assert GOOD == delivered.ends


@pytest.mark.parametrize("what", ["about another ENI", "no addresses", "numbers"])
def test_unusable_answer_is_recorded(what: str) -> None:
    """An answer that cannot be about our call is none, and its call is made again."""
    action, alter = HOSTILE[f"{ASSIGN}: {what}"]
    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, Liar(action, alter, 1)) as url:
        delivered = stage.deliver(EVENT, stage.another_app(ECS_ENDPOINT=url))
        assert ["bad_answer"] == [row["code"] for row in delivered.of("api_error")]
        assert GOOD == delivered.ends
        assert {"eni-a": 4, "eni-b": 4} == stage.held()


def test_dripping_replies_are_waited_for() -> None:
    """Slow is not wrong: every reply comes a few bytes at a time, and all is done."""

    class Dripping(Watcher):
        def after(self, action: str, reply: Reply) -> Reply | None:
            return reply if action in {INSTANCES, TYPES, ENIS} else dripping(reply)

    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, Dripping()) as url:
        urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
        assert GOOD == stage.deliver(EVENT, stage.another_app(**urls)).ends


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("action", [INSTANCES, ASSIGN, COMPLETE])
def test_no_redirect_is_followed(status: int, action: str) -> None:
    """Where a reply points to, nothing is sent: requests carry security token and hook token.

    The SDK keeps sessions by host and port. Those that an earlier test made without the function
    follow redirects, and ports come again.
    """
    DaraCore._sessions.clear()  # noqa: SLF001
    with LocalCloud() as elsewhere, Stage(LAUNCH, FOUR) as stage:
        elsewhere_url = f"{elsewhere.url}/?Action=Trap"
        liar = Liar(action, text(status, "", Location=elsewhere_url), 1)
        with gate(stage.cloud, liar) as url:
            urls = dict.fromkeys(["ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT"], url)
            delivered = stage.deliver(EVENT, stage.another_app(**urls))
        assert 0 == liar.left
        assert [] == elsewhere.calls()
        assert GOOD == delivered.ends


def test_the_trap_would_notice() -> None:
    """What follows a redirect is in the journal of the place that it leads to."""
    with LocalCloud() as elsewhere:
        connection = HTTPConnection(elsewhere.address)
        connection.request("GET", "/?Action=Trap")
        connection.getresponse().read()
        connection.close()
        assert ["Trap"] == [call["action"] for call in elsewhere.calls()]


@pytest.mark.parametrize("action", [ENIS, INSTANCES])
def test_page_without_rows_is_not_the_last(action: str) -> None:
    """Only the token says whether there is more: an empty page with one is followed by others."""
    outer, inner = {
        ENIS: ("NetworkInterfaceSets", "NetworkInterfaceSet"),
        INSTANCES: ("Instances", "Instance"),
    }[action]

    class Hesitant(Watcher):
        """Shows nothing on the first page, and all of it on the second."""

        held_back: list[Reply] | None = None

        def before(self, action_asked: str) -> Reply | None:
            return self.held_back.pop() if action_asked == action and self.held_back else None

        def after(self, action_asked: str, reply: Reply) -> Reply | None:
            if action_asked != action or self.held_back is not None:
                return reply
            self.held_back = [reply]
            body = json.loads(reply.body)
            body[outer][inner], body["NextToken"] = [], "more"
            return Reply(reply.status, json.dumps(body).encode(), reply.headers)

    with Stage(LAUNCH, FOUR) as stage, gate(stage.cloud, Hesitant()) as url:
        app = stage.another_app(ECS_ENDPOINT=url)
        delivered = stage.deliver({"backfill": {"all": True}}, app)
        assert GOOD == delivered.ends
        assert [] == delivered.of("api_error")
