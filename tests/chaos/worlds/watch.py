"""The audit of a world: its books against what the function does and says."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.cloud import ports
from handler.core.model import Treatment
from handler.core.value import replace
from tests.chaos import sides
from tests.chaos.sides import INSISTS_AFTER, NEVER, TAG, UNREADABLE
from tests.chaos.turns import Killed
from tests.chaos.worlds.chain import Chain
from tests.chaos.worlds.region import MINUTE
from tests.chaos.worlds.story import START

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from handler.core.errors import CloudFault
    from handler.core.model import Eni
    from tests.chaos.worlds.play import Delivery, World
    from tests.chaos.worlds.story import Action, Event, Other

HOOKS = {"hook", "hook_unnamed"}
# Arrays, each event of which reads for itself.
OF_MANY = {"running", "array"}
LAUNCHES = HOOKS | OF_MANY | {"scale_out"}
MANUAL = {"backfill", "plan"}


@dataclass(frozen=True)
class Order:
    """What a delivery may do.

    Attributes:
        enis: the ENIs that it means.
        target: what it asks for itself.
        by_id: whether it names ENIs.
        writes: whether it may write at all.
        number: tells it from others; its hand-overs have the same.
    """

    enis: frozenset[str]
    target: int | None
    by_id: bool
    writes: bool
    number: int


@dataclass
class Seen:
    """What one delivery has done so far.

    Attributes:
        short_at: when it first recorded an ENI as short.
        shown: the ENIs and instances that any answer to it has named.
        others: those of which ECS has told it that a service manages them.
    """

    reads: int = 0
    shown: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    short_at: float = float("inf")
    written: Counter[str] = field(default_factory=Counter)
    not_found: Counter[str] = field(default_factory=Counter)


class Audit:
    """Watches a world; every breach of a promise becomes a line."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.breaches: list[str] = []
        self.counts: Counter[str] = Counter()
        self._seen: dict[str, Seen] = {}
        self._loose: set[str] = set()
        self._disturbed: set[str] = set()
        self._denied: Counter[str] = Counter()
        self._writers: dict[str, str] = {}
        self._chains: dict[int, Chain] = {}
        self._orders = 0
        self._closing: int | None = None
        self._allowed: dict[str, int] = {}
        self._tags = {eni.id: dict(eni.tags) for each in world.story.instances for eni in each.enis}
        self._spec = {eni.id: each for each in world.story.instances for eni in each.enis}
        self._remember_held()

    def breach(self, promise: int, what: str) -> None:
        """A promise is broken."""
        self.breaches.append(f"promise {promise}: {what}")
        self._world.tell("audit", f"BROKEN, promise {promise}: {what}")

    def check(self, promise: int, what: str) -> None:
        """Count that this was looked at, and note what is wrong."""
        self.counts[f"checks of promise {promise}"] += 1
        if what:
            self.breach(promise, what)

    # --- what is wanted -------------------------------------------------------------------------

    def order_of(self, event: Event) -> Order:
        """What an event may do."""
        self._orders += 1
        enis = frozenset(self._meant(event))
        by_id = event.selector == "network_interface_ids"
        self._chains[self._orders] = Chain(event.limit, self._world.turns.now)
        return Order(enis, event.target, by_id, event.kind != "plan", self._orders)

    def _meant(self, event: Event) -> Iterator[str]:
        for each in self._world.story.instances:
            named = each.id in event.names or event.kind == "hook_unnamed"
            for eni in each.enis:
                match event.selector:
                    case "all" | "group":
                        meant = True
                    case "vswitch_id":
                        meant = eni.vswitch == self._world.story.vswitches[0][0]
                    case "tags":
                        meant = ("fleet", "web") in each.tags
                    case _:
                        meant = named
                if meant:
                    yield eni.id

    def _wanted(self, eni: Eni, order: Order | None, settings: dict[str, str]) -> int | None:
        """Its target in addresses, without regard to its quota; None: it is left alone."""
        spec = self._spec[eni.id]
        by_id = order is not None and order.by_id
        tag = eni.tags.get(TAG, dict(spec.tags).get(TAG))
        foreign = sides.is_foreign(eni.tags) or sides.is_foreign(dict(spec.tags))
        if (foreign or tag == "skip") and not by_id:
            return None
        if order is not None and order.target is not None:
            return order.target
        text = tag if tag is not None else settings["TARGET_SECONDARY_IPS"]
        if text == UNREADABLE:
            return NEVER
        if text == "max":
            return self._world.region.catalogue[spec.type] - 1
        return int(text) if text.isdecimal() else None

    def _settings(self, delivery: Delivery) -> dict[str, str]:
        return dict(self._world.story.settings[delivery.event.settings])

    # --- what a delivery does -------------------------------------------------------------------

    def begins(self, delivery: Delivery) -> None:
        """Its targets are given from now on."""
        self._seen[delivery.name] = Seen()
        settings = self._settings(delivery)
        for eni_id in delivery.order.enis if delivery.order.writes else ():
            eni = self._world.region.eni(eni_id)
            if eni is None:
                continue
            soon = replace(eni, tags={**self._tags[eni_id], **eni.tags})  # it may be tagged late
            wanted = self._wanted(soon, delivery.order, settings)
            if wanted is not None and wanted != NEVER:
                self._allowed[eni_id] = max(wanted, self._allowed[eni_id])

    def reads(self, delivery: Delivery) -> None:
        """It reads ENIs."""
        self._seen[delivery.name].reads += 1

    def shows(self, delivery: Delivery, ids: Iterable[str]) -> None:
        """An answer to it names ENIs or instances."""
        self._seen[delivery.name].shown.update(ids)

    def records(self, delivery: Delivery, row: Mapping[str, object]) -> None:
        """It records how an ENI ended."""
        seen = self._seen[delivery.name]
        written = str(row["network_interface_id"]) in seen.written
        self._chain(delivery).records(row, written=written)
        if row["outcome"] in {"short", "failed"} or row["reason"] == "invalid_target":
            seen.short_at = min(seen.short_at, self._world.turns.now)

    def sleeps(self, _delivery: Delivery, seconds: float) -> None:
        """It pauses."""
        self.check(7, sides.not_in_the_future(seconds))

    def writes(self, delivery: Delivery, eni_id: str) -> None:
        """It asks for addresses."""
        order = delivery.order
        self._seen[delivery.name].written[eni_id] += 1
        self._chain(delivery).asked.add(eni_id)
        self.check(5, "" if order.writes else f"a plan writes to {eni_id}")
        meant = eni_id in order.enis
        self.check(8, "" if meant else f"{eni_id} is written to and is none of the event's")
        spec = self._spec[eni_id]
        eni = self._world.region.eni(eni_id)
        tags = {**dict(spec.tags), **(eni.tags if eni else {})}
        self.check(8, sides.somebody_elses(eni_id, tags, by_id=order.by_id))
        if self._closing == 1 and eni is not None:
            wanted = self._wanted(eni, order, self._settings(delivery))
            idle = wanted is None or len(eni.secondary) >= wanted
            self.check(2, f"{eni_id} has its target and is written to" if idle else "")

    def write_failed(self, delivery: Delivery, eni_id: str, fault: CloudFault) -> None:
        """What its caller hears of a write: no answer perhaps, though ECS has done it."""
        if fault.treatment is Treatment.FOREIGN:
            self._seen[delivery.name].others.add(eni_id)
        if fault.treatment is Treatment.NEW_TOKEN and not self._alone:
            self._loose.add(eni_id)  # another may hold the token, and get through
        if fault.treatment is Treatment.TRANSIENT and not fault.throttling:
            self._chain(delivery).doubtful.add(eni_id)
        if fault.treatment is Treatment.GONE and delivery.event.kind not in OF_MANY:
            not_found = self._seen[delivery.name].not_found
            not_found[eni_id] += 1
            self.check(7, sides.asked_in_vain(eni_id, not_found[eni_id]))

    def write_refused(self, eni_id: str, code: str) -> None:
        """ECS refused it."""
        self._denied[eni_id] += 1
        if sides.denies_room(code) and self._denied[eni_id] >= INSISTS_AFTER:
            self._loose.add(eni_id)

    def written(self, delivery: Delivery, eni_id: str) -> None:
        """ECS has done it: how much does it hold?"""
        self._writers[eni_id] = delivery.name
        chain = self._chain(delivery)
        chain.changed.add(eni_id)
        self.check(2, chain.over_limit())
        eni = self._world.region.eni(eni_id)
        if eni is None or eni_id in self._loose:
            return
        held, most = len(eni.secondary), self._allowed[eni_id]
        self.check(1, f"{eni_id} holds {held}, more than {most}" if held > most else "")
        self._reserve(delivery, eni.vswitch_id)

    def _reserve(self, delivery: Delivery, vswitch_id: str) -> None:
        """Kept where one delivery is alone and reads are honest; what was less stays as it is."""
        story, region = self._world.story, self._world.region
        if not self._alone or story.overstated or story.lag or story.partial:
            return
        at_first = dict(story.vswitches)[vswitch_id]
        reserve = min(int(self._settings(delivery)["VSWITCH_RESERVE"]), at_first)
        self.check(1, sides.below_reserve(vswitch_id, region.room(vswitch_id), reserve))

    # --- hand-overs, and the limit of all of them -----------------------------------------------

    def _chain(self, delivery: Delivery) -> Chain:
        return self._chains[delivery.order.number]

    def _hop_ended(self, delivery: Delivery, records: list[dict[str, Any]]) -> None:
        """Nobody is left by a limit, recorded or not, while it has places free."""
        chain = self._chain(delivery)
        since = chain.began - float(self._settings(delivery)["SETTLE_SECONDS"])

        def differs(eni_id: str) -> bool:
            rows = sides.since(since, self._world.region.enis[eni_id])
            return len({row.secondary for row in rows}) > 1

        self.check(2, chain.limit_unused(differs))
        goes_on = any(each["record_type"] == "continuation" for each in records)
        if delivery.event.kind in MANUAL and delivery.error is None and not goes_on:
            there = {each for each in delivery.order.enis if self._never_hidden(each)}
            self.check(4, chain.unrecorded(there, differs))

    def _never_hidden(self, eni_id: str) -> bool:
        """Whether every read shows it, from the first moment to this one."""
        instance = self._spec[eni_id]
        late = [instance.shown, instance.listed, *(eni.shown for eni in instance.enis)]
        return not any(late) and self._world.region.eni(eni_id) is not None

    # --- hooks ----------------------------------------------------------------------------------

    def heartbeat(self, action: Action, before: float, after: float) -> None:
        """A heartbeat replaces a hook's time."""
        self.check(3, sides.shortened(before, after))
        self.check(8, sides.not_ours(action.name))

    def completed(self, delivery: Delivery, action: Action, told: str) -> None:
        """A hook gets a result."""
        self.counts[f"told {told}"] += 1
        self.check(8, sides.not_ours(action.name))
        settings, order = self._settings(delivery), delivery.order
        settle = float(settings["SETTLE_SECONDS"])
        now = self._world.turns.now
        if told == "CONTINUE" and settings["ON_SHORTFALL"] != "continue":
            there = {each for each in order.enis if self._world.region.eni(each)}
            silent = self._silent(delivery, settings, now) if self._alone else ()
            short = there & {*self._short(delivery, settings, now), *silent} - self._disturbed
            self.check(3, sides.told_too_soon(short - self._never_shown(delivery, short)))
        if told != "CONTINUE":
            seen_at = min(now, self._seen[delivery.name].short_at)
            if "GUEST_PORT" in settings:  # records are then held back until all were asked
                seen_at = delivery.started
            since = seen_at - settle
            ever = {*self._short(delivery, settings, since), *self._disturbed}
            ever |= set(self._silent(delivery, settings, now - settle))
            self.check(3, sides.told_falsely(told, ever, settle))

    def _never_shown(self, delivery: Delivery, short: set[str]) -> set[str]:
        """ENIs that no answer has named, though one has named their instances.

        Where the event names its instances, nothing says that one of them has another ENI. Where it
        does not, the instances are read again when the list is whole, and every ENI must be known.
        """
        shown = self._seen[delivery.name].shown
        unknown = {each for each in short - shown if self._spec[each].id in shown}
        if not unknown or delivery.event.kind == "hook_unnamed":
            return set()
        self.counts["hooks that went on before ECS showed an ENI"] += 1
        return unknown

    def _short(self, delivery: Delivery, settings: dict[str, str], since: float) -> Iterator[str]:
        """The ENIs of a launch that held less than they shall at any moment since."""
        region, order = self._world.region, delivery.order
        for eni_id in sorted(order.enis - self._seen[delivery.name].others):
            eni = region.eni(eni_id)
            # Of one that has gone, what it held at last counts: nobody is released for it any more.
            known = sides.since(since, region.enis[eni_id])
            shown = eni or (known[-1] if known else None)
            wanted = self._wanted(shown, order, settings) if shown else None
            if wanted is not None and any(len(row.secondary) < wanted for row in known):
                yield eni_id

    @property
    def _alone(self) -> bool:
        """Whether nobody but this delivery can have brought addresses that it does not know."""
        return len(self._world.story.events) == 1 and not self._world.story.others

    def _silent(self, delivery: Delivery, settings: dict[str, str], since: float) -> Iterator[str]:
        """The ENIs of a launch with an address that they had then and that did not answer."""
        region, counts = self._world.region, settings.get("ON_SILENT") == "short"
        for eni_id in sorted(delivery.order.enis if counts else ()):
            eni = next(row for _, row in reversed(region.enis[eni_id]) if row is not None)
            wanted = self._wanted(eni, delivery.order, settings) is not None
            had = [each for each in eni.secondary if region.assigned_at(each) <= since]
            if wanted and not all(region.answers(each, since) for each in had):
                yield eni_id

    # --- what others do -------------------------------------------------------------------------

    def disturbed_by(self, other: Other) -> None:
        """Somebody else is about to change something."""
        if other.kind in {"assign", "unassign", "retag"}:
            self._loose.add(other.name)
            self._disturbed.add(other.name)

    def part_shown(self, delivery: Delivery, eni_id: str) -> None:
        """A read shows a part of a write: to its own writer it says nothing, to others a lie."""
        of_many = delivery.event.kind in OF_MANY
        if of_many or self._writers.get(eni_id) != delivery.name:
            self.counts["parts of a write shown to others"] += 1
            self._loose.add(eni_id)

    # --- how a delivery ends --------------------------------------------------------------------

    def overran(self, delivery: Delivery) -> None:
        """Its process was ended by its timeout."""
        self.breach(4, f"{delivery.name} is cut off by its timeout of {delivery.event.timeout:g} s")

    def ended(self, delivery: Delivery) -> None:
        """What does it leave behind?"""
        seen, now = self._seen[delivery.name], self._world.turns.now
        writes = sum(seen.written.values())
        self.check(7, sides.read_too_often(seen.reads, writes, now - delivery.started))
        killed = isinstance(delivery.error, Killed)
        self.check(5, sides.unexpected(delivery.error))
        self.check(4, sides.unreadable(delivery.lines))
        if delivery.event.kind in HOOKS and delivery.error is None:
            self._hook_is_done(delivery)
        if delivery.event.kind in HOOKS and not killed:
            self._hook_lasted(delivery)
        if not killed and not self.breaches:
            records = [json.loads(line) for line in delivery.lines]
            self._hop_ended(delivery, records)
            self._records(delivery, records)
            self._pace(delivery)

    def _hook_is_done(self, delivery: Delivery) -> None:
        """Whoever ends well has completed our hook, unless its time was over."""
        running = self._world.region.actions[delivery.event.hook]
        if not sides.not_ours(running.action.name):
            waits = running.told is None and self._world.turns.now < running.ends
            self.check(3, sides.left_waiting(running.action.name, waits))

    def _hook_lasted(self, delivery: Delivery) -> None:
        """Where heartbeats get through, our hook's time is not over while it is worked on."""
        running = self._world.region.actions[delivery.event.hook]
        troubled = {each.operation for each in self._world.story.troubles}
        beats = troubled.isdisjoint({ports.HEARTBEAT, ports.DESCRIBE_HOOKS})
        if beats and running.told is None and not sides.not_ours(running.action.name):
            name, now = running.action.name, self._world.turns.now
            self.check(3, sides.ran_out(name, delivery.started, running.ends, now))

    def _records(self, delivery: Delivery, records: list[dict[str, Any]]) -> None:
        rows = [each for each in records if each["record_type"] == "eni_result"]
        for row in rows:
            self.counts[f"ended {row['outcome']}"] += 1
        launch = delivery.event.kind in LAUNCHES
        if delivery.event.kind not in OF_MANY:
            self.check(4, sides.recorded_twice(rows))
            summaries = sum(each["record_type"] == "run_summary" for each in records)
            self.check(4, "" if summaries == 1 else f"{summaries} summaries of a delivery")
        considered = set(self._seen[delivery.name].written)
        if launch and delivery.event.kind != "hook_unnamed":
            considered |= set(delivery.event.names)
        self.check(4, sides.not_recorded(considered, rows))
        self._shortages(delivery, rows)

    def _shortages(self, delivery: Delivery, rows: list[dict[str, Any]]) -> None:
        """Nobody is short for want of room while there is room at every moment."""
        story, settings = self._world.story, self._settings(delivery)
        if delivery.event.kind not in LAUNCHES and not self._only_writer(delivery):
            return  # they read a vSwitch once: what others took or gave back since is not seen
        told_wrong = [each.operation for each in story.troubles] + [
            each.name for each in story.others
        ]
        if ports.ASSIGN in told_wrong:
            return  # what may have been taken, or had no time to be, is not given to others
        reserve = int(settings["VSWITCH_RESERVE"])
        since = delivery.started - float(settings["SETTLE_SECONDS"])
        for row in rows:
            vswitch_id = row["vswitch_id"]
            if vswitch_id is None or self._denied[str(row["network_interface_id"])]:
                continue
            least = self._world.region.least_room(vswitch_id, since) - reserve
            self.check(3, sides.false_shortage(row, least))

    def _only_writer(self, delivery: Delivery) -> bool:
        """Whether nobody writes but a backfill and its hand-overs, each at its first try."""
        tried = delivery.event.killed is not None or delivery.tries
        return self._alone and delivery.order.writes and not tried

    def _pace(self, delivery: Delivery) -> None:
        """One minute that others use up costs minutes, not an hour."""
        story = self._world.story
        if story.quotas and not story.troubles and delivery.error is None and self._closing is None:
            done = int(self._world.turns.now // MINUTE)
            self.check(7, sides.slow_after(int(START // MINUTE), done))

    # --- the end --------------------------------------------------------------------------------

    def settled(self) -> None:
        """Nothing is in flight and reads have caught up: what an ENI has now is what it had."""
        self._loose.clear()
        self._disturbed.clear()
        self._remember_held()

    def _remember_held(self) -> None:
        for eni_id in self._spec:
            eni = self._world.region.eni(eni_id)
            self._allowed[eni_id] = len(eni.secondary) if eni else 0

    def closing(self, number: int) -> None:
        """The closing deliveries begin."""
        self._closing = number

    def closed(self) -> None:
        """Every target that can be reached is reached."""
        world, story = self._world, self._world.story
        settings = dict(story.settings[0])
        for eni_id, spec in self._spec.items():
            eni = world.region.eni(eni_id)
            refused = eni_id in world.region.managed or (story.remembers and self._denied[eni_id])
            if eni is None or refused:
                continue
            wanted = self._wanted(eni, None, settings)
            if wanted is None or wanted == NEVER:
                continue
            most = min(world.region.catalogue[spec.type] - 1, world.region.most_held(eni_id))
            reached = len(eni.secondary) >= min(wanted, most)
            room = world.region.room(eni.vswitch_id) - int(settings["VSWITCH_RESERVE"])
            left = not reached and room > 0
            self.check(2, f"{eni_id} is left short, and {room} addresses are free" if left else "")
