"""RAM, STS, MNS and Auto Scaling: rows of the document, by the names of their actions.

Actions, parameters and codes: the pages of each action in https://api.aliyun.com, versions
2015-05-01 (RAM), 2015-04-01 (STS), 2022-01-19 (MNS) and 2022-02-22 (Auto Scaling).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

STS, RAM, MNS, ESS = "2015-04-01", "2015-05-01", "2022-01-19", "2022-02-22"
# By version: the prefix of RAM's actions, and the code of a refusal for want of permission.
SERVICES = {
    STS: ("sts", "NoPermission"),
    RAM: ("ram", "NoPermission"),
    MNS: ("mns", "AccessDenied"),
    ESS: ("ess", "Forbidden.RAM"),
    "2014-05-26": ("ecs", "Forbidden.RAM"),
    "2016-04-28": ("vpc", "Forbidden.RAM"),
}
# Per version and action: the parameters that must, and that may be there.
ACTIONS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    (STS, "GetCallerIdentity"): (set(), set()),
    (RAM, "GetRole"): ({"RoleName"}, set()),
    (RAM, "GetPolicy"): ({"PolicyName", "PolicyType"}, set()),
    (RAM, "ListPoliciesForRole"): ({"RoleName"}, set()),
    (MNS, "GetTopicAttributes"): ({"TopicName"}, set()),
    (MNS, "GetQueueAttributes"): ({"QueueName"}, set()),
    (ESS, "DescribeScalingGroups"): ({"RegionId"}, {"PageNumber", "PageSize"}),
    (ESS, "DescribeLifecycleHooks"): (
        {"RegionId", "ScalingGroupId"},
        {"PageNumber", "PageSize"},
    ),
}
# The largest and the usual PageSize of Auto Scaling's listings.
MOST, USUAL = 50, 10


def answer(document: Json, version: str, action: str, given: Mapping[str, str]) -> Json:
    """What one action answers. Raises `ApiError`."""
    if (version, action) not in ACTIONS:
        raise ApiError(404, "InvalidAction.NotFound", f"{action} of {version}")
    must, may = ACTIONS[version, action]
    if must - set(given) or set(given) - must - may:
        raise ApiError(400, "InvalidParameter", f"{action} with {sorted(given)}")
    found: Json = _PERFORM[action](document, given)
    return {"RequestId": "req-account", **found}


def _identity(document: Json, _given: Mapping[str, str]) -> Json:
    return {"AccountId": document["account"]}


def _role(document: Json, given: Mapping[str, str]) -> Json:
    trust = known(document["roles"], given["RoleName"], "EntityNotExist.Role")
    row = {"RoleName": given["RoleName"], "AssumeRolePolicyDocument": json.dumps(trust)}
    return {"Role": row}


def _policy(document: Json, given: Mapping[str, str]) -> Json:
    found = known(document["policies"], given["PolicyName"], "EntityNotExist.Policy")
    shown = {"PolicyDocument": json.dumps(found), "IsDefaultVersion": True}
    return {"Policy": {"PolicyName": given["PolicyName"]}, "DefaultPolicyVersion": shown}


def _attached(document: Json, given: Mapping[str, str]) -> Json:
    known(document["roles"], given["RoleName"], "EntityNotExist.Role")
    rows = [
        {"PolicyName": name, "PolicyType": kind}
        for kind, name in document["attached"].get(given["RoleName"], [])
    ]
    return {"Policies": {"Policy": rows}}


def _topic(document: Json, given: Mapping[str, str]) -> Json:
    return _data(known(document["topics"], given["TopicName"], "TopicNotExist"))


def _queue(document: Json, given: Mapping[str, str]) -> Json:
    return _data(known(document["queues"], given["QueueName"], "QueueNotExist"))


def _data(found: Json) -> Json:
    return {"Code": 200, "Success": True, "Status": "Success", "Message": "", "Data": found}


def _groups(document: Json, given: Mapping[str, str]) -> Json:
    return _page("ScalingGroups", document["scaling_groups"], given)


def _hooks(document: Json, given: Mapping[str, str]) -> Json:
    group = given["ScalingGroupId"]
    if group not in {row["ScalingGroupId"] for row in document["scaling_groups"]}:
        raise ApiError(404, "InvalidScalingGroupId.NotFound", group)
    rows = [row for row in document["lifecycle_hooks"] if row["ScalingGroupId"] == group]
    return _page("LifecycleHooks", rows, given)


def _page(name: str, rows: list[Json], given: Mapping[str, str]) -> Json:
    number, size = int(given.get("PageNumber", 1)), int(given.get("PageSize", USUAL))
    if not 1 <= size <= MOST or number < 1:
        raise ApiError(400, "InvalidParameter", f"PageSize {size}, PageNumber {number}")
    start = (number - 1) * size
    page = {"TotalCount": len(rows), "PageNumber": number, "PageSize": size}
    return {**page, name: rows[start : start + size]}


def known(entries: Mapping[str, Any], name: str, code: str) -> Any:
    """An entry of the document; raise `ApiError` with a code if there is none."""
    if name not in entries:
        raise ApiError(404, code, f"{name} does not exist")
    return entries[name]


_PERFORM = {
    "GetCallerIdentity": _identity,
    "GetRole": _role,
    "GetPolicy": _policy,
    "ListPoliciesForRole": _attached,
    "GetTopicAttributes": _topic,
    "GetQueueAttributes": _queue,
    "DescribeScalingGroups": _groups,
    "DescribeLifecycleHooks": _hooks,
}
