"""A deployment rehearsed: the package as uploaded, in the manifests' words, under every trigger."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from deploy import package
from deploy.package import NoInterpreter
from localcloud.functions.specs import QUEUE
from localcloud.testing import LocalCloud
from tests.integration.clients.install import PLACE
from tests.integration.deployment.manifests import ROOT, fc3
from tests.integration.deployment.packaged import Deployed, unpacked
from tests.integration.localcloud.functions.sample_world import SHORT_MINUTE, until
from tests.once import made_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Place = tuple[Path, str]

FUNCTION = "secondary-ips"
FAILURES = "secondary-ips-failures"
WRITE = "AssignPrivateIpAddresses"
DEPLOYED = [
    Deployed("fc3", "python3.10"),
    Deployed("fc3", "python3.12"),
    Deployed("fc2", "python3.10"),
]
HOOK, BY_TIMER, ONE = "ess.lifecycle_hook", "manual", "ecs.instance_state_change"


def sample(name: str) -> bytes:
    """A payload of `events/`."""
    return (ROOT / f"events/{name}").read_bytes()


def timer() -> bytes:
    """What the manifest's own timer delivers."""
    payload = fc3()["triggers"][1]["triggerConfig"]["payload"]
    wrapped = {"triggerTime": "2026-11-23T19:00:00Z", "triggerName": "drift", "payload": payload}
    return json.dumps(wrapped).encode()


# What each trigger delivers: the event, its source in records, ENIs assigned, the hook's end.
DELIVERIES = {
    "ess-events: a hook": (sample("eventbridge-lifecycle-hook-scale-out.json"), HOOK, 4, True),
    "ess-events: scaled out": (
        sample("eventbridge-scale-out-success.json"),
        "ess.scaling_activity",
        4,
        False,
    ),
    "ecs-events: running": (sample("eventbridge-instance-running.json"), ONE, 2, False),
    "hooks: JSON": (sample("mns-topic-json-lifecycle-hook.json"), HOOK, 4, True),
    "hooks: STREAM": (sample("mns-topic-stream-lifecycle-hook.json"), HOOK, 4, True),
    "drift": (timer(), BY_TIMER, 7, False),
    "by hand: a failure": (sample("failure-destination-lifecycle-hook.json"), HOOK, 4, True),
}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """Where the package for a runtime is, built once; the test is skipped if it cannot be."""
    places: dict[str, Place] = {}

    def find(runtime: str) -> Place:
        if runtime not in places:
            try:
                interpreter = package.find_interpreter(runtime)
                make = partial(unpacked, runtime, interpreter)
                places[runtime] = made_once(tmp_path_factory, runtime, make) / "code", interpreter
            except (NoInterpreter, subprocess.CalledProcessError) as error:
                if runtime in os.environ.get("RUNTIMES_REQUIRED", "").split():
                    raise
                pytest.skip(f"no package for {runtime}: {error}")
        return places[runtime]

    return find


def records(cloud: LocalCloud, record_type: str) -> list[dict[str, Any]]:
    """The records of one type that the function has logged."""
    rows = [json.loads(row["message"]) for row in cloud.logs(FUNCTION)]
    return [row for row in rows if row.get("record_type") == record_type]


def hook_is_open(cloud: LocalCloud) -> bool:
    """Whether the hook of the demo world still waits."""
    return not cloud.calls("CompleteLifecycleAction")


@pytest.mark.parametrize("deployed", DEPLOYED, ids=" on ".join)
@pytest.mark.parametrize("name", DELIVERIES)
def test_trigger_is_served(name: str, deployed: Deployed, place: Callable[[str], Place]) -> None:
    """What a trigger delivers is worked on by the package alone: addresses, hook, records."""
    event, source, assigned, completed = DELIVERIES[name]
    with LocalCloud(deployed.world(*place(deployed.runtime))) as cloud:
        assert 202 == deployed.deliver(cloud, event).status
        until(lambda: records(cloud, "run_summary") != [])
        (summary,) = records(cloud, "run_summary")
        enis = [row for row in records(cloud, "eni_result") if row["outcome"] == "assigned"]
        assert (source, None, assigned) == (
            summary["source"],
            summary["raised"],
            summary["counts"]["assigned"],
        )
        assert assigned == len(enis) == len(cloud.calls(WRITE))
        assert completed == (not hook_is_open(cloud))


@pytest.mark.parametrize("deployed", DEPLOYED, ids=" on ".join)
def test_failure_is_kept_and_can_be_delivered_again(
    deployed: Deployed, place: Callable[[str], Place]
) -> None:
    """Every retry of the manifest, then its queue; the message there is an event again."""
    refusal = {"action": WRITE, "fault": "error", "code": "Forbidden.RAM", "status": 403}
    event = sample("mns-topic-json-lifecycle-hook.json")
    world = deployed.world(*place(deployed.runtime))
    with LocalCloud(world, minute=SHORT_MINUTE, faults=[refusal | {"times": 1000}]) as cloud:
        deployed.deliver(cloud, event)
        until(lambda: cloud.queue(FAILURES) != [])
        (failure,) = cloud.queue(FAILURES)
        retries = fc3()["asyncInvokeConfig"]["maxAsyncRetryAttempts"]
        assert retries + 1 == len(cloud.invocations())
        assert {"NotPermitted"} == {
            row["raised"].partition(":")[0] for row in records(cloud, "run_summary")
        }
        assert hook_is_open(cloud)
        cloud.faults([])
        deployed.deliver(cloud, json.dumps(failure).encode())
        until(lambda: not hook_is_open(cloud))
        assert {8} == {
            len(eni["secondary"]) for each in cloud.state()["instances"][:2] for eni in each["enis"]
        }


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_packages_without_a_wheel_are_built_by_what_is_pinned(
    runtime: str, place: Callable[[str], Place]
) -> None:
    """What the lock names is what built them: nothing else is fetched for it."""
    place(runtime)
    pinned = package.builders((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    (version,) = re.findall(r"^setuptools==(\S+)", pinned, re.MULTILINE)
    folder = PLACE / f"packages-{runtime}/installed"
    names = [f"{name.replace('-', '_')}-*.dist-info/WHEEL" for name in package.SOURCE_ONLY]
    built = [path.read_text("utf-8") for name in names for path in folder.glob(name)]
    assert [True, True] == [f"Generator: setuptools ({version})" in text for text in built]


def test_queue_of_the_manifest_is_the_one_that_is_read() -> None:
    """The rehearsal takes the destination from the manifest."""
    assert f"{QUEUE}{FAILURES}" == DEPLOYED[0].world(ROOT, "")["functions"][0]["on_failure"]
