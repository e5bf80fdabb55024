"""The RAM policies: what is allowed is what is called, on what it is called, and nothing more."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from console import remote
from handler.cloud import ports
from tests.integration.deployment.authorization import EVERYTHING, FORMS, PAGES, misplaced
from tests.integration.deployment.manifests import ACCOUNT, ROOT, fc2, fc3

RAM = ROOT / "deploy/ram"
CALLED = {value for value in vars(ports).values() if re.match(r"(ecs|ess|fc|vpc):", str(value))}
# What Function Compute does in the function's name: log rows and failure records.
BY_THE_PLATFORM = {"log:PostLogStoreLogs", "mns:SendMessage"}
POLICIES = ["function", "operator", "setup", "doctor", "verify"]
REGION = "cn-hangzhou"
HERE = f"{REGION}:{ACCOUNT}"
ENI = f"acs:ecs:{HERE}:eni/eni-bp1web1primary00001"
LOG = "acs:log:{}:project/{project}/logstore/{logstore}".format(HERE, **fc3()["logConfig"])
SERVICE, NAME = fc2()["service"]["name"], fc3()["functionName"]


def policy(name: str) -> dict[str, Any]:
    """A policy of `deploy/ram`."""
    found: dict[str, Any] = json.loads((RAM / f"{name}-policy.json").read_text(encoding="utf-8"))
    return found


def grants(name: str) -> list[tuple[str, str]]:
    """Every action of a policy with every resource that it is allowed on."""
    return [
        (action, resource)
        for statement in policy(name)["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def allowed(name: str, action: str, resource: str) -> bool:
    """Whether a policy allows an action on a resource."""
    return any(action == may and fnmatchcase(resource, on) for may, on in grants(name))


@pytest.mark.parametrize("name", ["trust", *POLICIES])
def test_policy_has_the_shape_that_ram_takes(name: str) -> None:
    """Version 1, statements that allow, no field that RAM does not know."""
    document = policy(name)
    known = {"Effect", "Action", "Principal" if name == "trust" else "Resource"}
    assert {"Version", "Statement"} == set(document)
    assert "1" == document["Version"]
    assert [(known, "Allow")] * len(document["Statement"]) == [
        (set(each), each["Effect"]) for each in document["Statement"]
    ]


def test_only_function_compute_takes_the_role() -> None:
    """The trust policy names one service, and nothing but assuming the role."""
    (statement,) = policy("trust")["Statement"]
    assert {"Service": ["fc.aliyuncs.com"]} == statement["Principal"]
    assert "sts:AssumeRole" == statement["Action"]


def test_function_may_do_what_it_calls() -> None:
    """The actions are those that the code names, and what the platform does for it; each once."""
    actions = [
        action
        for statement in policy("function")["Statement"]
        for action in _listed(statement["Action"])
    ]
    assert sorted(CALLED | BY_THE_PLATFORM) == sorted(actions)


@pytest.mark.parametrize("name", POLICIES)
def test_every_action_is_allowed_where_ram_looks(name: str) -> None:
    """Each action stands on every resource form that its service's page gives, and on no other."""
    assert [] == misplaced(grants(name))
    assert [action for action, _ in grants(name) if "*" in action] == []


PROJECT = f"acs:log:{HERE}:project/secondary-ips-{ACCOUNT}"


@pytest.mark.parametrize(
    ("action", "resource", "said"),
    [
        ("log:GetAlert", f"{PROJECT}/alert/*", "log:GetAlert on"),
        ("log:GetJob", "*", "log:GetJob on *"),
        ("fc:ListTriggers", f"acs:fc:{HERE}:functions/{NAME}", "fc:ListTriggers on"),
        (
            "fc:GetStatefulAsyncInvocation",
            f"acs:fc:{HERE}:services/*/functions/{NAME}",
            "not allowed on",
        ),
        ("mns:ReceiveMessage", f"acs:mns:{HERE}:/queues/secondary-ips-failures", "ReceiveMessage"),
        ("ess:DescribeLifecycleHooks", f"acs:ess:{HERE}:scalinggroup/*", "RAM asks for *"),
        ("ecs:AssignPrivateIpAddresses", "*", "AssignPrivateIpAddresses on *"),
        ("ecs:RunInstances", "*", "ecs:RunInstances has no resource form here"),
    ],
)
def test_action_on_a_form_that_stands_nowhere_is_refused(
    action: str, resource: str, said: str
) -> None:
    """What RAM accepts and then never finds is reported, and so is an action that no page lists."""
    assert any(said in each for each in misplaced([(action, resource)]))


def test_every_action_has_a_page_and_is_granted() -> None:
    """The forms are of services whose page is named, and none is left over."""
    assert {action.partition(":")[0] for action in FORMS} == set(PAGES)
    assert {action for name in POLICIES for action, _ in grants(name)} == set(FORMS)


@pytest.mark.parametrize("name", POLICIES)
def test_writes_are_never_allowed_on_everything(name: str) -> None:
    """Only Auto Scaling, which knows no resources, and alert rules are: their pages say so."""
    writes = [
        action
        for action, on in grants(name)
        if (on,) == EVERYTHING and not action.partition(":")[2].startswith(("Describe", "Get"))
    ]
    assert [] == [each for each in writes if not each.startswith(("ess:", "log:"))]


@pytest.mark.parametrize(
    ("name", "allowed_writes"),
    [
        ("doctor", set()),
        ("verify", {"ecs:AssignPrivateIpAddresses", "ecs:UnassignPrivateIpAddresses"}),
    ],
)
def test_looking_changes_nothing(name: str, allowed_writes: set[str]) -> None:
    """`doctor` only reads; `--verify` assigns and takes back, and nothing else."""
    reads = ("Describe", "Get", "List")
    actions = {action for action, _ in grants(name)}
    assert allowed_writes == {it for it in actions if not it.partition(":")[2].startswith(reads)}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ecs:AssignPrivateIpAddresses", ENI),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:functions/{NAME}"),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:functions/{NAME}/live"),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:services/{SERVICE}/functions/{NAME}"),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:services/{SERVICE}.live/functions/{NAME}"),
        (
            "mns:SendMessage",
            fc3()["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"],
        ),
        ("mns:SendMessage", fc2()["function"]["asyncConfiguration"]["destination"]["onFailure"]),
        (
            "log:PostLogStoreLogs",
            LOG,
        ),
    ],
)
def test_function_may_use_what_the_manifests_name(action: str, resource: str) -> None:
    """The scopes fit the function, the queue and the log of a deployment with the defaults."""
    assert allowed("function", action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ecs:AssignPrivateIpAddresses", f"acs:ecs:{HERE}:instance/i-bp1web00000000000001"),
        ("ecs:UnassignPrivateIpAddresses", ENI),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:functions/payments"),
        ("fc:InvokeFunction", f"acs:fc:{HERE}:functions/{NAME}-of-others"),
        ("fc:UpdateFunction", f"acs:fc:{HERE}:functions/{NAME}"),
        ("mns:SendMessage", f"acs:mns:{HERE}:/queues/payments/messages"),
        ("mns:ReceiveMessage", f"acs:mns:{HERE}:/queues/secondary-ips-failures/messages"),
        ("log:PostLogStoreLogs", f"acs:log:{HERE}:project/payments/logstore/secondary-ips"),
        ("ess:DeleteScalingGroup", f"acs:ess:{HERE}:scalinggroup/asg-bp1webfleet00000001"),
    ],
)
def test_function_may_do_nothing_else(action: str, resource: str) -> None:
    """Other actions, and the same ones on what belongs to others, are not allowed."""
    assert not allowed("function", action, resource)


def test_operator_may_plan_assign_invoke_follow_and_redeliver() -> None:
    """Some of the function's rights, to ask for it and its tasks, and to take failures out."""
    more = {
        remote.GET_FUNCTION,
        remote.GET_TASK,
        remote.GET_STATEFUL,
        *("mns:ReceiveMessage", "mns:ChangeMessageVisibility", "mns:DeleteMessage"),
    }
    of_others = set(grants("operator")) - set(grants("function"))
    assert more == {action for action, _ in of_others}
    actions = {action for action, _ in grants("operator")}
    assert {ports.ASSIGN, ports.INVOKE, *more} <= actions
    assert ports.COMPLETE not in actions


NEW, OLD = f"functions/{NAME}", f"services/{SERVICE}.live/functions/{NAME}"


@pytest.mark.parametrize(
    ("action", "function", "expected"),
    [
        (remote.INVOKE, NEW, True),
        (remote.INVOKE, f"{NEW}/live", True),
        (remote.INVOKE, OLD, True),
        (remote.GET_FUNCTION, NEW, True),
        (remote.GET_FUNCTION, OLD, True),
        (remote.GET_TASK, f"{NEW}/async-tasks/bf_1_2", True),
        (remote.GET_STATEFUL, f"{OLD}/stateful-async-invocations/bf_1_2", True),
        *(
            (action, other, False)
            for action in (
                *(remote.INVOKE, remote.GET_FUNCTION),
                *(remote.GET_TASK, remote.GET_STATEFUL),
            )
            for other in ("functions/payments", f"services/{SERVICE}/functions/payments")
        ),
    ],
)
def test_operator_may_only_ask_this_function(action: str, function: str, *, expected: bool) -> None:
    """Invoking and following are allowed on the function, in a service or not."""
    assert expected == allowed("operator", action, f"acs:fc:{HERE}:{function}")


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("ram:UpdateRole", f"acs:ram::{ACCOUNT}:role/secondary-ips", True),
        ("ram:UpdateRole", f"acs:ram::{ACCOUNT}:role/admin", False),
        ("ram:CreatePolicyVersion", f"acs:ram::{ACCOUNT}:policy/secondary-ips", True),
        ("ram:CreatePolicyVersion", f"acs:ram::{ACCOUNT}:policy/admin", False),
        ("ram:AttachPolicyToRole", f"acs:ram::{ACCOUNT}:role/admin", False),
        ("log:UpdateIndex", LOG, True),
        ("log:UpdateIndex", f"acs:log:{HERE}:project/payments/logstore/secondary-ips", False),
        ("mns:SetQueueAttributes", f"acs:mns:{HERE}:/queues/payments", False),
    ],
)
def test_setup_may_only_touch_what_it_makes(action: str, resource: str, *, expected: bool) -> None:
    """What has a name of ours; only making a role or a policy cannot be scoped to one."""
    assert expected == allowed("setup", action, resource)
