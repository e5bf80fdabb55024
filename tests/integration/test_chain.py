"""A large region, a chain of many hops, and what can happen to one on the way.

Worker processes under the local Function Compute, in real time; one hop is delivered twice and
works beside itself, another is killed in the middle of a page.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.functions.sdk import asynchronous, invoke
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import NEW, until
from tests.worlds import VSWITCH, eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WRITE = "AssignPrivateIpAddresses"
# A minute is a second with 90 writes; a hop has eight, and hands over after six.
MINUTE, TIMEOUT, HOPS = 1.0, 8, 8
ENIS, PAGE = 5_000, 500
TARGET, RESERVE = 2, 8
# One ENI in 25 sits in a vSwitch of 252 addresses, which 200 such ENIs all but use up by
# themselves; one in 40 on a type with room for a single secondary address.
DRY, EVERY_DRY, EVERY_SMALL = "vsw-bp1dry0000000000001", 25, 40
SMALL_TYPE, SMALL_QUANTITY = "ecs.small.test", 2
SETTINGS = {
    "TARGET_SECONDARY_IPS": f"{TARGET}",
    "VSWITCH_RESERVE": f"{RESERVE}",
    "ASSIGN_PER_MINUTE": "180",
    "BACKFILL_SHARE": "0.5",
    "MINUTE_SECONDS": f"{MINUTE}",
    "SETTLE_SECONDS": "1",
    "VISIBILITY_SECONDS": "1",
}
ALL = json.dumps({"backfill": {"all": True}}).encode()
TWICE, KILLED = 2, 5
LONGEST = 240.0


def region() -> dict[str, Any]:
    """The fleet, in the order in which its ENIs are listed, and the function."""
    found = world(*map(member, range(ENIS)), cidr="10.0.0.0/16", lifecycle_actions=[])
    dry = {**found["vswitches"][0], "id": DRY, "cidr": "10.1.0.0/24"}
    function = {
        "name": NEW,
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "runtime": "python3.12",
        "timeout": TIMEOUT,
        "env": SETTINGS,
    }
    return found | {
        "vswitches": [*found["vswitches"], dry],
        "instance_types": {SMALL_TYPE: [2, SMALL_QUANTITY]},
        "functions": [function],
    }


def member(number: int) -> dict[str, Any]:
    """One instance with one ENI."""
    name = f"n{number:04}"
    vswitch = DRY if number % EVERY_DRY == 0 else VSWITCH
    kind = {"type": SMALL_TYPE} if number % EVERY_SMALL == 1 else {}
    return instance(name, eni(f"eni-{name}", vswitch=vswitch), **kind)


class Watch:
    """What is seen of a chain from outside: the cloud's books, and the function's log."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.pid = 0
        self.at_death: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Tell how far it is."""
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        sys.stdout.flush()

    def runs(self, hop: int) -> list[dict[str, Any]]:
        """The runs of one hop, in the order in which they began."""
        runs = self.cloud.invocations()
        return [run for run in runs if run["task_id"].endswith(f"_{hop}")]

    def started(self, hop: int) -> dict[str, Any]:
        """Wait until a hop has begun; return its first run."""
        run = until(lambda: self.runs(hop), LONGEST)[0]
        self.say(f"hop {hop} has begun; {sum(self.cloud.held().values())} addresses are assigned")
        return run

    def records(self, record_type: str) -> list[dict[str, Any]]:
        """The records of one type, oldest first."""
        marked = f'"record_type": "{record_type}"'
        rows = (row["message"] for row in self.cloud.logs(NEW))
        return [json.loads(row) for row in rows if marked in row]

    def ended(self) -> bool:
        """Whether nothing runs any more, and nothing is to come."""
        time.sleep(0.2)
        runs = self.cloud.invocations()
        return all(run["end"] for run in runs) and bool(self.last_summaries())

    def last_summaries(self) -> list[dict[str, Any]]:
        """The summaries of runs that handed nothing over and raised nothing."""
        handed_over = Counter(row["request_id"] for row in self.records("continuation"))
        found = []
        for row in self.records("run_summary"):
            if handed_over[row["request_id"]]:
                handed_over[row["request_id"]] -= 1
            elif row["raised"] is None:
                found.append(row)
        return found


def wide(held: dict[str, int]) -> list[list[int]]:
    """What the ENIs hold whose vSwitch has room, page by page."""
    rows = list(held.values())
    pages = [range(start, start + PAGE) for start in range(0, ENIS, PAGE)]
    return [[rows[number] for number in page if number % EVERY_DRY] for page in pages]


@pytest.fixture(scope="module")
def chain() -> Iterator[Watch]:
    """The chain, from its first invocation to its end."""
    with LocalCloud(region(), minute=MINUTE) as cloud:
        watch = Watch(cloud)
        invoke(cloud, NEW, ALL, asynchronous("first"))
        cloud.deliver_again(NEW, watch.started(TWICE)["task_id"])
        watch.say(f"hop {TWICE} is delivered a second time")
        watch.pid = watch.started(KILLED)["pid"]
        time.sleep(TIMEOUT / 4)
        assert [watch.pid] == cloud.kill_instance(watch.pid)
        watch.at_death = watch.cloud.held()
        watch.say(f"hop {KILLED} is killed")
        until(watch.ended, LONGEST)
        watch.say(f"the chain has ended; {sum(watch.cloud.held().values())} addresses are assigned")
        yield watch


def final(chain: Watch) -> dict[str, dict[str, Any]]:
    """The last record of each ENI that leaves nothing to others.

    Which of several invocations writes last is chance: one that works on although the chain has
    gone on without it still says what it leaves.
    """
    rows = chain.records("eni_result")
    return {row["network_interface_id"]: row for row in rows if row["outcome"] != "deferred"}


def test_trouble_came_as_ordered(chain: Watch) -> None:
    """One hop ran twice at once, another died within a page and was tried again."""
    one, other = (run for run in chain.runs(TWICE) if run["attempt"] == 1)
    assert max(one["start"], other["start"]) < min(one["end"], other["end"])
    assert one["pid"] != other["pid"]
    runs = chain.cloud.invocations()
    assert [chain.pid] == [run["pid"] for run in runs if run["outcome"] == "exited"]
    assert [1, 2] == [run["attempt"] for run in chain.runs(KILLED)][:2]
    assert any(0 in page and TARGET in page for page in wide(chain.at_death))


def test_every_eni_holds_its_target_or_what_there_is_room_for(chain: Watch) -> None:
    """By the cloud's own books: none above, none below without a cause."""
    rest = chain.cloud.held()
    dry = [rest.pop(f"eni-n{number:04}") for number in range(0, ENIS, EVERY_DRY)]
    small = [
        rest.pop(f"eni-n{number:04}")
        for number in range(1, ENIS, EVERY_SMALL)
        if number % EVERY_DRY
    ]
    assert {TARGET} == set(rest.values())
    assert {SMALL_QUANTITY - 1} == set(small)
    # A /24 less the four addresses that every vSwitch loses, and the primary ones.
    free = 256 - 4 - len(dry) - sum(dry)
    assert 0 < sum(dry)
    assert max(dry) <= TARGET
    assert free <= RESERVE


def test_every_eni_has_a_final_record_that_is_true(chain: Watch) -> None:
    """It says what the ENI holds, and for each one that is short why."""
    records, held = final(chain), chain.cloud.held()
    assert held == {eni_id: row["after"] for eni_id, row in records.items()}
    short = {eni_id for eni_id, count in held.items() if count < TARGET}
    ends = {
        eni_id: (row["outcome"], row["reason"])
        for eni_id, row in records.items()
        if (row["outcome"], row["reason"])
        not in {("assigned", "reached"), ("satisfied", "at_target")}
    }
    numbers = {eni_id: int(eni_id.removeprefix("eni-n")) for eni_id in short}
    causes = {
        eni_id: ("short", "vswitch" if number % EVERY_DRY == 0 else "quota")
        for eni_id, number in numbers.items()
    }
    assert causes == ends
    assert {"vswitch", "quota"} == {reason for _, reason in ends.values()}


def test_chain_does_not_fork_and_ends_once(chain: Watch) -> None:
    """Each hop was accepted once under its task id, one follows the other, and one is the last."""
    asked = [
        (call["parameters"]["taskId"], call["status"])
        for call in chain.cloud.calls("InvokeFunction")
        if call["parameters"]["taskId"] != "first"
    ]
    accepted = [task_id for task_id, status in asked if status == 202]
    prefix = accepted[0].rpartition("_")[0]
    assert [f"{prefix}_{hop}" for hop in range(1, len(accepted) + 1)] == accepted
    assert len(accepted) >= HOPS
    # A hop that ran again handed over again: refused, because it had led on before.
    again = {f"{prefix}_{hop + 1}" for hop in range(len(accepted)) if len(chain.runs(hop)) > 1}
    refused = {task_id for task_id, status in asked if status == 409}
    assert f"{prefix}_{TWICE + 1}" in refused
    assert refused <= again
    assert [len(accepted)] == [row["hop"] for row in chain.last_summaries()]
