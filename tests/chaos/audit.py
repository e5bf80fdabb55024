"""The promises, checked from the cloud's own books: its state and its journal.

What the function says of itself is believed nowhere; it is compared with the books instead. The
comparisons themselves are those of `sides`, as in the worlds in this process.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.cloud.faults import FAULTS
from handler.core.model import Treatment
from tests.chaos import sides
from tests.chaos.secrets import leaked
from tests.chaos.sides import INSISTS_AFTER, NEVER, TAG, UNREADABLE
from tests.chaos.turns import Killed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from localcloud.testing import LocalCloud
    from tests.chaos.turns import CloudTime, Worker

ASSIGN, COMPLETE = "AssignPrivateIpAddresses", "CompleteLifecycleAction"
HEARTBEAT, READ = "RecordLifecycleActionHeartbeat", "DescribeNetworkInterfaces"
# What is read last before a write: how much room there is.
LAST_READ = "DescribeVSwitches"
VIOLATIONS = "violations"
ABOUT_TOKENS = {Treatment.NEW_TOKEN, Treatment.REREAD}
# Refusals that say a ClientToken was used; ordered by a fault rule they are never true.
LIES = {code for code, known in FAULTS.items() if known.treatment in ABOUT_TOKENS}
HELD = {"satisfied", "assigned"}
MINUTE = 60.0


@dataclass(frozen=True)
class Order:
    """What a delivery may do.

    Attributes:
        enis: the ENIs that the event means, by the books of the moment.
        target: what the event itself asks for; None leaves it to tags and settings.
        writes: False for what must not write: plans, and what is not recognised.
        junk: whether nothing may be called at all.
        by_id: whether it names the ENIs themselves, which then cannot opt out of its target.
        wants: instead of a target, the field of the request and what it says of each ENI.
        names: the instances that a launch names.
        by_instance: whether a manual request names the instances, whose marks then do not count.
        hook: the id of the hook that it is about.
    """

    enis: frozenset[str] = frozenset()
    target: str | None = None
    writes: bool = True
    junk: bool = False
    by_id: bool = False
    wants: tuple[str, Any] | None = None
    names: frozenset[str] = frozenset()
    by_instance: bool = False
    hook: str = ""


@dataclass
class Seen:
    """What was seen of one delivery since it began.

    Attributes:
        began: epoch seconds.
        calls: what it has called.
        heard: how much of what it has written was looked at, characters.
        short_since: when its last read of ENIs came before it first recorded one as short.
    """

    order: Order
    began: float
    calls: list[dict[str, Any]] = field(default_factory=list)
    heard: int = 0
    short_since: float = float("inf")

    def called(self, action: str) -> list[dict[str, Any]]:
        """Its calls of one action."""
        return [each for each in self.calls if each["action"] == action]


@dataclass
class Audit:
    """Watches a world; every breach of a promise becomes a line in `breaches`.

    Attributes:
        allowed: per ENI, the most it may hold besides what was asked for by name.
        prefixes: the same for prefixes.
        named: per ENI, the addresses and prefixes that were asked for by name.
        token_seconds: how long ECS remembers a ClientToken.
        settle: how late reads may be, seconds.
        loose: ENIs of which only the quota is promised, until all is quiet: somebody else changed
            them between a read and a write, the function insisted on room that was denied, or ECS
            lied about a ClientToken or was given one that it had forgotten.
        disturbed: those of them that somebody else changed; less is known of what they hold.
        shown: per ENI, the tags that it had and that a read may still show.
        seen: what each function instance was asked to do last, and has done; by its identity.
        rows: per ENI, what the books have said of it, and from when on; None when it has gone.
        hooks: by id, the name of each hook, and when its time is over at the earliest.
        denied: per ENI, how often ECS claimed a want of room.
        tokens: when ECS has taken each ClientToken of a write, epoch seconds.
        completions: per hook, the ClientTokens under which it was completed.
    """

    cloud: LocalCloud
    time: CloudTime
    capacities: Mapping[str, int]
    secrets: Iterable[str]
    counts: Counter[str]
    reserve: int = 0
    token_seconds: float = 0.0
    settle: float = 0.0
    allowed: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    disturbed: set[str] = field(default_factory=set)
    shown: dict[str, list[str | None]] = field(default_factory=dict)
    seen: dict[int, Seen] = field(default_factory=dict)
    rows: dict[str, list[tuple[float, dict[str, Any] | None]]] = field(default_factory=dict)
    hooks: dict[str, tuple[str, float]] = field(default_factory=dict)
    denied: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, float] = field(default_factory=dict)
    completions: dict[str, set[str]] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    _journal: int = 0

    def __post_init__(self) -> None:
        now = self.time.now()
        for action in self.cloud.state()["lifecycle_actions"]:
            name = action.get("hook_name", action["hook_id"])
            self.hooks[action["hook_id"]] = (name, now + action["timeout"])
        self.settled()

    # --- the books -----------------------------------------------------------------------------

    def enis(self) -> dict[str, dict[str, Any]]:
        """Every ENI by id, with its instance; what the books say now is kept."""
        state, now = self.cloud.state(), self.time.now()
        found = {
            eni["id"]: {**eni, "instance": each}
            for each in state["instances"]
            for eni in each["enis"]
        }
        found |= {eni["id"]: {**eni, "instance": None} for eni in state["enis"]}
        for eni_id in found.keys() | self.rows.keys():
            rows, row = self.rows.setdefault(eni_id, []), found.get(eni_id)
            if not rows or rows[-1][1] != row:
                rows.append((now, row))
        return found

    def capacity(self, eni: Mapping[str, Any]) -> int:
        """How many secondary addresses it may hold by its quota."""
        instance = eni["instance"]
        return self.capacities[instance["type"] if instance else ""] - len(eni["prefixes"])

    def tag(self, eni: Mapping[str, Any]) -> str | None:
        """The tag that says its target."""
        found: str | None = self.tags(eni).get(TAG)
        return found

    def tags(self, eni: Mapping[str, Any]) -> dict[str, str]:
        """Its own tags and, where it has none of that name, those of its instance."""
        found: dict[str, str] = (eni["instance"] or {}).get("tags", {}) | eni["tags"]
        return found

    def marks(self, eni: Mapping[str, Any], order: Order) -> dict[str, str]:
        """The tags that may say that it is somebody else's."""
        found: dict[str, str] = eni["tags"] if order.by_instance else self.tags(eni)
        return found

    def wanted(self, eni: Mapping[str, Any], tag: str | None, order: Order, default: str) -> int:
        """How many addresses it shall hold; 0 where nothing is wanted, or nothing can be read."""
        if sides.somebody_elses(eni["id"], self.marks(eni, order), by_id=order.by_id):
            return 0
        text = tag if tag is not None else default
        if order.target is not None and (tag != "skip" or order.by_id):
            text = order.target
        if text == "max":
            return self.capacity(eni)
        if text.endswith("%"):
            quantity = self.capacities[eni["instance"]["type"] if eni["instance"] else ""]
            return min(self.capacity(eni), quantity * int(text[:-1]) // 100)
        return int(text) if text.isdecimal() else 0

    # --- what happens --------------------------------------------------------------------------

    def begins(self, worker: Worker, order: Order) -> None:
        """A delivery begins: from now on its targets are given."""
        self.seen[id(worker)] = Seen(order, self.time.now())
        self._given(worker, order)

    def _given(self, worker: Worker, order: Order) -> None:
        """What its ENIs may hold because of it."""
        enis = self.enis()
        default = worker.environ["TARGET_SECONDARY_IPS"]
        for eni_id in order.enis & enis.keys() if order.writes else ():
            if order.wants is not None:
                self._asked(eni_id, *order.wants)
                continue
            eni = enis[eni_id]
            wants = [self.wanted(eni, tag, order, default) for tag in self.tags_shown(eni)]
            most = min(max(wants), self.capacity(eni))
            self.allowed[eni_id] = max(most, self.allowed.get(eni_id, 0))

    def _asked(self, eni_id: str, field: str, wanted: Any) -> None:
        """A request says itself what an ENI shall hold."""
        if field == "ipv4_prefix_count":
            self.prefixes[eni_id] = max(wanted, self.prefixes.get(eni_id, 0))
        else:
            self.named.setdefault(eni_id, set()).update(wanted)

    def tags_shown(self, eni: Mapping[str, Any]) -> list[str | None]:
        """Its tag, and those that it had as long as reads may still show them."""
        return [self.tag(eni), *self.shown.get(eni["id"], [])]

    def retagged(self, eni_id: str, before: str | None, in_flight: Iterable[Worker]) -> None:
        """Somebody changed a tag: who reads late, or has read, still works by the old one."""
        self.shown.setdefault(eni_id, []).append(before)
        for worker in in_flight:
            self._given(worker, self.seen[id(worker)].order)

    def disturb(self, eni_ids: set[str]) -> None:
        """Somebody changed these between a read and a write."""
        self.loose |= eni_ids
        self.disturbed |= eni_ids

    def settled(self) -> None:
        """Nothing is in flight and reads have caught up: what an ENI has now is what it had."""
        self.shown.clear()
        self.loose.clear()
        self.disturbed.clear()
        self.denied.clear()
        self.named.clear()
        enis = self.enis().items()
        self.allowed = {eni_id: len(eni["secondary"]) for eni_id, eni in enis}
        self.prefixes = {eni_id: len(eni["prefixes"]) for eni_id, eni in enis}

    def watch(self, worker: Worker) -> None:
        """Look at the books whenever the function looks at the clock."""
        seen = self.seen[id(worker)]
        if self.cloud.call_count() != self._journal:
            new = self.cloud.calls(since=self._journal)
            self._journal += len(new)
            seen.calls += new
            changed = any(call["action"] in {ASSIGN, COMPLETE} for call in new)
            enis = self.enis() if changed else {}
            self._note(seen.order, new, enis)
            if changed:
                self._never_above(enis)
            for call in new:
                self._note_hook(worker, call, enis)
        if worker.output.tell() != seen.heard:
            self._hear(worker, seen)

    def on_the_brink(self, worker: Worker) -> bool:
        """Whether a delivery has just read what it needs to know before it writes."""
        calls = self.seen[id(worker)].calls
        return bool(calls) and calls[-1]["action"] == LAST_READ

    def others_called(self) -> None:
        """Somebody else has called, and perhaps changed something: that call is nobody's."""
        self._journal = self.cloud.call_count()
        self.enis()

    def sleeps(self, seconds: float) -> None:
        """A delivery pauses."""
        self.check(7, sides.not_in_the_future(seconds))

    def _hear(self, worker: Worker, seen: Seen) -> None:
        """It has recorded something: is it the first shortfall of this delivery?"""
        new, seen.heard = worker.output.getvalue()[seen.heard :], worker.output.tell()
        if seen.short_since == float("inf") and _tells_a_shortfall(new):
            reads = [call["time"] for call in seen.called(READ)]
            seen.short_since = reads[-1] if reads else seen.began

    def _note(
        self, order: Order, new: list[dict[str, Any]], enis: Mapping[str, Mapping[str, Any]]
    ) -> None:
        called = f"{new[0]['action']} was called for what was not recognised"
        self.check(5, called if order.junk else "")
        for call in new:
            if call["fault"]:
                self.counts[f"fault {call['fault']}"] += 1
            if call["action"] == ASSIGN:
                self._note_write(order, call, enis)

    def _note_write(
        self, order: Order, call: Mapping[str, Any], enis: Mapping[str, Mapping[str, Any]]
    ) -> None:
        eni_id = call["parameters"]["NetworkInterfaceId"]
        self.check(5, "" if order.writes else f"a plan, or bad input, wrote to {eni_id}")
        meant = eni_id in order.enis
        self.check(8, "" if meant else f"{eni_id} was written to and is none of the event's")
        marks = self.marks(enis[eni_id], order) if eni_id in enis else {}
        self.check(8, sides.somebody_elses(eni_id, marks, by_id=order.by_id))
        self._note_token(eni_id, call)
        if sides.denies_room(call["code"], call["status"]):
            self.denied[eni_id] += 1
            if self.denied[eni_id] >= INSISTS_AFTER:
                self.loose.add(eni_id)

    def _note_token(self, eni_id: str, call: Mapping[str, Any]) -> None:
        """Whether ECS still knew the token, and was honest about it."""
        token, came = call["parameters"]["ClientToken"], call["time"]
        if call["fault"] == "error":
            if call["code"] in LIES:
                self.counts["lies about a ClientToken"] += 1
                self.loose.add(eni_id)
            return
        if came >= self.tokens.setdefault(token, came) + self.token_seconds:
            self.counts["ClientTokens used after ECS forgot them"] += 1
            self.loose.add(eni_id)
            self.tokens[token] = came

    # --- hooks ---------------------------------------------------------------------------------

    def _note_hook(
        self, worker: Worker, call: Mapping[str, Any], enis: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """A hook is extended or completed, or somebody tries."""
        if call["action"] not in {COMPLETE, HEARTBEAT}:
            return
        asked = call["parameters"]
        hook_id = asked.get("LifecycleHookId") or asked["lifecycleHookId"]
        self.check(8, sides.not_ours(self.hooks[hook_id][0]))
        if not _performed(call):
            return
        if call["action"] == HEARTBEAT:
            self._extended(hook_id, call)
            return
        tokens = self.completions.setdefault(hook_id, set())
        if asked["ClientToken"] not in tokens:
            tokens.add(asked["ClientToken"])
            self.check(3, "a hook was completed twice" if len(tokens) > 1 else "")
            self._told(worker, asked.get("LifecycleActionResult") or "DEFAULT", enis)

    def _extended(self, hook_id: str, call: Mapping[str, Any]) -> None:
        """A heartbeat; from one that came late the time that it gives counts from later on."""
        name, before = self.hooks[hook_id]
        after = call["time"] + float(call["parameters"]["heartbeatTimeout"])
        if call["fault"] != "slow":
            self.check(3, sides.shortened(before, after))
        self.hooks[hook_id] = (name, after)

    def _told(self, worker: Worker, told: str, enis: Mapping[str, Mapping[str, Any]]) -> None:
        """A hook has got its result: is it a true one?"""
        self.counts[f"told {told}"] += 1
        seen, default = self.seen[id(worker)], worker.environ["TARGET_SECONDARY_IPS"]
        order = seen.order
        if told == "CONTINUE":
            chosen = worker.environ["ON_SHORTFALL"] == "continue"
            there = () if chosen else order.enis & enis.keys() - self.disturbed
            short = (
                eni_id
                for eni_id in there
                if enis[eni_id]["instance"] is not None
                and len(enis[eni_id]["secondary"]) < min(self._wants(enis[eni_id], order, default))
            )
            self.check(3, sides.told_too_soon(short))
        else:
            since = min(self.time.now(), seen.short_since) - self.settle
            ever = {*self._short_since(since, order, default), *order.enis & self.disturbed}
            self.check(3, sides.told_falsely(told, ever, self.settle))

    def _short_since(self, moment: float, order: Order, default: str) -> Iterator[str]:
        """The ENIs of a launch that held less than they shall at any moment since."""
        for eni_id in order.enis & self.rows.keys():
            for row in sides.since(moment, self.rows[eni_id]):
                if len(row["secondary"]) < max(self._wants(row, order, default)):
                    yield eni_id

    def _wants(self, eni: Mapping[str, Any], order: Order, default: str) -> list[int]:
        """How many addresses it is to hold, by each tag that a read may show."""
        return [
            NEVER if tag == UNREADABLE else self.wanted(eni, tag, order, default)
            for tag in self.tags_shown(eni)
        ]

    # --- the promises --------------------------------------------------------------------------

    def check(self, promise: int, wrong: str) -> None:
        """Count that a promise was looked at here, and note what is wrong, if anything is."""
        self.counts[f"checks of promise {promise}"] += 1
        if wrong:
            self.counts[VIOLATIONS] += 1
            self.breaches.append(f"promise {promise}: {wrong}")

    def _never_above(self, enis: Mapping[str, Mapping[str, Any]]) -> None:
        for eni_id, eni in enis.items():
            if eni_id in self.loose:
                held, most = len(eni["secondary"]), self.capacity(eni)
                above = f"{eni_id} holds {held}, more than its quota, {most}"
                self.check(1, above if held > most else "")
                continue
            named = self.named.get(eni_id, set())
            for kind, allowed in (("secondary", self.allowed), ("prefixes", self.prefixes)):
                held, most = len({*eni[kind]} - named), allowed.get(eni_id, 0)
                above = f"{eni_id} holds {held} {kind}, more than {most}"
                self.check(1, above if held > most else "")

    def ended(self, worker: Worker) -> None:
        """A delivery has ended, one way or another: what does it leave behind?"""
        seen = self.seen[id(worker)]
        found = leaked(worker.everything, self.secrets)
        self.check(6, f"{found} has left the process" if found else "")
        self.check(5, sides.unexpected(worker.error))
        reads, writes = len(seen.called(READ)), len(seen.called(ASSIGN))
        self.check(7, sides.read_too_often(reads, writes, self.time.now() - seen.began))
        unreadable = sides.unreadable(worker.output.getvalue().splitlines())
        self.check(4, unreadable)
        if not unreadable:
            self._records(worker, seen)
        if seen.order.hook and worker.error is None:
            self._hook_is_done(seen)

    def _records(self, worker: Worker, seen: Seen) -> None:
        order, killed = seen.order, isinstance(worker.error, Killed)
        records = worker.records
        rows = [each for each in records if each["record_type"] == "eni_result"]
        self.check(4, sides.recorded_twice(rows))
        summaries = sum(each["record_type"] == "run_summary" for each in records)
        as_due = killed or summaries == (not order.junk)
        self.check(4, "" if as_due else f"{summaries} summaries of one delivery")
        written = {call["parameters"]["NetworkInterfaceId"] for call in seen.called(ASSIGN)}
        self.check(4, "" if killed else sides.not_recorded(written | order.names, rows))
        self._truthful(rows)

    def _truthful(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """What is recorded as held is held."""
        enis = self.enis()
        for row in rows:
            eni = enis.get(row["network_interface_id"])
            if eni is None or eni["id"] in self.disturbed or row["outcome"] not in HELD:
                continue
            short = len(eni["secondary"]) < row["target"]
            said = f"{eni['id']} is said to be {row['outcome']} and is short"
            self.check(4, said if short else "")
            held = {*row["addresses"], *row["prefixes"]} <= {*eni["secondary"], *eni["prefixes"]}
            self.check(4, "" if held else f"{eni['id']} is said to hold what it does not")

    def _hook_is_done(self, seen: Seen) -> None:
        """Whoever ends well has completed our hook, unless its time was over."""
        name, ends = self.hooks[seen.order.hook]
        if sides.not_ours(name) or any(call["fault"] == "http" for call in seen.called(COMPLETE)):
            return
        waits = seen.order.hook not in self.completions and self.time.now() < ends
        self.check(3, sides.left_waiting(name, waits))

    def alone(self, worker: Worker) -> None:
        """A delivery was alone from beginning to end: did a throttled minute cost but minutes?"""
        calls = self.seen[id(worker)].calls
        throttled = [call for call in calls if "throttling" in (call["code"] or "").lower()]
        others = any(call["fault"] and call not in throttled for call in calls)
        if throttled and not others and worker.error is None:
            last, done = throttled[-1]["time"] // MINUTE, self.time.now() // MINUTE
            self.check(7, sides.slow_after(int(last), int(done)))


def _performed(call: Mapping[str, Any]) -> bool:
    """Whether the cloud has done it, whatever the caller has heard."""
    return bool(call["status"] == 200 and call["fault"] != "http")


def _tells_a_shortfall(lines: str) -> bool:
    """Whether lines of the log say that an ENI is short, or cannot be served."""
    return any(each in lines for each in ('"short"', '"failed"', '"invalid_target"'))
