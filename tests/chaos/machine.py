"""A world in which everything happens that can happen, in any order; Hypothesis draws the order.

Several function instances work on deliveries of the same launches, a few steps at a time. Between
two steps events come again, processes die, faults begin, reads lag, people change what is being
worked on. After every step the promises are checked from the cloud's books (`audit`). In the end
the faults stop, and deliveries must reach the targets.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from Tea.exceptions import TeaException

from handler.core.errors import StaleCredentials
from localcloud.sdk import call
from localcloud.testing import LocalCloud
from tests.chaos import sides
from tests.chaos.audit import ASSIGN, Audit, Order
from tests.chaos.trouble import (
    CAPACITIES,
    CHANGES,
    ENIS,
    HOOKS,
    INSTANCES,
    JUNK,
    KEY,
    LAUNCHES,
    SECRETS,
    SELECTORS,
    SETTLE,
    TARGETS,
    TOKEN_SECONDS,
    VISIBILITY,
    WANTS,
    Change,
    faults,
    worlds,
)
from tests.chaos.turns import ENDLESS, CloudTime, Killed, Worker
from tests.stage import environment
from tests.worlds import REGION, VSWITCH

if TYPE_CHECKING:
    from tests.chaos.trouble import Json

# Function instances at work at the same time.
CREW = 3
# Deliveries until one finds nothing left to write, once faults have stopped: late reads cost some.
ENOUGH = 5

PICKS = st.integers(0, 5)
# Up to where all is read and nothing is written: from there, deliveries race.
BRINK = 0
LOOKS = st.integers(1, 25) | st.sampled_from([ENDLESS, BRINK])
SECONDS = st.sampled_from([0, 0, 0, 0, 0, 1, 9, 30, 61, 400])
# What was done in all examples of this process.
COUNTS: Counter[str] = Counter()


@dataclass(frozen=True)
class Delivery:
    """An event under way, to be delivered again until it is done."""

    event: bytes
    request_id: str
    timeout: float
    order: Order


@cache
def the_cloud() -> LocalCloud:
    """One server for all worlds of this process: starting one costs more than a delivery."""
    return LocalCloud(between_calls=True).__enter__()


class Chaos(RuleBasedStateMachine):
    """The function in a hostile world."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: list[Worker] = []
        self.crew: dict[Worker, Delivery] = {}
        self.again: list[Delivery] = []
        self.faults: list[Json] = []
        self.deliveries = 0
        self.cloud: LocalCloud | None = None

    @initialize(
        world=worlds(),
        default=TARGETS,
        on_shortfall=st.sampled_from(["default", "continue", "abandon"]),
        reserve=st.sampled_from(["0", "2"]),
        in_context=st.booleans(),
    )
    def found(
        self, world: Json, default: str, on_shortfall: str, reserve: str, in_context: bool
    ) -> None:
        """A world, and what the operator configured."""
        COUNTS["examples"] += 1
        self.time = CloudTime()
        self.cloud = the_cloud()
        self.cloud.restart(world, self.time)
        self.honest_reads = world["read_lag_seconds"] == 0
        keys = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": KEY.security_token,
        }
        self.credentials = SimpleNamespace(
            access_key_id=KEY.id, access_key_secret=KEY.secret, security_token=KEY.security_token
        )
        self.in_context = in_context
        self.environ = environment(self.cloud.url) | {
            "TARGET_SECONDARY_IPS": default,
            "ON_SHORTFALL": on_shortfall,
            "VSWITCH_RESERVE": reserve,
            "SETTLE_SECONDS": str(SETTLE),
            "VISIBILITY_SECONDS": str(VISIBILITY),
            # One call at a time per instance: what happens when is drawn, not left to the machine.
            "MAX_CONCURRENCY": "1",
            **(dict.fromkeys(keys, "") if in_context else keys),
        }
        kept = world["token_seconds"]
        self.audit = Audit(
            self.cloud, self.time, CAPACITIES, SECRETS, COUNTS, int(reserve), kept, SETTLE
        )

    # --- deliveries ---------------------------------------------------------------------------

    @rule(
        source=st.sampled_from(sorted(LAUNCHES)),
        which=st.sampled_from(INSTANCES),
        other_target=st.none() | TARGETS,
        new=st.lists(faults(), max_size=2),
        looks=LOOKS,
        timeout=st.sampled_from([600, 600, 60]),
    )
    def launch(
        self,
        source: str,
        which: str,
        other_target: str | None,
        new: list[Json],
        looks: int,
        timeout: float,
    ) -> None:
        """An event says that instances were launched; perhaps not for the first time."""
        self._trouble(new)
        ids = [which, *(each for each in INSTANCES if each != which)]
        event = LAUNCHES[source](ids)
        named = ids[:1] if source == "state change" else ids
        names = frozenset(() if source == "hook without ids" else named)
        order = Order(self._enis_of(named), names=names, hook=HOOKS.get(source, ""))
        self._deliver(event, order, looks, timeout, other_target)

    @rule(
        selector=SELECTORS,
        wanted=st.none() | TARGETS,
        kind=st.sampled_from(["backfill", "backfill", "plan"]),
        looks=LOOKS,
    )
    def ask(self, selector: Json, wanted: str | None, kind: str, looks: int) -> None:
        """A person or a timer asks for a fleet."""
        asked = selector | ({"target": wanted} if wanted else {})
        order = Order(
            frozenset(self.audit.enis()),
            wanted,
            writes=kind == "backfill",
            by_id="network_interface_ids" in selector,
            by_instance="instance_ids" in selector,
        )
        self._deliver({kind: asked}, order, looks, 600)

    @rule(eni_id=ENIS, want=WANTS, looks=LOOKS)
    def name(self, eni_id: str, want: tuple[str, Any], looks: int) -> None:
        """A person names addresses or prefixes for an ENI, or says how many prefixes."""
        field, wanted = want
        asked = {"network_interface_ids": [eni_id], field: {eni_id: wanted}}
        order = Order(frozenset({eni_id}), by_id=True, wants=want)
        self._deliver({"backfill": asked}, order, looks, 600)

    @rule(event=JUNK)
    def nonsense(self, event: bytes) -> None:
        """Something arrives that means nothing; it must cost nothing."""
        self._start(Delivery(event, "req-junk", 600, Order(writes=False, junk=True)), ENDLESS)

    @precondition(lambda self: self.crew)
    @rule(turns=st.lists(st.tuples(PICKS, LOOKS, SECONDS), min_size=1, max_size=8))
    def interleave(self, turns: list[tuple[int, int, int]]) -> None:
        """The deliveries at work take turns; at times all stand still, as frozen containers do."""
        for which, looks, seconds in turns:
            if seconds:
                COUNTS["clock jumps"] += 1
                self.time.advance(seconds)
            if self.crew:
                self._go(self._pick(which), looks)

    @precondition(lambda self: self.crew)
    @rule(which=PICKS)
    def kill(self, which: int) -> None:
        """A delivery is cut off between two calls; what the last one did, nobody has heard.

        Its thread ends and its instance is gone; `test_crashes` kills real processes.
        """
        COUNTS["deliveries cut off"] += 1
        worker = self._pick(which)
        worker.kill()
        self._ended(worker)

    @precondition(lambda self: self.again)
    @rule(which=PICKS, looks=LOOKS)
    def retry(self, which: int, looks: int) -> None:
        """Function Compute delivers again what could not be finished, under the same id."""
        COUNTS["retries"] += 1
        self._start(self.again.pop(which % len(self.again)), looks)

    # --- the world ----------------------------------------------------------------------------

    def _trouble(self, new: list[Json]) -> None:
        """Faults are in force from now on, besides those that are left."""
        assert self.cloud is not None
        self.faults = [*new, *self.faults][:4]
        self.honest_reads &= all(each["fault"] != "stale" for each in new)
        self.cloud.faults(self.faults)

    @rule(change=CHANGES, rude=st.sampled_from([False, False, True]))
    def people(self, change: Change, rude: bool) -> None:
        """Somebody changes what is worked on; who is rude does not wait until nobody is at work.

        What others change between a read and a write is nothing that a ClientToken can prevent:
        of the ENIs concerned only the quota is then promised, until all is quiet again.
        """
        COUNTS["operators' changes"] += 1
        if not rude:
            self._all_finish()
        before = {each["id"]: self.audit.tag(each) for each in self.audit.enis().values()}
        self._operate(change)
        for eni_id, tag in before.items():
            self.audit.retagged(eni_id, tag, self.crew)
        if rude:
            self.audit.disturb({change.disturbs} & before.keys())
        else:
            self._all_finish()

    # --- the machinery ------------------------------------------------------------------------

    def _enis_of(self, ids: list[str]) -> frozenset[str]:
        """The ENIs that hang on these instances, or did when they were launched."""
        found = self.audit.enis().values()
        return frozenset(
            each["id"]
            for each in found
            if (each["instance"] and each["instance"]["id"] in ids)
            or (each["id"] == "eni-a-second" and "i-a" in ids)
        )

    def _deliver(
        self, event: Json, order: Order, looks: int, timeout: float, target: str | None = None
    ) -> None:
        self.deliveries += 1
        found = Delivery(json.dumps(event).encode(), f"req-{self.deliveries}", timeout, order)
        self._start(found, looks, target)

    def _start(self, delivery: Delivery, looks: int, target: str | None = None) -> None:
        """A function instance takes it up: a warm one, or a new one."""
        COUNTS["deliveries"] += 1
        if len(self.crew) == CREW:
            self._go(self._pick(0), ENDLESS)
        environ = self.environ | ({"TARGET_SECONDARY_IPS": target} if target else {})
        warm = [each for each in self.idle if each.environ == environ]
        worker = warm[0] if warm else Worker(self.time, environ, self.audit)
        self.idle = [each for each in self.idle if each is not worker]
        self.crew[worker] = delivery
        self.audit.begins(worker, delivery.order)
        function = SimpleNamespace(name="secondary-ips", timeout=delivery.timeout)
        context = SimpleNamespace(
            request_id=delivery.request_id,
            function=function,
            region=REGION,
            credentials=self.credentials if self.in_context else None,
        )
        worker.begin(delivery.event, context)
        alone = len(self.crew) == 1 and looks == ENDLESS
        before = self._free()
        self._go(worker, looks)
        if alone:
            self.audit.alone(worker)
        if alone and self.honest_reads:
            kept = min(before, self.audit.reserve)
            self._check(1, sides.below_reserve(VSWITCH, self._free(), kept))

    def _check(self, promise: int, wrong: str) -> None:
        self.audit.check(promise, wrong)
        assert [] == self.audit.breaches, self.audit.breaches

    def _pick(self, which: int) -> Worker:
        return list(self.crew)[which % len(self.crew)]

    def _go(self, worker: Worker, looks: int) -> None:
        if looks != BRINK:
            self._step(worker, looks)
        while looks == BRINK and worker in self.crew and not self.audit.on_the_brink(worker):
            self._step(worker, 1)

    def _step(self, worker: Worker, looks: int) -> None:
        worker.go(looks)
        self.audit.watch(worker)
        if not worker.busy:
            self._ended(worker)
        assert [] == self.audit.breaches, self.audit.breaches

    def _free(self) -> int:
        assert self.cloud is not None
        (vswitch,) = self.cloud.state()["vswitches"]
        free: int = vswitch["available"]
        return free

    def _ended(self, worker: Worker) -> None:
        delivery = self.crew.pop(worker)
        self.audit.watch(worker)
        self.audit.ended(worker)
        assert [] == self.audit.breaches, self.audit.breaches
        if worker.undecided and not delivery.order.junk:
            self.again.append(delivery)
        if isinstance(worker.error, StaleCredentials | Killed):
            worker.app.close()
        else:
            self.idle.append(worker)

    def _all_finish(self) -> None:
        """Everybody comes to an end, and reads catch up."""
        while self.crew:
            self._go(self._pick(0), ENDLESS)
        self.time.advance(SETTLE + 1)
        self.audit.settled()

    def _operate(self, change: Change) -> None:
        """Somebody else's call; what cannot be done now is not done."""
        assert self.cloud is not None
        eni = self.audit.enis().get(change.disturbs, {"secondary": []})
        asked = change.asked(eni["secondary"])
        self.cloud.faults([])
        try:
            call(self.cloud, change.action, asked, key=KEY)
        except TeaException as refused:
            assert refused.code, refused  # noqa: PT017  (not an expectation)
        self.cloud.faults(self.faults)
        self.audit.others_called()

    # --- the end ------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Faults stop; deliveries then reach the targets, and the next one writes nothing."""
        if self.cloud is None:
            return
        try:
            if not self.audit.breaches:
                self._converges()
        finally:
            for worker in [*self.crew, *self.idle]:
                worker.kill()
            self.cloud.reset()

    def _converges(self) -> None:
        assert self.cloud is not None
        self.faults = []
        self.cloud.faults([])
        self._all_finish()
        # What ECS remembers of refusals lapses with their tokens.
        self.time.advance(TOKEN_SECONDS)
        for which in INSTANCES:
            self._operate(Change("StartInstance", {"InstanceId": which}))
        self.audit.settled()
        quiet = any(self._is_quiet() for _ in range(ENOUGH))
        self._check(2, "" if quiet else "deliveries do not cease to write")
        self._all_reached()

    def _is_quiet(self) -> bool:
        """Whether a delivery for all ENIs finds nothing to write."""
        assert self.cloud is not None
        self.time.advance(100)
        before = len(self.cloud.calls(ASSIGN))
        order = Order(frozenset(self.audit.enis()))
        self._deliver({"backfill": {"all": True}}, order, ENDLESS, 600)
        return before == len(self.cloud.calls(ASSIGN))

    def _all_reached(self) -> None:
        """Every attached ENI holds what it shall, but where there is no room for it."""
        room = self._free() - self.audit.reserve
        default = self.environ["TARGET_SECONDARY_IPS"]
        for eni_id, eni in self.audit.enis().items():
            if eni["instance"] is None or room <= 0:
                continue
            wanted = self.audit.wanted(eni, self.audit.tag(eni), Order(), default)
            wanted = min(wanted, self.audit.capacity(eni))
            short = len(eni["secondary"]) < wanted
            self._check(2, f"{eni_id} does not converge" if short else "")
