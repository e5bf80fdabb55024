"""What the doctor works out: what an instance takes, what a pattern lets through, waits."""

from __future__ import annotations

from typing import Any

import pytest

from console.doctor.delivery import HOOK_EVENT, SOURCES, admits
from console.doctor.finding import Finding, Level, Row, deploy_command, setup_command
from console.doctor.findings import status_of
from console.doctor.function import LEAST_MINUTES
from console.doctor.hooks import least_timeout
from console.doctor.room import needs
from console.doctor.seen import Fleet, Room
from console.exits import Exit
from console.setup.desired import Names
from handler.core.model import Eni, Instance
from handler.core.policy import SCALING_GROUP_TAG
from handler.core.settings import read_settings
from handler.shell import app

GROUP = {SCALING_GROUP_TAG: "asg-a"}
TYPES = {"ecs.big": 15, "ecs.small": 6}


def eni(number: int, instance: str, **tags: str) -> Eni:
    """An ENI of an instance, in the vSwitch that is looked at."""
    return Eni(f"eni-{number}", "Secondary", "InUse", "vsw-a", instance, tags=tags)


@pytest.mark.parametrize(
    ("enis", "environ", "expected"),
    [
        ([], {"TARGET_SECONDARY_IPS": "8"}, 9),
        ([], {"TARGET_SECONDARY_IPS": "max"}, 1),
        ([], {}, 1),
        ([eni(1, "i-big")], {"TARGET_SECONDARY_IPS": "8"}, 9),
        ([eni(1, "i-big"), eni(2, "i-big")], {"TARGET_SECONDARY_IPS": "8"}, 18),
        ([eni(1, "i-small")], {"TARGET_SECONDARY_IPS": "8"}, 6),
        ([eni(1, "i-small"), eni(2, "i-big")], {"TARGET_SECONDARY_IPS": "max"}, 15),
        ([eni(1, "i-big")], {"TARGET_SECONDARY_IPS": "50%"}, 8),
        ([eni(1, "i-big", **{"secondary-ips": "3"})], {"TARGET_SECONDARY_IPS": "8"}, 4),
        ([eni(1, "i-big", creator="terway")], {"TARGET_SECONDARY_IPS": "8"}, 1),
        ([eni(1, "i-alone")], {"TARGET_SECONDARY_IPS": "8"}, 9),
    ],
    ids=[
        *("nobody there", "nobody there, of the type", "no target", "one ENI", "two ENIs"),
        *("above its quota", "the neediest counts", "a share", "by its tag", "of others"),
        "in no group",
    ],
)
def test_one_more_instance_takes_what_the_neediest_does(
    enis: list[Eni], environ: dict[str, str], expected: int
) -> None:
    """Its primary addresses, and on each ENI what the function would have it hold."""
    instances = {
        "i-big": Instance("i-big", "ecs.big", "Running", GROUP),
        "i-small": Instance("i-small", "ecs.small", "Running", GROUP),
        "i-alone": Instance("i-alone", "ecs.big", "Running"),
    }
    room = Room("vsw-a", 100, tuple(enis))
    fleet = Fleet((), (room,), instances, TYPES)
    assert expected == needs(room, fleet, read_settings(environ))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["acs.ess"], "type": [HOOK_EVENT]}, True),
        ({"source": ["acs.ecs"], "type": [HOOK_EVENT]}, False),
        ({"source": ["acs:ess"]}, True),
        ({"source": ["acs.ess"], "type": ["ess:ScalingActivity:ScaleOutSuccess"]}, False),
        ({"type": [{"prefix": "ess:LifecycleHook:"}]}, True),
        ({"type": [{"prefix": "ess:ScalingActivity:"}]}, False),
        ({"type": [{"suffix": ":ScaleOut"}]}, True),
        ({"type": [{"suffix": ":ScaleIn"}]}, False),
        ({"type": [{"anything-but": "x"}]}, True),
    ],
)
def test_event_of_a_hook_passes_a_pattern(pattern: dict[str, Any], *, expected: bool) -> None:
    """By its source and its type, named or by prefix and suffix."""
    passes = admits(pattern, "source", SOURCES) and admits(pattern, "type", (HOOK_EVENT,))
    assert expected is passes


def test_short_timeout_is_the_one_that_the_function_warns_of() -> None:
    """Both count the same minutes of throttling."""
    assert app.LEAST_MINUTES == LEAST_MINUTES


def test_hook_waits_for_everything_that_the_function_waits_for() -> None:
    """Visibility, settling, guests that are asked, a throttled minute, and one to come again."""
    assert 210 == least_timeout(read_settings({}))
    longer = {"VISIBILITY_SECONDS": "300", "SETTLE_SECONDS": "60", "MINUTE_SECONDS": "10"}
    assert 430 == least_timeout(read_settings(longer))
    assert 330 == least_timeout(read_settings({"GUEST_PORT": "22"}))
    assert 250 == least_timeout(read_settings({"GUEST_PORT": "22", "GUEST_SECONDS": "40"}))
    assert 210 == least_timeout(read_settings({"GUEST_SECONDS": "40"}))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], Exit.AT_TARGET),
        ([Level.OK], Exit.AT_TARGET),
        ([Level.OK, Level.UNREAD], Exit.SHORT),
        ([Level.OK, Level.WARNING], Exit.SHORT),
        ([Level.WARNING, Level.UNREAD, Level.FAILURE], Exit.FAILED),
    ],
)
def test_worst_row_decides_the_status(levels: list[Level], expected: Exit) -> None:
    """What could not be read counts as a warning."""
    assert expected == status_of([Finding(Row.FUNCTION, level, "", "") for level in levels])


def test_advice_names_what_is_called_otherwise() -> None:
    """A command can be copied as it stands; the defaults are left out."""
    plain = Names("cn-beijing", "secondary-ips-1")
    assert "secondary-ips setup --region cn-beijing" == setup_command(plain)
    other = Names("cn-beijing", "logs", logstore="enis", function="ips-blue")
    expected = "secondary-ips setup --region cn-beijing --project logs --logstore enis"
    assert f"{expected} --function ips-blue" == setup_command(other)
    deploy = "ALIBABA_CLOUD_REGION_ID=cn-beijing ROLE=a FUNCTION_NAME=ips-blue s deploy -y"
    deploy += ", with your other variables"
    assert deploy == deploy_command(other, ROLE="a")
