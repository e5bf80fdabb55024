"""On what RAM looks when an action is called: the resource forms that each service's page gives.

Some pages give two forms, and some actions are authorised below the resource that the call names: a
policy on the other form is accepted by RAM, and every call is then refused. An action that has no
form narrower than everything is authorised on `*`, and on nothing else.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

PAGES = {
    "ecs": "https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-ram",
    "vpc": "https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-ram",
    "ess": "https://www.alibabacloud.com/help/en/auto-scaling/developer-reference/api-ess-2022-02-22-ram",
    "fc": "https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-ram",
    "log": "https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-ram",
    "mns": "https://www.alibabacloud.com/help/en/mns/developer-reference/api-mns-open-2022-01-19-ram",
    "ram": "https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-ram",
}

EVERYTHING = ("*",)
# An example of each form, with the names of a deployment that has the defaults.
ACCOUNT = "1690700000000030"
HERE = f"cn-hangzhou:{ACCOUNT}"
_ENI = (f"acs:ecs:{HERE}:eni/eni-bp1web1primary00001",)
_FUNCTION = f"acs:fc:{HERE}:functions/secondary-ips"
_SERVICE = f"acs:fc:{HERE}:services/platform/functions/secondary-ips"
_OF_ALIAS = f"acs:fc:{HERE}:services/platform.live/functions/secondary-ips"
_PROJECT = f"acs:log:{HERE}:project/secondary-ips-{ACCOUNT}"
_LOGSTORE = (f"{_PROJECT}/logstore/secondary-ips",)
_QUEUE = f"acs:mns:{HERE}:/queues/secondary-ips-failures"
_TOPIC = (f"acs:mns:{HERE}:/topics/secondary-ips-hooks",)
_ROLE, _POLICY = (
    f"acs:ram:*:{ACCOUNT}:role/secondary-ips",
    f"acs:ram:*:{ACCOUNT}:policy/secondary-ips",
)
_OF_SYSTEM = "acs:ram:*:system:policy/AliyunECSNetworkInterfaceManagementAccess"

FORMS: dict[str, tuple[str, ...]] = {
    # ECS answers a scoped read with an empty list, which would look like a fleet that is gone.
    "ecs:DescribeNetworkInterfaces": EVERYTHING,
    "ecs:DescribeInstances": EVERYTHING,
    "ecs:DescribeInstanceTypes": EVERYTHING,
    "ecs:AssignPrivateIpAddresses": _ENI,
    "ecs:UnassignPrivateIpAddresses": _ENI,
    "vpc:DescribeVSwitches": EVERYTHING,
    # Auto Scaling authorises operations, not resources.
    "ess:CompleteLifecycleAction": EVERYTHING,
    "ess:RecordLifecycleActionHeartbeat": EVERYTHING,
    "ess:DescribeLifecycleActions": EVERYTHING,
    "ess:DescribeScalingInstances": EVERYTHING,
    "ess:DescribeScalingGroups": EVERYTHING,
    "ess:DescribeLifecycleHooks": EVERYTHING,
    "ess:CreateLifecycleHook": EVERYTHING,
    "ess:ModifyLifecycleHook": EVERYTHING,
    "fc:InvokeFunction": (_FUNCTION, f"{_FUNCTION}/live", _SERVICE, _OF_ALIAS),
    "fc:GetAsyncTask": (_FUNCTION, f"{_FUNCTION}/async-tasks/bf_req-1_2"),
    # FC 2.0: below the function.
    "fc:GetStatefulAsyncInvocation": (
        _SERVICE,
        f"{_SERVICE}/stateful-async-invocations/bf_req-1_2",
        f"{_OF_ALIAS}/stateful-async-invocations/bf_req-1_2",
    ),
    "fc:GetFunction": (_FUNCTION, _SERVICE),
    "fc:GetConcurrencyConfig": (_FUNCTION,),
    "fc:GetFunctionAsyncInvokeConfig": (_FUNCTION, f"{_FUNCTION}/live"),
    "fc:ListTriggers": (f"{_FUNCTION}/triggers/hooks",),
    "fc:ListAsyncTasks": (f"{_FUNCTION}/async-tasks/bf_req-1_2",),
    "log:PostLogStoreLogs": _LOGSTORE,
    "log:GetProject": (_PROJECT,),
    "log:CreateProject": (_PROJECT,),
    "log:GetLogStore": _LOGSTORE,
    "log:CreateLogStore": _LOGSTORE,
    "log:UpdateLogStore": _LOGSTORE,
    "log:GetIndex": _LOGSTORE,
    "log:CreateIndex": _LOGSTORE,
    "log:UpdateIndex": _LOGSTORE,
    "log:GetSavedSearch": (f"{_PROJECT}/savedsearch/secondary-ips-room",),
    "log:CreateSavedSearch": (f"{_PROJECT}/savedsearch/secondary-ips-room",),
    "log:UpdateSavedSearch": (f"{_PROJECT}/savedsearch/secondary-ips-room",),
    "log:GetDashboard": (f"{_PROJECT}/dashboard/secondary-ips",),
    "log:CreateDashboard": (f"{_PROJECT}/dashboard/secondary-ips",),
    "log:UpdateDashboard": (f"{_PROJECT}/dashboard/secondary-ips",),
    # The page of alerts and the list of actions differ: an alert rule is a job, too.
    "log:GetAlert": EVERYTHING,
    "log:CreateAlert": EVERYTHING,
    "log:UpdateAlert": EVERYTHING,
    "log:GetJob": (f"{_PROJECT}/job/secondary-ips-failed",),
    "log:CreateJob": (f"{_PROJECT}/job/secondary-ips-failed",),
    "log:UpdateJob": (f"{_PROJECT}/job/secondary-ips-failed",),
    "mns:SendMessage": (f"{_QUEUE}/messages",),
    "mns:ReceiveMessage": (f"{_QUEUE}/messages",),
    "mns:DeleteMessage": (f"{_QUEUE}/messages",),
    "mns:ChangeMessageVisibility": (f"{_QUEUE}/messages",),
    "mns:GetQueueAttributes": (_QUEUE,),
    "mns:CreateQueue": (_QUEUE,),
    "mns:SetQueueAttributes": (_QUEUE,),
    "mns:GetTopicAttributes": _TOPIC,
    "mns:CreateTopic": _TOPIC,
    "ram:CreateRole": (_ROLE,),
    "ram:CreatePolicy": (_POLICY,),
    "ram:GetRole": (_ROLE,),
    "ram:UpdateRole": (_ROLE,),
    "ram:ListPoliciesForRole": (_ROLE,),
    "ram:GetPolicy": (_POLICY,),
    "ram:CreatePolicyVersion": (_POLICY,),
    "ram:AttachPolicyToRole": (_ROLE, _POLICY, _OF_SYSTEM),
}  # fmt: skip


def misplaced(grants: list[tuple[str, str]]) -> list[str]:
    """What a policy grants where RAM does not look, and where RAM looks and nothing is granted.

    Args:
        grants: actions with a resource each, as the policy writes them.
    """
    unknown = [f"{action} has no resource form here" for action, _ in grants if action not in FORMS]
    known = [(action, on) for action, on in grants if action in FORMS]
    useless = [
        f"{action} on {on} allows nothing: RAM asks for {', '.join(FORMS[action])}"
        for action, on in known
        if not any(_covers(on, form) for form in FORMS[action])
    ]
    missing = [
        f"{action} is not allowed on {form}"
        for action in dict.fromkeys(action for action, _ in known)
        for form in FORMS[action]
        if not any(_covers(on, form) for each, on in known if each == action)
    ]
    return [*unknown, *useless, *missing]


def _covers(on: str, form: str) -> bool:
    """Whether a resource of a policy covers a form; what asks for everything is only that."""
    return on == form if form == "*" else on != "*" and fnmatchcase(form, on)
