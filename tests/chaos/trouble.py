"""What can go wrong, as Hypothesis strategies: worlds, deliveries, faults, people.

A lie about a ClientToken is among it: that another request used it, or that it is burnt, when that
is not so; and tokens that are forgotten before they are used again. The function has nothing else
to hold on to: of the ENI only the quota is then promised, and all the rest holds. Left out are only
answers that name addresses which were never assigned; `test_hostile.py` has those.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from handler.cloud.faults import EXPIRED, FAULTS
from localcloud.catalog import ACTIONS
from localcloud.model import AccessKey
from tests.chaos.audit import ASSIGN, COMPLETE, LIES
from tests.worlds import (
    ACTIVITY,
    GROUP,
    HOOK_ID,
    HOOK_TOKEN,
    REGION,
    VSWITCH,
    eni,
    hook_event,
    instance,
    running_event,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

# The token is as long as those of STS: what shortens a text must not shorten it.
KEY = AccessKey("LTAIchaos", "PLANTED-SECRET-4f1d7a", "PLANTED-TOKEN-" + "90c3be+/=" * 60)
OTHERS_HOOK, OTHERS_TOKEN = "ash-bp1otherhook000001", "1B7F0E55-31C5-4D0E-9C11-0A6B2D9E7F40"
SECRETS = (KEY.secret, KEY.security_token, HOOK_TOKEN, OTHERS_TOKEN)

SETTLE, VISIBILITY = 10.0, 20.0
# Ten addresses per ENI, the primary one included: few enough that quotas are met all the time, and
# enough that most targets could be passed: where the quota stops a write, a defect is not seen.
TYPE, QUANTITY = "ecs.chaos.small", 10
CAPACITIES = {TYPE: QUANTITY - 1, "": 50}
# How long ClientTokens are kept is not documented; it is taken to be longer than reads lag.
TOKEN_SECONDS, SHORT_TOKEN_SECONDS = 3_600.0, 15.0
INSTANCES = ("i-a", "i-b")

ROOMY, TIGHT = "10.0.0.0/24", "10.0.0.0/28"

# Eleven is above the quota; most targets are above what ENIs begin with, so that there is work.
TARGETS = st.sampled_from(["3", "4", "5", "max", "4", "2", "11", "60%", "0"])
# What others write on what is theirs.
MARKS = st.sampled_from([{}] * 9 + [{"creator": "terway"}, {"cilium-eni-index": "1"}])
TAGS = st.sampled_from(["5", "3", "4", "max", "2", "11", "0", "skip", "lots"])


@st.composite
def worlds(draw: st.DrawFn) -> Json:
    """Two instances, three ENIs, one vSwitch that may be too small for all of it; two hooks.

    One of the hooks is somebody else's, and so may an ENI or an instance be. The hook has hours,
    or less time than waiting can take; and the minute may have room for few writes.
    """
    cidr = draw(st.sampled_from([ROOMY, TIGHT]))
    prefixed = cidr == ROOMY and draw(st.booleans())
    held = st.sampled_from([0, 1, 2, 0 if cidr == TIGHT else 3])
    enis = [
        eni("eni-a", draw(held)),
        eni("eni-a-second", draw(held), prefixes=["10.0.0.64/28"] if prefixed else []),
        eni("eni-b", draw(held), tags=draw(MARKS)),
    ]
    action = {
        "hook_id": HOOK_ID,
        "hook_name": "secondary-ips",
        "token": HOOK_TOKEN,
        "scaling_group": GROUP,
        "scaling_activity": ACTIVITY,
        "instance_ids": [*INSTANCES],
        "timeout": draw(st.sampled_from([21_600, 21_600, 21_600, 60])),
        "default_result": "ABANDON",
    }
    others = {"hook_id": OTHERS_HOOK, "hook_name": "register-dns", "token": OTHERS_TOKEN}
    vswitch = {"id": VSWITCH, "cidr": cidr, "zone": "cn-hangzhou-h", "vpc": "vpc-bp1chaos"}
    return {
        "region": REGION,
        "access_keys": [{"id": KEY.id, "secret": KEY.secret, "security_token": KEY.security_token}],
        "instance_types": {TYPE: [3, QUANTITY]},
        "vswitches": [vswitch | ({"reserved_prefixes": ["10.0.0.64/27"]} if cidr == ROOMY else {})],
        "instances": [
            instance("a", *enis[:2], type=TYPE, tags=draw(MARKS)),
            instance("b", *enis[2:], type=TYPE),
        ],
        "lifecycle_actions": [action, action | others],
        "quotas": draw(st.sampled_from([{}, {}, {}, {ASSIGN: 2}])),
        "read_lag_seconds": draw(st.sampled_from([0, 0, 4, SETTLE - 1])),
        "token_seconds": draw(st.sampled_from([TOKEN_SECONDS] * 4 + [SHORT_TOKEN_SECONDS])),
        "remember_failures": draw(st.booleans()),
    }


# --- deliveries -------------------------------------------------------------------------------


def scale_out(ids: Sequence[str]) -> Json:
    """Auto Scaling has finished a scale-out; EventBridge says so."""
    content = {
        "scalingGroupId": GROUP,
        "scalingActivityId": ACTIVITY,
        "instanceIds": json.dumps([*ids]),
    }
    return cloud_event("acs.ess", "ess:ScalingActivity:ScaleOutSuccess", content)


def run_instances(ids: Sequence[str]) -> Json:
    """ActionTrail has seen the call that launched the instances."""
    content = {
        "eventName": "RunInstances",
        "acsRegion": REGION,
        "referencedResources": {"ACS::ECS::Instance": [*ids]},
    }
    return cloud_event("acs.ecs", "ecs:ActionTrail:ApiCall", content)


def cloud_event(source: str, kind: str, content: Json) -> Json:
    """What EventBridge makes of it."""
    return {
        "id": "6f0d6f4e-3b55-4c39-9a40-5f2f4b6f1a05",
        "source": source,
        "specversion": "1.0",
        "type": kind,
        "time": "2026-03-02T09:15:04Z",
        "aliyunregionid": REGION,
        "data": content,
    }


def hook(ids: Sequence[str]) -> Json:
    """The hook of the launch; it always waits for all of its instances."""
    del ids
    return hook_event(*INSTANCES)


def nameless_hook(ids: Sequence[str]) -> Json:
    """The same hook, whose name Auto Scaling must be asked for."""
    event = hook(ids)
    del event["content"]["lifecycleHookName"]
    return event


def others_hook(ids: Sequence[str]) -> Json:
    """A hook that somebody else completes."""
    del ids
    told = {"lifecycleHookId": OTHERS_HOOK, "lifecycleHookName": "register-dns"}
    return hook_event(*INSTANCES, **told, lifecycleActionToken=OTHERS_TOKEN)


def group_hook(ids: Sequence[str]) -> Json:
    """The same hook, which leaves it to Auto Scaling to say for which instances it waits."""
    del ids
    event = hook_event()
    del event["content"]["instanceIds"]
    return event


LAUNCHES = {
    "hook": hook,
    "hook without a name": nameless_hook,
    "hook without ids": group_hook,
    "hook of others": others_hook,
    "state change": lambda ids: running_event(ids[0]),
    "scale-out": scale_out,
    "run instances": run_instances,
}

# Which hook an event is about.
HOOKS = dict.fromkeys(["hook", "hook without a name", "hook without ids"], HOOK_ID)
HOOKS["hook of others"] = OTHERS_HOOK

SELECTORS = st.sampled_from(
    [
        {"instance_ids": [*INSTANCES]},
        {"network_interface_ids": ["eni-a", "eni-a-second", "eni-b"]},
        {"scaling_group_id": GROUP},
        {"vswitch_id": VSWITCH},
        {"all": True},
    ]
)

# What a request may say of an ENI that it names, instead of a target. The addresses are those that
# ECS gives first; of the prefixes, the last one belongs to no reservation.
_FEW = [f"10.0.0.{last}" for last in range(4, 12)]
_CIDRS = ["10.0.0.64/28", "10.0.0.80/28", "10.0.0.96/28"]
WANTS: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(
        st.just("private_ip_addresses"),
        st.lists(st.sampled_from(_FEW), min_size=1, max_size=3, unique=True),
    ),
    st.tuples(st.just("ipv4_prefix_count"), st.sampled_from([1, 2, 3])),
    st.tuples(
        st.just("ipv4_prefixes"),
        st.lists(st.sampled_from(_CIDRS), min_size=1, max_size=2, unique=True),
    ),
)

JUNK: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"null",
            b"[" * 200,
            b'{"backfill": {"all": true, "limit": NaN}}',
            b'{"backfill": {"all": true}, "backfill": {}}',
            json.dumps({"backfil": {"all": True}}).encode(),
            json.dumps({"backfill": {"all": True, "target": "lots"}}).encode(),
            json.dumps(hook_event(*INSTANCES) | {"regionId": "cn-beijing"}).encode(),
            json.dumps(hook_event("i-a;rm")).encode(),
            json.dumps(hook_event(*INSTANCES, lifecycleActionToken=7)).encode(),
            json.dumps(hook_event(*INSTANCES, lifecycleTransition="SCALE_IN")).encode(),
            json.dumps(cloud_event("acs.oss", "oss:Object:Created", {})).encode(),
        ]
    ),
)


# --- people ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What an operator does.

    Attributes:
        action: the API call.
        parameters: its parameters.
        disturbs: the ENI whose addresses or quota it changes.
        keep: of the addresses of that ENI, how many are left to it; None takes none away.
    """

    action: str
    parameters: Json
    disturbs: str = ""
    keep: int | None = None

    def asked(self, held: Sequence[str]) -> Json:
        """The parameters, once it is known what the ENI holds."""
        if self.keep is None:
            return self.parameters
        return self.parameters | {"PrivateIpAddress": [*held[self.keep :]]}


ENIS = st.sampled_from(["eni-a", "eni-a", "eni-a-second", "eni-b"])
_SECOND = {"NetworkInterfaceId": "eni-a-second", "InstanceId": "i-a"}


def _unassign(eni_id: str, keep: int) -> Change:
    asked = {"NetworkInterfaceId": eni_id}
    return Change("UnassignPrivateIpAddresses", asked, eni_id, keep)


def _tag(name: str, tag: str) -> Change:
    kind = "instance" if name.startswith("i-") else "eni"
    tags = [{"Key": "secondary-ips", "Value": tag}]
    return Change("TagResources", {"ResourceType": kind, "ResourceId": [name], "Tag": tags})


_UNASSIGN = st.builds(_unassign, ENIS, st.sampled_from([0, 0, 1, 2]))
_TAG = st.builds(_tag, ENIS | st.sampled_from(INSTANCES), TAGS)
CHANGES = st.one_of(
    _UNASSIGN,
    _UNASSIGN,
    _UNASSIGN,
    _TAG,
    _TAG,
    st.builds(
        lambda what, which: Change(what, {"InstanceId": which}),
        st.sampled_from(["StopInstance", "StartInstance"]),
        st.sampled_from(INSTANCES),
    ),
    st.builds(
        lambda what: Change(what, _SECOND, "eni-a-second"),
        st.sampled_from(["DetachNetworkInterface", "AttachNetworkInterface"]),
    ),
    st.just(Change("DeleteInstance", {"InstanceId": "i-b", "Force": True})),
)


# --- faults -----------------------------------------------------------------------------------

CALLED = (
    *[ASSIGN] * 8,
    *["DescribeNetworkInterfaces"] * 3,
    "DescribeInstances",
    "DescribeInstanceTypes",
    "DescribeVSwitches",
    "DescribeScalingInstances",
    "DescribeLifecycleActions",
    "DescribeLifecycleHooks",
    *[COMPLETE] * 3,
    "RecordLifecycleActionHeartbeat",
    "*",
)
CODES = [
    *(code for code in FAULTS if code not in LIES and code[0].isupper()),
    *[EXPIRED] * 3,
    "Throttling.Other",
    "Odd.Refusal",
]
BODIES = ["", "{", "{}", "[]", "7", "<html><h1>502 Bad Gateway</h1></html>", '{"Code": "Odd"}']


@st.composite
def faults(draw: st.DrawFn) -> Json:
    """One rule of the faults file: any kind, on any action."""
    action = draw(st.sampled_from(CALLED))
    reads = action == "*" or not ACTIONS[action].writes
    kinds = ["error", "error", "http", "no_reply", "no_reply", "no_reply", "reset_before", "slow"]
    kinds += ["stale"] * 3 if reads else ["lie"] if action == ASSIGN else []
    kind = draw(st.sampled_from(kinds))
    rule: Json = {"action": action, "fault": kind, "times": draw(st.sampled_from([1, 1, 2, 9]))}
    if kind == "lie":
        return rule | {"fault": "error", "code": draw(st.sampled_from(sorted(LIES)))}
    if kind == "error":
        rule["code"] = draw(st.sampled_from(CODES))
        if rule["code"] == "Odd.Refusal":
            rule["status"] = draw(st.sampled_from([400, 403, 409, 429, 500, 503]))
    if kind == "http":
        rule["status"] = draw(st.sampled_from([200, 302, 403, 502]))
        rule["body"] = draw(st.sampled_from(BODIES))
    if kind == "slow":
        rule["seconds"] = draw(st.sampled_from([1, 9, 30]))
    if kind == "stale":
        rule["seconds"] = draw(st.sampled_from([1, 5, SETTLE - 1]))
    return rule
