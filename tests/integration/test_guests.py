"""Guests that are asked whether they answer, from the event to the completed hook."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from handler.core.errors import OutOfTime
from handler.core.guests import Heard
from handler.core.settings import read_settings
from handler.shell.app import App
from localcloud.testing import LocalCloud
from tests.fresh import said
from tests.stage import Delivered, SharedClock, Stage, environment
from tests.worlds import eni, hook_event, instance, running_event, world

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PORT = 7
TWO = {"TARGET_SECONDARY_IPS": "2", "GUEST_PORT": f"{PORT}"}
SHORT = TWO | {"ON_SILENT": "short", "ON_SHORTFALL": "abandon"}
GOOD = ("assigned", "reached")
HEARTBEAT, COMPLETE = "RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"
# A round in which anybody is silent lasts so long.
ROUND = 2.0


@dataclass
class Doors:
    """Who answers, on the clock of a stage.

    Attributes:
        opens: since when an address answers, seconds after the first round; absent: never.
        otherwise: the same for all others.
        rounds: when each round was, and who was asked.
        lasts: how long a round lasts in which anybody is silent.
    """

    clock: SharedClock
    opens: dict[str, float] = field(default_factory=dict)
    otherwise: float | None = None
    rounds: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    lasts: float = ROUND

    def __call__(self, addresses: Sequence[str], port: int, seconds: float) -> Heard:
        """One round; it takes the time that a silent one takes."""
        assert port == PORT
        now = self.clock.now()
        self.rounds.append((now, tuple(addresses)))
        since = now - self.rounds[0][0]
        answered = {each for each in addresses if self._opens(each) <= since}
        self.clock.sleep(min(seconds, self.lasts if len(answered) < len(addresses) else 0.0))
        return Heard(frozenset(addresses), frozenset(answered))

    def _opens(self, address: str) -> float:
        found = self.opens.get(address, self.otherwise)
        return 1e9 if found is None else found

    @property
    def asked(self) -> Counter[str]:
        """How often each address was asked."""
        return Counter(each for _, addresses in self.rounds for each in addresses)


def doors(stage: Stage, otherwise: float | None = None, **opens: float) -> Doors:
    """The guests of a stage; addresses by the last of their numbers, `ip7` for 10.0.0.7."""
    named = {f"10.0.0.{name.removeprefix('ip')}": at for name, at in opens.items()}
    return Doors(SharedClock(stage.time), named, otherwise)


def function(stage: Stage, knock: Doors, **settings: str) -> App:
    """A function that asks at these doors."""
    environ = environment(stage.cloud.url, **stage.settings | settings)
    return App(read_settings(environ), environ, SharedClock(stage.time), knock=knock)


def primary(stage: Stage, eni_id: str) -> str:
    """The primary address of an ENI."""
    return str(stage.enis()[eni_id]["primary"])


def secondary(stage: Stage, *eni_ids: str) -> set[str]:
    """The secondary addresses of ENIs."""
    return {each for eni_id in eni_ids for each in stage.enis()[eni_id]["secondary"]}


def guests(delivered: Delivered) -> dict[str, tuple[str | None, int]]:
    """By ENI id: what its guest does, and how many addresses are silent."""
    return {eni_id: (row["guest"], len(row["silent"])) for eni_id, row in delivered.enis.items()}


def in_result(delivered: Delivered) -> dict[str, tuple[str | None, int]]:
    """The same, as the result has it."""
    rows: Iterable[dict[str, Any]] = delivered.result["enis"]
    return {row["network_interface_id"]: (row["guest"], len(row["silent"])) for row in rows}


def test_guests_that_answer_at_once() -> None:
    """Every address is asked once, beside its primary one, before the hook is completed."""
    with Stage(world(instance("a"), instance("b", eni("eni-b", 2))), TWO) as stage:
        asked = doors(stage, otherwise=0.0)
        delivered = stage.deliver(hook_event("i-a", "i-b"), function(stage, asked))
        enis = ("eni-a", "eni-b")
        controls = {primary(stage, each) for each in enis}
        assert dict.fromkeys({*secondary(stage, *enis), *controls}, 1) == asked.asked
        assert dict.fromkeys(enis, ("answers", 0)) == guests(delivered) == in_result(delivered)
        assert "CONTINUE" == stage.hook()["result"]
        assert 0 == delivered.of("run_summary")[0]["seconds_waited"]
        assert {"info"} == {row["level"] for row in delivered.of("eni_result")}


def test_guest_that_comes_up_later_is_waited_for() -> None:
    """It is asked again, later and later; what has answered is left alone."""
    with Stage(world(instance("a")), SHORT) as stage:
        asked = doors(stage, otherwise=20.0)
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        assert {"eni-a": ("answers", 0)} == guests(delivered)
        assert "CONTINUE" == stage.hook()["result"]
        times = [at for at, _ in asked.rounds]
        pauses = [round(b - a - ROUND, 3) for a, b in pairwise(times)]
        assert [0.2, 0.4, 0.8, 1.6, 3.2, 5.0] == pauses
        assert times[-1] - times[0] >= 20


def test_address_that_never_answers() -> None:
    """It is recorded, with a warning and advice; the hook hears nothing of it."""
    with Stage(world(instance("a", eni("eni-a", ["10.0.0.7", "10.0.0.8"]))), TWO) as stage:
        asked = doors(stage, otherwise=0.0, ip8=999)
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        row = delivered.enis["eni-a"]
        assert ("satisfied", "silent", ["10.0.0.8"]) == (
            row["outcome"],
            row["guest"],
            row["silent"],
        )
        assert ("warning", True) == (row["level"], "docs/guest.md" in row["advice"])
        assert "CONTINUE" == stage.hook()["result"]
        first, last = asked.rounds[0][0], asked.rounds[-1][0]
        assert 120 - ROUND == pytest.approx(last - first)
        assert (1, 1) == (asked.asked["10.0.0.7"], asked.asked[primary(stage, "eni-a")])


@pytest.mark.parametrize(
    ("control", "guest"), [(0.0, "silent"), (None, "unreachable")], ids=["silent", "unreachable"]
)
@pytest.mark.parametrize(
    ("on_silent", "result"), [("report", "CONTINUE"), ("short", "ABANDON")], ids=["report", "short"]
)
def test_what_the_hook_is_told_of_silence(
    on_silent: str, result: str, control: float | None, guest: str
) -> None:
    """`ON_SILENT=short` counts either kind as a shortfall; `report` neither."""
    with Stage(world(instance("a", eni("eni-a", 2))), SHORT | {"ON_SILENT": on_silent}) as stage:
        asked = doors(stage)
        if control is not None:
            asked.opens[primary(stage, "eni-a")] = control
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        assert {"eni-a": (guest, 2)} == guests(delivered) == in_result(delivered)
        assert result == stage.hook()["result"]
        assert {"eni-a": ("satisfied", "at_target")} == delivered.ends


def test_no_patience_is_one_round() -> None:
    """With GUEST_SECONDS=0 each address is asked once."""
    with Stage(world(instance("a")), SHORT | {"GUEST_SECONDS": "0"}) as stage:
        asked = doors(stage)
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        assert (1, "ABANDON") == (len(asked.rounds), stage.hook()["result"])
        assert {"eni-a": ("unreachable", 2)} == guests(delivered)


def test_heartbeats_cover_the_wait() -> None:
    """A hook whose own time would not last is kept alive while guests are asked."""
    brief = world(instance("a"))
    brief["lifecycle_actions"][0]["timeout"] = 60
    with Stage(brief, TWO | {"GUEST_SECONDS": "300"}) as stage:
        asked = doors(stage, otherwise=200.0)
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        assert {"eni-a": ("answers", 0)} == guests(delivered)
        assert (1, "CONTINUE") == (stage.hook()["heartbeats"], stage.hook()["result"])


@pytest.mark.parametrize("refused", [0, 999], ids=["heartbeats", "heartbeats that fail"])
def test_rounds_that_take_no_time_are_no_busy_loop(refused: int) -> None:
    """Where the kernel knows no way, a pause lies between rounds, and few calls keep the hook."""
    brief = world(instance("a"))
    brief["lifecycle_actions"][0]["timeout"] = 60
    failing = {"action": HEARTBEAT, "fault": "error", "code": "ServiceUnavailable", "status": 503}
    faults = [failing | {"times": refused}] if refused else []
    with Stage(brief, TWO | {"GUEST_SECONDS": "600"}, faults) as stage:
        asked = doors(stage)
        asked.lasts = 0.0
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked), timeout=900)
        pauses = [b - a for (a, _), (b, _) in pairwise(asked.rounds)]
        assert {"eni-a": ("unreachable", 2)} == guests(delivered)
        assert min(pauses) > 0.1
        assert len(pauses) < 600 / 5 + 10
        assert len(stage.cloud.calls(HEARTBEAT)) <= 20
        assert len(stage.cloud.calls("DescribeLifecycleHooks")) <= 1


@pytest.mark.parametrize(
    "event", [hook_event("i-a"), {"backfill": {"all": True, "ask_guests": True}}]
)
def test_asking_that_breaks_loses_no_record(event: dict[str, Any]) -> None:
    """What was held back is recorded, once, whatever becomes of the asking."""

    def broken(addresses: Sequence[str], port: int, seconds: float) -> Heard:
        raise RuntimeError(f"asked {len(addresses)} on {port} for {seconds}")

    with Stage(world(instance("a")), TWO) as stage:
        environ = environment(stage.cloud.url, **stage.settings)
        app = App(read_settings(environ), environ, SharedClock(stage.time), knock=broken)
        delivered = stage.deliver(event, app)
        assert delivered.error is not None
        assert [("eni-a", None)] == [
            (row["network_interface_id"], row["guest"]) for row in delivered.of("eni_result")
        ]


def test_end_of_the_hook_ends_the_asking() -> None:
    """Where no heartbeat is taken, the hook is completed before its time is over."""
    brief = world(instance("a"))
    brief["lifecycle_actions"][0]["timeout"] = 60
    refused = {"action": HEARTBEAT, "fault": "error", "code": "Forbidden.RAM", "status": 403}
    with Stage(brief, TWO, [refused | {"times": 99}]) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"), function(stage, doors(stage)))
        assert ("Completed", "CONTINUE") == (stage.hook()["status"], stage.hook()["result"])
        assert {"eni-a": ("unreachable", 2)} == guests(delivered)
        assert 30 <= stage.time.now() - began < 60


def test_deadline_ends_the_asking_and_nothing_is_lost() -> None:
    """What is silent then is recorded, and there is time left to complete the hook."""
    with Stage(world(instance("a"), instance("b")), SHORT | {"GUEST_SECONDS": "3600"}) as stage:
        app = function(stage, doors(stage))
        delivered = stage.deliver(hook_event("i-a", "i-b"), app, timeout=120)
        assert delivered.error is None
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        assert dict.fromkeys(("eni-a", "eni-b"), ("unreachable", 2)) == guests(delivered)
        assert "ABANDON" == stage.hook()["result"]


def test_too_little_time_to_call_it_silence() -> None:
    """A shortfall is not told after a moment: recorded, raised, and the hook left waiting."""
    with Stage(world(instance("a")), SHORT) as stage:
        delivered = stage.deliver(hook_event("i-a"), function(stage, doors(stage)), timeout=30)
        assert isinstance(delivered.error, OutOfTime)
        assert {"eni-a": GOOD} == delivered.ends
        assert "Pending" == stage.hook()["status"]
        again = stage.deliver(hook_event("i-a"), function(stage, doors(stage, otherwise=0.0)))
        assert ({"eni-a": ("answers", 0)}, "CONTINUE") == (guests(again), stage.hook()["result"])


def test_too_little_time_is_said_where_silence_is_only_reported() -> None:
    """With ON_SILENT=report the hook goes on, whatever the guests did not say in time."""
    with Stage(world(instance("a")), TWO) as stage:
        delivered = stage.deliver(hook_event("i-a"), function(stage, doors(stage)), timeout=30)
        assert delivered.error is None
        assert {"eni-a": ("unreachable", 2)} == guests(delivered)
        assert "CONTINUE" == stage.hook()["result"]


def test_nobody_is_asked_while_something_is_undecided() -> None:
    """The event comes again anyway: what is decided is recorded, and asked then."""
    settings = TWO | {"SETTLE_SECONDS": "4", "VISIBILITY_SECONDS": "10"}
    late = instance("late", eni("eni-late", 0, status="Attaching"))
    with Stage(world(instance("a"), late), settings) as stage:
        asked = doors(stage, otherwise=0.0)
        delivered = stage.deliver(hook_event("i-a", "i-late"), function(stage, asked))
        assert delivered.error is not None
        assert [] == asked.rounds
        assert {"eni-a": "assigned", "eni-late": "deferred"} == {
            eni_id: outcome for eni_id, (outcome, _) in delivered.ends.items()
        }
        assert {(None, 0)} == set(guests(delivered).values())


def test_read_that_fails_loses_no_record() -> None:
    """What was held back when the work was cut short is recorded all the same."""
    refused = {
        "action": "DescribeInstances",
        "fault": "error",
        "code": "Forbidden.RAM",
        "status": 403,
        "times": 9,
        "where": {"InstanceIds": '["i-late"]'},
    }
    with Stage(world(instance("a")), TWO, [refused]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-late"), function(stage, doors(stage)))
        assert delivered.error is not None
        assert GOOD == delivered.ends.get("eni-a")


def test_instance_that_is_released_while_it_is_asked() -> None:
    """Nobody is called silent who has gone; what is silent on the others counts."""
    gone = {"NetworkInterfaceSets": {"NetworkInterfaceSet": []}, "NextToken": ""}
    released = {
        "action": "DescribeNetworkInterfaces",
        "where": {"NetworkInterfaceId.1": "eni-a"},
        "fault": "http",
        "status": 200,
        "body": json.dumps(gone),
    }
    with Stage(world(instance("a", eni("eni-a", 2))), SHORT, [released]) as stage:
        delivered = stage.deliver(hook_event("i-a"), function(stage, doors(stage)))
        assert {"eni-a": (None, 0)} == guests(delivered)
        assert "CONTINUE" == stage.hook()["result"]


def test_who_is_left_alone_is_not_asked() -> None:
    """Neither what a tag opts out of, nor what holds no secondary address."""
    out = eni("eni-out", 2, tags={"secondary-ips": "skip"})
    none = eni("eni-none", 0, tags={"secondary-ips": "0"})
    with Stage(world(instance("a", out), instance("b", none)), TWO) as stage:
        asked = doors(stage)
        delivered = stage.deliver(hook_event("i-a", "i-b"), function(stage, asked))
        assert dict.fromkeys(("eni-out", "eni-none"), (None, 0)) == guests(delivered)
        assert ([], "CONTINUE") == (asked.rounds, stage.hook()["result"])


def test_record_names_the_image_and_the_result_does_not() -> None:
    """Queries of the log ask by image; the rows of a result are those that callers know."""
    made = instance("a") | {"image": "m-bp1golden00000000001"}
    with Stage(world(made), TWO) as stage:
        delivered = stage.deliver(running_event("i-a"), function(stage, doors(stage, 0.0)))
        assert "m-bp1golden00000000001" == delivered.enis["eni-a"]["image_id"]
        rows = delivered.result["enis"]
        assert [{*delivered.enis["eni-a"]} - {*rows[0]}] == [
            {"image_id", "timestamp", "level", "record_type", "request_id", "region"}
        ]


def test_image_that_is_not_known_is_empty() -> None:
    """An ENI that is attached to nothing has no instance to tell of."""
    alone = world() | {"enis": [eni("eni-alone", type="Secondary", status="Available")]}
    with Stage(alone, TWO) as stage:
        request = {"backfill": {"network_interface_ids": ["eni-alone"]}}
        delivered = stage.deliver(request, function(stage, doors(stage)))
        assert "" == delivered.enis["eni-alone"]["image_id"]


def test_launch_without_a_hook_asks_too() -> None:
    """The records of an instance that just runs say whether its guest answers."""
    with Stage(world(instance("a")), TWO) as stage:
        delivered = stage.deliver(running_event("i-a"), function(stage, doors(stage)))
        assert {"eni-a": ("unreachable", 2)} == guests(delivered)


def test_silent_guests_of_an_array_do_not_keep_the_others_waiting() -> None:
    """The first event of an array waits; by then the time of the others is over, too."""
    names = [f"n{number}" for number in range(8)]
    with Stage(world(*(instance(name) for name in names)), TWO) as stage:
        asked = doors(stage)
        array = [running_event(f"i-{name}") for name in names]
        delivered = stage.deliver(array, function(stage, asked), timeout=300)
        assert delivered.error is None
        assert dict.fromkeys((f"eni-{name}" for name in names), GOOD) == delivered.ends
        assert {("unreachable", 2)} == set(guests(delivered).values())
        assert {1} == {
            times for address, times in asked.asked.items() if address not in asked.rounds[0][1]
        }


def test_guests_without_a_hook_leave_time_for_others() -> None:
    """However large GUEST_SECONDS is, half of a delivery's time stays for the next event."""
    two = world(instance("a"), instance("b"))
    with Stage(two, TWO | {"GUEST_SECONDS": "3600"}) as stage:
        array = [running_event("i-a"), running_event("i-b")]
        delivered = stage.deliver(array, function(stage, doors(stage)))
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        assert dict.fromkeys(("eni-a", "eni-b"), ("unreachable", 2)) == guests(delivered)
        assert delivered.of("run_summary")[0]["seconds_waited"] <= 300


def test_dry_run_asks_once() -> None:
    """A launch in a dry run waits for nobody."""
    with Stage(world(instance("a", eni("eni-a", 1))), TWO | {"DRY_RUN": "true"}) as stage:
        asked = doors(stage)
        delivered = stage.deliver(hook_event("i-a"), function(stage, asked))
        assert ({"eni-a": ("unreachable", 1)}, 1) == (guests(delivered), len(asked.rounds))


@pytest.mark.parametrize("verb", ["backfill", "plan"])
def test_backfill_asks_once_where_the_request_says_so(verb: str) -> None:
    """Each address is asked in one round, and nobody is waited for."""
    with Stage(world(instance("a", eni("eni-a", 2))), SHORT) as stage:
        asked = doors(stage)
        app = function(stage, asked)
        silent = stage.deliver({verb: {"all": True}}, app)
        assert ({"eni-a": (None, 0)}, []) == (guests(silent), asked.rounds)
        heard = stage.deliver({verb: {"all": True, "ask_guests": True}}, app)
        assert ({"eni-a": ("unreachable", 2)}, 1) == (guests(heard), len(asked.rounds))
        assert heard.error is None


def test_without_a_port_nobody_is_asked() -> None:
    """A launch and a backfill that would ask do neither calls nor waits for it."""
    with Stage(world(instance("a")), TWO | {"GUEST_PORT": ""}) as stage:
        asked = doors(stage)
        app = function(stage, asked)
        launched = stage.deliver(hook_event("i-a"), app)
        filled = stage.deliver({"backfill": {"all": True, "ask_guests": True}}, app)
        assert [{"eni-a": (None, 0)}] * 2 == [guests(launched), guests(filled)]
        assert [] == asked.rounds


@pytest.mark.parametrize(
    ("port", "ask", "warned"),
    [("", True, 1), ("", False, 0), (f"{PORT}", True, 0)],
    ids=["no port", "not to be asked", "a port"],
)
def test_request_that_cannot_ask_is_not_silent(port: str, *, ask: bool, warned: int) -> None:
    """One record warns that nobody was asked, and what to set; the work is done all the same."""
    with Stage(world(instance("a")), TWO | {"GUEST_PORT": port}) as stage:
        app = function(stage, doors(stage, otherwise=0.0))
        delivered = stage.deliver({"backfill": {"all": True, "ask_guests": ask}}, app)
        records = delivered.of("configuration")
        assert {"eni-a": GOOD} == delivered.ends
        assert ["warning"] * warned == [each["level"] for each in records]
        assert all("GUEST_PORT" in each["reason"] + each["advice"] for each in records)


SCRIPT = """
import contextlib, io, json, sys, types
import index
context = types.SimpleNamespace(request_id="r", credentials=None)
with contextlib.redirect_stdout(io.StringIO()):
    index.initialize(context)
    index.handler({event!r}, context)
names = ("handler.shell.probe", "handler.core.guests")
print(json.dumps([each for each in names if each in sys.modules]))
"""


@pytest.mark.parametrize(
    ("port", "imported"), [("", []), ("7", ["handler.shell.probe", "handler.core.guests"])]
)
def test_without_a_port_nothing_is_imported_for_it(port: str, imported: list[str]) -> None:
    """A launch without GUEST_PORT imports neither what asks nor what judges the answers."""
    with LocalCloud(world(instance("a"))) as cloud:
        event = json.dumps(running_event("i-a")).encode()
        settings = {"TARGET_SECONDARY_IPS": "0", "GUEST_PORT": port}
        assert imported == said(SCRIPT.format(event=event), environment(cloud.url, **settings))
