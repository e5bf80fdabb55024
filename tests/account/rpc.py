"""RAM, MNS and STS: the RPC style, signed as ECS is.

Actions, parameters and codes: the pages of each action in https://api.aliyun.com, versions
2015-05-01 (RAM), 2022-01-19 (MNS) and 2015-04-01 (STS).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.clock import SystemClock
from localcloud.errors import ApiError
from localcloud.keys import KeyRing
from localcloud.signature import Gatekeeper
from localcloud.wire import read_request
from localcloud.world import DEFAULT_KEY
from tests.account import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

Body = dict[str, Any]

ROLES, MESSAGES, WHO = "2015-05-01", "2022-01-19", "2015-04-01"
ACCOUNT = "1690700000000030"
# Per version and action: the parameters that must, and that may be there.
ACTIONS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    (WHO, "GetCallerIdentity"): (set(), set()),
    (ROLES, "GetRole"): ({"RoleName"}, set()),
    (ROLES, "CreateRole"): ({"RoleName", "AssumeRolePolicyDocument"}, {"Description"}),
    (ROLES, "UpdateRole"): ({"RoleName", "NewAssumeRolePolicyDocument"}, set()),
    (ROLES, "GetPolicy"): ({"PolicyName", "PolicyType"}, set()),
    (ROLES, "CreatePolicy"): ({"PolicyName", "PolicyDocument"}, {"Description"}),
    (ROLES, "CreatePolicyVersion"): (
        {"PolicyName", "PolicyDocument"},
        {"SetAsDefault", "RotateStrategy"},
    ),
    (ROLES, "ListPoliciesForRole"): ({"RoleName"}, set()),
    (ROLES, "AttachPolicyToRole"): ({"PolicyName", "PolicyType", "RoleName"}, set()),
    (MESSAGES, "GetTopicAttributes"): ({"TopicName"}, set()),
    (MESSAGES, "CreateTopic"): ({"TopicName"}, set()),
    (MESSAGES, "GetQueueAttributes"): ({"QueueName"}, set()),
    (MESSAGES, "CreateQueue"): ({"QueueName"}, {"MessageRetentionPeriod"}),
    (MESSAGES, "SetQueueAttributes"): ({"QueueName"}, {"MessageRetentionPeriod"}),
} | hooks.ACTIONS
VERSIONS = 5  # of one policy
# Of those that every account has, the one that setup attaches.
SYSTEM_POLICIES: dict[str, list[str]] = {"AliyunECSNetworkInterfaceManagementAccess": []}


class Rpc(hooks.Hooks):
    """Roles, policies, topics, queues and lifecycle hooks."""

    def __init__(self) -> None:
        super().__init__()
        self._gate = Gatekeeper(KeyRing([DEFAULT_KEY]), SystemClock())
        self.roles: dict[str, Body] = {}
        self.policies: dict[str, list[str]] = {}
        self.attached: set[tuple[str, str]] = set()
        self.attached_of_system: set[tuple[str, str]] = set()
        self.topics: dict[str, Body] = {}
        self.queues: dict[str, Body] = {}

    def call(
        self,
        version: str,
        request: web.BaseRequest,
        headers: Mapping[str, Sequence[str]],
        body: bytes,
        note: Callable[[str], None],
    ) -> Body:
        """Answer one action."""
        found = read_request(request.method, request.path_qs, headers, body)
        self._gate.admit(found)
        action, given = found.action, found.own_parameters
        if (version, action) not in ACTIONS or found.version != version:
            raise ApiError(404, "InvalidAction.NotFound", f"{action} of {found.version}")
        must, may = ACTIONS[version, action]
        note(action)
        if must - set(given) or set(given) - must - may:
            raise ApiError(400, "InvalidParameter", f"{action} with {sorted(given)}")
        answer: Body = getattr(self, f"_{action}")(given)
        return {"RequestId": "req-account", **answer}

    def _GetCallerIdentity(self, _given: Body) -> Body:  # noqa: N802  (an action's name)
        return {"AccountId": ACCOUNT}

    # --- RAM ----------------------------------------------------------------------------------

    def _GetRole(self, given: Body) -> Body:  # noqa: N802
        return {"Role": _known(self.roles, given["RoleName"], "EntityNotExist.Role")}

    def _CreateRole(self, given: Body) -> Body:  # noqa: N802
        json.loads(given["AssumeRolePolicyDocument"])
        _new(self.roles, given["RoleName"], "EntityAlreadyExists.Role")
        self.roles[given["RoleName"]] = given
        return {"Role": given}

    def _UpdateRole(self, given: Body) -> Body:  # noqa: N802
        role = _known(self.roles, given["RoleName"], "EntityNotExist.Role")
        role["AssumeRolePolicyDocument"] = given["NewAssumeRolePolicyDocument"]
        return {"Role": role}

    def _GetPolicy(self, given: Body) -> Body:  # noqa: N802
        versions = _known(self.policies, given["PolicyName"], "EntityNotExist.Policy")
        shown = {"PolicyDocument": versions[-1], "IsDefaultVersion": True}
        return {"Policy": {"PolicyName": given["PolicyName"]}, "DefaultPolicyVersion": shown}

    def _CreatePolicy(self, given: Body) -> Body:  # noqa: N802
        json.loads(given["PolicyDocument"])
        _new(self.policies, given["PolicyName"], "EntityAlreadyExists.Policy")
        self.policies[given["PolicyName"]] = [given["PolicyDocument"]]
        return {}

    def _CreatePolicyVersion(self, given: Body) -> Body:  # noqa: N802
        versions = _known(self.policies, given["PolicyName"], "EntityNotExist.Policy")
        if len(versions) >= VERSIONS and "RotateStrategy" not in given:
            raise ApiError(409, "LimitExceeded.Policy.Version", "five versions")
        if given.get("SetAsDefault") != "true":
            raise ApiError(400, "InvalidParameter", "a version that nothing uses")
        self.policies[given["PolicyName"]] = [*versions[-VERSIONS + 1 :], given["PolicyDocument"]]
        return {}

    def _ListPoliciesForRole(self, given: Body) -> Body:  # noqa: N802
        _known(self.roles, given["RoleName"], "EntityNotExist.Role")
        rows = [
            {"PolicyName": policy, "PolicyType": kind}
            for kind, all_of in (("Custom", self.attached), ("System", self.attached_of_system))
            for role, policy in sorted(all_of)
            if role == given["RoleName"]
        ]
        return {"Policies": {"Policy": rows}}

    def _AttachPolicyToRole(self, given: Body) -> Body:  # noqa: N802
        _known(self.roles, given["RoleName"], "EntityNotExist.Role")
        of_system = given["PolicyType"] == "System"
        policies = SYSTEM_POLICIES if of_system else self.policies
        _known(policies, given["PolicyName"], "EntityNotExist.Policy")
        attached = self.attached_of_system if of_system else self.attached
        attached.add((given["RoleName"], given["PolicyName"]))
        return {}

    # --- MNS ----------------------------------------------------------------------------------

    def _GetTopicAttributes(self, given: Body) -> Body:  # noqa: N802
        return _data(_known(self.topics, given["TopicName"], "TopicNotExist"))

    def _CreateTopic(self, given: Body) -> Body:  # noqa: N802
        _new(self.topics, given["TopicName"], "TopicAlreadyExist")
        self.topics[given["TopicName"]] = given
        return _data({})

    def _GetQueueAttributes(self, given: Body) -> Body:  # noqa: N802
        queue = _known(self.queues, given["QueueName"], "QueueNotExist")
        seconds = int(queue.get("MessageRetentionPeriod", 345_600))
        return _data({**queue, "MessageRetentionPeriod": seconds})

    def _CreateQueue(self, given: Body) -> Body:  # noqa: N802
        _new(self.queues, given["QueueName"], "QueueAlreadyExist")
        self.queues[given["QueueName"]] = given
        return _data({})

    def _SetQueueAttributes(self, given: Body) -> Body:  # noqa: N802
        _known(self.queues, given["QueueName"], "QueueNotExist").update(given)
        return _data({})


def _known(entries: Mapping[str, Any], name: str, code: str) -> Any:
    if name not in entries:
        raise ApiError(404, code, f"{name} does not exist")
    return entries[name]


def _new(entries: Mapping[str, Any], name: str, code: str) -> None:
    if name in entries:
        raise ApiError(409, code, f"{name} is there already")


def _data(found: Body) -> Body:
    return {"Code": 200, "Success": True, "Status": "Success", "Message": "", "Data": found}
