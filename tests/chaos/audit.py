"""The six promises, checked from the cloud's own books: its state and its journal.

What the function says of itself is believed nowhere; it is compared with the books instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.cloud.faults import FAULTS, treatment_of
from handler.core.errors import Retryable, Unexpected
from handler.core.model import Treatment
from tests.chaos import sides
from tests.chaos.secrets import leaked
from tests.chaos.turns import Killed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.testing import LocalCloud
    from tests.chaos.turns import Worker

ASSIGN, COMPLETE = "AssignPrivateIpAddresses", "CompleteLifecycleAction"
# What is read last before a write: how much room there is.
LAST_READ = "DescribeVSwitches"
VIOLATIONS = "violations"
TAG = "secondary-ips"
ABOUT_TOKENS = {Treatment.NEW_TOKEN, Treatment.REREAD}
ROOM = {Treatment.EXHAUSTED, Treatment.FULL}
# How often in a row a want of room must be claimed before the function insists (design, step 4).
INSISTS_AFTER = 2
# Refusals that say a ClientToken was used; ordered by a fault rule they are never true.
LIES = {code for code, known in FAULTS.items() if known.treatment in ABOUT_TOKENS}
HELD = {"satisfied", "assigned"}
# A tag that is no target: its ENI counts as short, however much it holds.
UNREADABLE, NEVER = "lots", 999


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
    """

    enis: frozenset[str] = frozenset()
    target: str | None = None
    writes: bool = True
    junk: bool = False
    by_id: bool = False
    wants: tuple[str, Any] | None = None


@dataclass
class Audit:
    """Watches a world; every breach of a promise becomes a line in `breaches`.

    Attributes:
        allowed: per ENI, the most it may hold besides what was asked for by name.
        prefixes: the same for prefixes.
        named: per ENI, the addresses and prefixes that were asked for by name.
        token_seconds: how long ECS remembers a ClientToken.
        loose: ENIs of which only the quota is promised, until all is quiet: somebody else changed
            them between a read and a write, the function insisted on room that was denied, or ECS
            lied about a ClientToken or was given one that it had forgotten.
        disturbed: those of them that somebody else changed; less is known of what they hold.
        shown: per ENI, the tags that it had and that a read may still show.
        orders: what each function instance was asked to do last; by its identity.
        calls: what it has called since.
        denied: per ENI, how often ECS claimed a want of room.
        tokens: when ECS has taken each ClientToken of a write, epoch seconds.
        completions: the ClientTokens under which hooks were completed.
    """

    cloud: LocalCloud
    capacities: Mapping[str, int]
    secrets: Iterable[str]
    counts: Counter[str]
    reserve: int = 0
    token_seconds: float = 0.0
    allowed: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    disturbed: set[str] = field(default_factory=set)
    shown: dict[str, list[str | None]] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    calls: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    denied: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, float] = field(default_factory=dict)
    completions: set[str] = field(default_factory=set)
    breaches: list[str] = field(default_factory=list)
    _seen: int = 0

    # --- the books -----------------------------------------------------------------------------

    def enis(self) -> dict[str, dict[str, Any]]:
        """Every ENI by id, with its instance."""
        state = self.cloud.state()
        attached = {
            eni["id"]: {**eni, "instance": each}
            for each in state["instances"]
            for eni in each["enis"]
        }
        return attached | {eni["id"]: {**eni, "instance": None} for eni in state["enis"]}

    def capacity(self, eni: Mapping[str, Any]) -> int:
        """How many secondary addresses it may hold by its quota."""
        instance = eni["instance"]
        return self.capacities[instance["type"] if instance else ""] - len(eni["prefixes"])

    def tag(self, eni: Mapping[str, Any]) -> str | None:
        """The tag that says its target."""
        tags = (eni["instance"] or {}).get("tags", {}) | eni["tags"]
        found: str | None = tags.get(TAG)
        return found

    def wanted(self, eni: Mapping[str, Any], tag: str | None, order: Order, default: str) -> int:
        """How many addresses it shall hold; 0 where nothing is wanted, or nothing can be read."""
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
        self.orders[id(worker)], self.calls[id(worker)] = order, []
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
            self.begins_anew(worker)

    def disturb(self, eni_ids: set[str]) -> None:
        """Somebody changed these between a read and a write."""
        self.loose |= eni_ids
        self.disturbed |= eni_ids

    def begins_anew(self, worker: Worker) -> None:
        """What a delivery in flight may be given has changed."""
        calls, order = self.calls[id(worker)], self.orders[id(worker)]
        self.begins(worker, order)
        self.calls[id(worker)] = calls

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
        if self.cloud.call_count() == self._seen:
            return
        new = self.cloud.calls(since=self._seen)
        self._seen += len(new)
        self.calls[id(worker)] += new
        self._note(worker, new)
        if any(call["action"] in {ASSIGN, COMPLETE} for call in new):
            enis = self.enis()
            self._never_above(enis)
            if any(call["action"] == COMPLETE for call in new):
                self._hooks(worker, enis)

    def on_the_brink(self, worker: Worker) -> bool:
        """Whether a delivery has just read what it needs to know before it writes."""
        calls = self.calls[id(worker)]
        return bool(calls) and calls[-1]["action"] == LAST_READ

    def skip_operators_calls(self) -> None:
        """Calls that are not the function's are nobody's."""
        self._seen = self.cloud.call_count()

    def _note(self, worker: Worker, new: list[dict[str, Any]]) -> None:
        order = self.orders[id(worker)]
        self.check(5, not order.junk, f"{new[0]['action']} was called for what was not recognised")
        for call in new:
            if call["fault"]:
                self.counts[f"fault {call['fault']}"] += 1
            if call["action"] == ASSIGN:
                self._note_write(order, call)

    def _note_write(self, order: Order, call: Mapping[str, Any]) -> None:
        eni_id = call["parameters"]["NetworkInterfaceId"]
        self.check(5, order.writes, f"a plan, or bad input, wrote to {eni_id}")
        self.check(1, eni_id in order.enis, f"{eni_id} was written to and is none of the event's")
        self._note_token(eni_id, call)
        if call["code"] and treatment_of(call["code"], call["status"]) in ROOM:
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

    # --- the promises --------------------------------------------------------------------------

    def check(self, promise: int, holds: object, what: str) -> None:
        """Look whether a promise holds here, and count that this was looked at."""
        self.counts[f"checks of promise {promise}"] += 1
        if not holds:
            self.counts[VIOLATIONS] += 1
            self.breaches.append(f"promise {promise}: {what}")

    def _never_above(self, enis: Mapping[str, Mapping[str, Any]]) -> None:
        for eni_id, eni in enis.items():
            if eni_id in self.loose:
                held, most = len(eni["secondary"]), self.capacity(eni)
                self.check(1, held <= most, f"{eni_id} holds {held}, more than its quota, {most}")
                continue
            named = self.named.get(eni_id, set())
            for kind, allowed in (("secondary", self.allowed), ("prefixes", self.prefixes)):
                held, most = len({*eni[kind]} - named), allowed.get(eni_id, 0)
                self.check(1, held <= most, f"{eni_id} holds {held} {kind}, more than {most}")

    def _hooks(self, worker: Worker, enis: Mapping[str, Mapping[str, Any]]) -> None:
        rows = [
            call
            for call in self.calls[id(worker)]
            if call["action"] == COMPLETE and call["status"] == 200 and call["fault"] != "http"
        ]
        self.completions |= {call["parameters"]["ClientToken"] for call in rows}
        self.check(3, len(self.completions) <= 1, "a hook was completed twice")
        chosen = worker.environ["ON_SHORTFALL"] == "continue"
        if chosen or not any(_says_continue(call) for call in rows):
            return
        order, default = self.orders[id(worker)], worker.environ["TARGET_SECONDARY_IPS"]
        for eni_id in order.enis & enis.keys() - self.disturbed:
            eni = enis[eni_id]
            if eni["instance"] is None:
                continue
            least = min(
                NEVER if tag == UNREADABLE else self.wanted(eni, tag, order, default)
                for tag in self.tags_shown(eni)
            )
            enough = len(eni["secondary"]) >= least
            self.check(3, enough, f"CONTINUE while {eni_id} holds less than {least}")

    def ended(self, worker: Worker) -> None:
        """A delivery has ended, one way or another: what does it leave behind?"""
        found = leaked(worker.everything, self.secrets)
        self.check(6, not found, f"{found} has left the process")
        known = isinstance(worker.error, Retryable | Killed | None)
        known = known and not isinstance(worker.error, Unexpected)
        self.check(5, known, f"{worker.error!r} has left the handler")
        self._records(worker)

    def _records(self, worker: Worker) -> None:
        order, killed = self.orders[id(worker)], isinstance(worker.error, Killed)
        records = worker.records
        rows = [each for each in records if each["record_type"] == "eni_result"]
        twice = sides.recorded_twice(rows)
        self.check(4, not twice, twice)
        summaries = sum(each["record_type"] == "run_summary" for each in records)
        as_due = killed or summaries == (not order.junk)
        self.check(4, as_due, f"{summaries} summaries of one delivery")
        written = {
            call["parameters"]["NetworkInterfaceId"]
            for call in self.calls[id(worker)]
            if call["action"] == ASSIGN
        }
        untold = "" if killed else sides.not_recorded(written, rows)
        self.check(4, not untold, untold)
        self._truthful(rows)

    def _truthful(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """What is recorded as held is held."""
        enis = self.enis()
        for row in rows:
            eni = enis.get(row["network_interface_id"])
            if eni is None or eni["id"] in self.disturbed or row["outcome"] not in HELD:
                continue
            enough = len(eni["secondary"]) >= row["target"]
            self.check(4, enough, f"{eni['id']} is said to be {row['outcome']} and is short")
            held = {*row["addresses"], *row["prefixes"]} <= {*eni["secondary"], *eni["prefixes"]}
            self.check(4, held, f"{eni['id']} is said to hold what it does not")


def _says_continue(call: Mapping[str, Any]) -> bool:
    return bool(call["parameters"].get("LifecycleActionResult") == "CONTINUE")
