"""`python -m console setup --scaling-group`: the hook that the function hears of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from console.manual import BadRequest
from console.setup.changes import Verb, change
from console.setup.desired import Kind, Names, desired
from console.setup.hooks import Via
from handler.core.settings import OUR_HOOKS, Settings
from tests.account.hooks import GROUP
from tests.account.rpc import ACCOUNT
from tests.account.running import Ran, setup
from tests.account.server import REGION, Account, Fault

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:topic/secondary-ips-hooks"
BUS = f"acs:eventbridge:{REGION}:{ACCOUNT}:eventbus/default"
OTHER = "asg-bp1apifleet00000001"
RIGHT = {
    "LifecycleHookName": "secondary-ips",
    "LifecycleTransition": "SCALE_OUT",
    "DefaultResult": "ABANDON",
    "HeartbeatTimeout": 600,
    "NotificationArn": TOPIC,
    "LifecycleHookStatus": "Active",
}


def with_hook(tmp_path: Path, account: Account, *arguments: str, dry: bool = False) -> Ran:
    """Run the command for the group."""
    how = ["--dry-run"] if dry else []
    return setup(tmp_path, account, "--json", "--scaling-group", GROUP, *how, *arguments)


def hook_line(ran: Ran) -> dict[str, Any]:
    """What was said of the hook."""
    (line,) = [line for line in ran.lines if line["kind"] == "ESS lifecycle hook"]
    return line


def ours(account: Account) -> dict[str, Any]:
    """Our hook of the group, as far as it is ours."""
    hooks = account.rpc.hooks.values()
    (found,) = [it for it in hooks if it["LifecycleHookName"] == "secondary-ips"]
    return {name: found[name] for name in RIGHT}


@pytest.mark.parametrize(
    ("more", "notified"), [([], TOPIC), (["--via", "eventbridge"], BUS)], ids=["topic", "bus"]
)
def test_hook_is_made_once(tmp_path: Path, more: list[str], notified: str) -> None:
    """Shown first, then made, then found as it is; it notifies the topic or the default bus."""
    with Account() as account:
        shown = with_hook(tmp_path, account, *more, dry=True)
        assert {} == account.rpc.hooks
        made = with_hook(tmp_path, account, *more)
        again = with_hook(tmp_path, account, *more)
        assert RIGHT | {"NotificationArn": notified} == ours(account)
    verbs = [(ran.status, hook_line(ran)["change"]) for ran in (shown, made, again)]
    assert [(0, "create"), (0, "create"), (0, "exists")] == verbs


def test_dry_run_says_whom_it_would_notify(tmp_path: Path) -> None:
    """In the table for people."""
    with Account() as account:
        shown = setup(
            tmp_path, account, "--dry-run", "--scaling-group", GROUP, COLUMNS="200"
        ).output
    lines = shown.splitlines()
    (place,) = [number for number, line in enumerate(lines) if GROUP in line]
    assert "would create" in lines[place]
    assert f"notifies {TOPIC}" == lines[place + 1].strip()


NOBODY = f"acs:ess:{REGION}:{ACCOUNT}:null/null"
OLD_FORM = f"acs:ess:{REGION}:{ACCOUNT}:topic/secondary-ips-hooks"
WRONG = {
    "DefaultResult": "CONTINUE",
    "LifecycleTransition": "SCALE_IN",
    "HeartbeatTimeout": 30,
    "LifecycleHookStatus": "InActive",
}


@pytest.mark.parametrize("notified", [NOBODY, OLD_FORM], ids=["nobody", "the old form"])
def test_wrong_hook_is_corrected(tmp_path: Path, notified: str) -> None:
    """With both values shown; a hook that notifies nobody, and one that is switched off, too."""
    wrong = WRONG | {"NotificationArn": notified}
    with Account() as account:
        with_hook(tmp_path, account)
        (hook,) = account.rpc.hooks.values()
        hook |= wrong | {"NotificationMetadata": "of others"}
        shown = with_hook(tmp_path, account, dry=True)
        mended = with_hook(tmp_path, account)
        assert (RIGHT, "of others") == (ours(account), hook["NotificationMetadata"])
    assert ["update"] * 2 == [hook_line(ran)["change"] for ran in (shown, mended)]
    named = [said.partition(":")[0] for said in hook_line(shown)["differences"]]
    assert sorted(wrong) == sorted(named)


@pytest.mark.parametrize("notified", [TOPIC, BUS], ids=["topic", "bus"])
def test_recipient_that_can_be_heard_stays(tmp_path: Path, notified: str) -> None:
    """Without `--via`, the topic or the bus, whichever it is; the rest is corrected."""
    with Account() as account:
        with_hook(tmp_path, account)
        (hook,) = account.rpc.hooks.values()
        hook |= {"NotificationArn": notified, "DefaultResult": "CONTINUE"}
        mended = with_hook(tmp_path, account)
        assert RIGHT | {"NotificationArn": notified} == ours(account)
    assert ['DefaultResult: "CONTINUE" -> "ABANDON"'] == hook_line(mended)["differences"]


OTHERS = [
    f"acs:mns:{REGION}:{ACCOUNT}:topic/payments",
    f"acs:mns:us-west-1:{ACCOUNT}:topic/secondary-ips-hooks",
    f"acs:eventbridge:{REGION}:1690700000000031:eventbus/default",
]


@pytest.mark.parametrize(
    ("notified", "more", "becomes"),
    [
        *((each, [], TOPIC) for each in OTHERS),
        (BUS, ["--via", "topic"], TOPIC),
        (TOPIC, ["--via", "eventbridge"], BUS),
    ],
)
def test_recipient_is_changed(tmp_path: Path, notified: str, more: list[str], becomes: str) -> None:
    """To the topic, where it is neither ours nor the bus; and to whatever `--via` says."""
    with Account() as account:
        with_hook(tmp_path, account)
        (hook,) = account.rpc.hooks.values()
        hook |= {"NotificationArn": notified}
        with_hook(tmp_path, account, *more)
        assert RIGHT | {"NotificationArn": becomes} == ours(account)


def test_longer_timeout_stays(tmp_path: Path) -> None:
    """Somebody had a reason for it."""
    with Account() as account:
        with_hook(tmp_path, account)
        (hook,) = account.rpc.hooks.values()
        hook |= {"HeartbeatTimeout": 1800, "DefaultResult": "CONTINUE"}
        mended = with_hook(tmp_path, account)
        assert RIGHT | {"HeartbeatTimeout": 1800} == ours(account)
    assert ['DefaultResult: "CONTINUE" -> "ABANDON"'] == hook_line(mended)["differences"]


def test_hooks_of_others_stay(tmp_path: Path) -> None:
    """Those of the same group under other names, and those of other groups."""
    others = {
        f"ash-{number}": {
            "LifecycleHookId": f"ash-{number}",
            "LifecycleHookName": name,
            "ScalingGroupId": group,
            "LifecycleTransition": "SCALE_OUT",
            "DefaultResult": "CONTINUE",
        }
        for number, (name, group) in enumerate(
            [*((f"hook-{number}", GROUP) for number in range(12)), ("secondary-ips", OTHER)]
        )
    }
    with Account() as account:
        account.rpc.groups |= {OTHER}
        account.rpc.hooks = {name: dict(hook) for name, hook in others.items()}
        with_hook(tmp_path, account)
        again = with_hook(tmp_path, account)
        assert others == {name: account.rpc.hooks[name] for name in others}
        assert (14, "exists") == (len(account.rpc.hooks), hook_line(again)["change"])


@pytest.mark.parametrize("dry", [True, False], ids=["shown", "made"])
def test_group_of_other_instances_is_refused(tmp_path: Path, dry: bool) -> None:
    """Before anything is made: the function would never complete its hook."""
    with Account() as account:
        account.rpc.groups |= {OTHER}
        account.rpc.group_types = {OTHER: "ECI"}
        ran = with_hook(tmp_path, account, "--scaling-group", OTHER, dry=dry)
        assert ({}, {}) == (account.rpc.hooks, account.rpc.roles)
    assert (2, []) == (ran.status, ran.lines)
    assert f"--scaling-group: found {OTHER}, a group of ECI instances; allowed: " in ran.errors


def test_groups_are_looked_up_together(tmp_path: Path) -> None:
    """However many: each page of the listing holds 20 of them."""
    groups = [f"asg-bp1number{number:02}" for number in range(25)]
    with Account() as account:
        account.rpc.groups |= set(groups)
        account.rpc.group_types = {groups[24]: "ECI"}
        more = [word for group in groups for word in ("--scaling-group", group)]
        ran = with_hook(tmp_path, account, *more, dry=True)
    assert 2 == ran.status
    assert groups[24] in ran.errors


def test_type_of_a_group_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    """The hook is made, and it is said what was not looked at."""
    with Account([Fault("DescribeScalingGroups", 403, "Forbidden.RAM", times=99)]) as account:
        ran = with_hook(tmp_path, account)
        assert RIGHT == ours(account)
    assert 0 == ran.status
    assert "whether they are groups of ECS instances could not be read: Forbidden.RAM" in (
        " ".join(ran.errors.split())
    )


def test_several_groups_each_have_one(tmp_path: Path) -> None:
    """The option is repeatable; a group that is not there is named, and the others get theirs."""
    with Account() as account:
        account.rpc.groups |= {OTHER}
        more = ["--scaling-group", "asg-none", "--scaling-group", OTHER, "--scaling-group", OTHER]
        ran = with_hook(tmp_path, account, *more)
        groups = [hook["ScalingGroupId"] for hook in account.rpc.hooks.values()]
    assert (1, [GROUP, OTHER]) == (ran.status, groups)
    (failed,) = [line for line in ran.lines if line["error"]]
    assert "asg-none" == failed["name"]
    assert "cannot be read: InvalidScalingGroupId.NotFound" in failed["error"]


def test_hook_without_its_topic_is_not_tried(tmp_path: Path) -> None:
    """It would notify nobody."""
    with Account([Fault("CreateTopic", 500, "InternalError")]) as account:
        ran = with_hook(tmp_path, account)
        assert {} == account.rpc.hooks
    assert "not tried: the MNS topic is not there" == hook_line(ran)["error"]


def test_without_the_option_no_hook_is_looked_at(tmp_path: Path) -> None:
    """Auto Scaling is not even asked."""
    with Account() as account:
        setup(tmp_path, account)
        assert "ess.aliyuncs.com" not in account.hosts


@pytest.mark.parametrize("group", ["asg-", "web", "asg-a/b", "asg-a b"])
def test_what_is_no_group_is_refused(group: str) -> None:
    """The error names the option."""
    with pytest.raises(BadRequest, match=r"--scaling-group: found .*; allowed: asg-"):
        Names(REGION, "fleet-logs", scaling_groups=(group,))


@pytest.mark.parametrize("via", Via)
def test_hook_is_one_that_the_function_completes(via: Via) -> None:
    """Its name matches the default of LIFECYCLE_HOOKS, and it is made active."""
    names = Names(REGION, "fleet-logs", scaling_groups=(GROUP,), via=via, account=ACCOUNT)
    (hook,) = [each for each in desired(names) if each.kind is Kind.HOOK]
    assert Settings().lifecycle_hooks == OUR_HOOKS == ("*secondary-ips*",)
    assert "secondary-ips" in hook.body["LifecycleHookName"]
    assert (Verb.CREATE, RIGHT.keys()) == (change(hook, None).verb, change(hook, None).body.keys())
