"""What one invocation has to say: a record per ENI as it is finished, sums, and the result."""

from __future__ import annotations

import traceback
from collections import Counter, OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from handler.core.model import EniResult, Outcome, Reason, Treatment
from handler.core.value import Value, fields_of
from handler.shell.advice import advice_about

if TYPE_CHECKING:
    from handler.core.errors import CloudFault
    from handler.core.model import Ignored, Rejected
    from handler.core.protocol import End, EniState
    from handler.core.rounds import Member

# A synchronous reply may be 32 MB and a record 16 KB; 500 ENIs are about 300 KB and readable.
MAX_ENIS = 500
COUNTS = ("instances", "enis", *(outcome.value for outcome in Outcome), "addresses_assigned")
# Replies have the rows that callers know; what only queries of the log ask for stays out of them.
ONLY_RECORDED = {"image_id"}
# ENIs of each reason that the text of an exception can name; the records hold all of them.
NAMED = 5
# Instances remembered, so that one whose ENIs stand on several pages counts once.
MAX_REMEMBERED = 10_000
_FINE = (Outcome.SATISFIED, Outcome.ASSIGNED, Outcome.GONE, Outcome.PLANNED, Outcome.SKIPPED)


class Log(Protocol):
    """Where records go: one JSON object a line."""

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """Write one record."""
        ...

    def hidden(self, text: str) -> str:
        """The text without the secrets in use."""
        ...


class Lifecycle(Value):
    """What became of the lifecycle hook.

    `result` is what Auto Scaling was told: CONTINUE, ABANDON, DEFAULT, or None when nothing was.
    `completed` is true only if our call succeeded.
    """

    hook_id: str
    result: str | None
    completed: bool
    reason: str


class Continuation(Value):
    """The hand-over to the next invocation of a chain.

    `repeated`: an earlier try of this invocation had handed over, from wherever it stood then.
    """

    task_id: str
    hop: int
    repeated: bool = False

    @property
    def shown(self) -> dict[str, object]:
        """As it stands in results and records."""
        return {"task_id": self.task_id, "hop": self.hop}


class Undecided:
    """What is undecided for one reason: how many, and the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.named: list[EniResult] = []

    def add(self, result: EniResult) -> None:
        """One more."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(result)


class Tally:
    """Collects how ENIs end: keeps sums and a few of each kind, and writes the records.

    Args:
        log: where records go.
        on_silent: whether an address that did not answer counts as missing (`ON_SILENT`).

    Attributes:
        undecided: by reason.
        denied: the first result that ended so, by error code.
        groups: scaling groups of the ENIs.
    """

    def __init__(self, log: Log, on_silent: str = "report") -> None:
        self.log = log
        self._on_silent = on_silent
        self.counts: Counter[str] = Counter()
        self.undecided: dict[Reason, Undecided] = {}
        self.denied: dict[str | None, EniResult] = {}
        self.hook_short = 0
        self.hook_foreign = 0
        self.groups: set[str] = set()
        self.assigned_at: float | None = None
        self._instances: OrderedDict[str, None] = OrderedDict()
        self._kept: dict[bool, list[EniResult]] = {True: [], False: []}

    def add(self, result: EniResult, now: float) -> None:
        """One ENI is finished, and nothing more is to be learnt about it.

        Args:
            result: how it ended.
            now: epoch seconds.
        """
        self.count(result, now)
        self.tell(result)

    def count(self, result: EniResult, now: float) -> None:
        """One ENI is finished: it counts from now on. Its record follows with `tell`."""
        self._count(result)
        if result.addresses or result.prefixes:
            self.assigned_at = now
        if result.outcome is Outcome.DEFERRED and result.reason is not Reason.LIMIT:
            self.undecided.setdefault(result.reason, Undecided()).add(result)
        if result.reason is Reason.NOT_PERMITTED:
            self.denied.setdefault(result.code, result)
        if result.scaling_group_id is not None:
            self.groups.add(result.scaling_group_id)
        self.hook_foreign += result.reason is Reason.SCALING_GROUP

    def tell(self, result: EniResult) -> None:
        """Write the record of an ENI that was counted."""
        self.log.write("eni_result", level_of(result), **row(result))
        self.hook_short += result.falls_short(self._on_silent)
        kept = self._kept[result.outcome is Outcome.SATISFIED]
        if len(kept) < MAX_ENIS:
            kept.append(result)

    def _count(self, result: EniResult) -> None:
        self.counts["enis"] += result.network_interface_id is not None
        self.counts[result.outcome.value] += 1
        self.counts["addresses_assigned"] += len(result.addresses)
        self.counts["instances"] += self._is_new(result.instance_id)

    def _is_new(self, instance_id: str | None) -> bool:
        """Whether an instance was not met before, or so long ago that it is forgotten."""
        if instance_id is None or instance_id in self._instances:
            return False
        self._instances[instance_id] = None
        if len(self._instances) > MAX_REMEMBERED:
            self._instances.popitem(last=False)
        return True

    def progress(self) -> bool:
        """Whether anything was assigned, so that a later invocation has less to do."""
        return self.assigned_at is not None

    def out_of_time(self) -> bool:
        """Whether time ran out for anything."""
        return Reason.OUT_OF_TIME in self.undecided

    def sums(self) -> dict[str, int]:
        """Every count, zeros included, in the documented order."""
        return {name: self.counts[name] for name in COUNTS}

    def rows(self) -> list[dict[str, object]]:
        """At most `MAX_ENIS` results; satisfied ones are the first to be left out."""
        kept = (self._kept[False] + self._kept[True])[:MAX_ENIS]
        return [{k: v for k, v in row(each).items() if k not in ONLY_RECORDED} for each in kept]

    def left_out(self) -> int:
        """How many results `rows` leaves out."""
        return max(0, sum(self.counts[outcome.value] for outcome in Outcome) - MAX_ENIS)


def result_of(member: Member, end: End) -> EniResult:
    """What there is to say of a finished ENI."""
    state, decision = member.state, member.decision
    fault = state.fault if _explains(state.fault, end) else None
    planned = decision.ask if end.outcome is Outcome.PLANNED else None
    gained = sorted(state.gained | _answered(state, end), key=_in_order)
    instance = member.subject.instance
    return EniResult(
        network_interface_id=state.eni.id,
        instance_id=state.eni.instance_id,
        instance_type=instance.type if instance else None,
        scaling_group_id=member.subject.scaling_group_id,
        image_id=instance.image_id if instance else "",
        vswitch_id=state.eni.vswitch_id,
        outcome=end.outcome,
        reason=end.reason,
        target=decision.target,
        target_source=decision.target_source,
        before=len(state.first.secondary),
        after=len(state.eni.secondary),
        requested=planned.count if planned and not planned.is_prefix else state.requested,
        addresses=tuple(each for each in gained if "/" not in each),
        prefixes=tuple(each for each in gained if "/" in each),
        code=fault.code if fault else None,
        api_request_id=state.api_request_id,
        attempts=state.calls,
        client_token=state.token,
        advice=advice_about(member, end, fault),
    )


def _answered(state: EniState, end: End) -> frozenset[str]:
    """What ECS says it assigned and no read has confirmed; its client token tells it apart.

    An ENI that others have brought to its target holds of it what the last read shows, no more.
    """
    named = state.outstanding.named if state.outstanding else frozenset[str]()
    return named if end.outcome is Outcome.DEFERRED else named & state.held.all


def _in_order(address: str) -> list[int]:
    """Addresses in the order of their numbers, not of their letters."""
    return [int(part) for part in address.replace("/", ".").split(".")]


def _explains(fault: CloudFault | None, end: End) -> bool:
    """Whether the latest refusal is why the ENI ended so."""
    if fault is None:
        return False
    match end.outcome:
        case Outcome.SHORT:
            return fault.treatment in {Treatment.EXHAUSTED, Treatment.FULL}
        case Outcome.SKIPPED:
            return fault.treatment is Treatment.FOREIGN
        case outcome:
            return outcome in {Outcome.FAILED, Outcome.DEFERRED, Outcome.GONE}


def row(result: EniResult) -> dict[str, object]:
    """An ENI's result as it stands in records; replies leave out `ONLY_RECORDED`."""
    found = fields_of(result)
    for name in ("addresses", "prefixes", "silent"):
        found[name] = list(found[name])
    found["outcome"], found["reason"] = result.outcome.value, result.reason.value
    found["guest"] = result.guest and result.guest.value
    return found


def level_of(result: EniResult) -> str:
    """The log level of an ENI's record."""
    if result.outcome is Outcome.FAILED:
        return "error"
    if result.outcome is Outcome.SKIPPED and result.code is not None:
        return "warning"  # only a refusal told whose it is: its row did not
    fine = result.outcome in _FINE and result.reason is not Reason.INVALID_TARGET
    return "info" if fine and not result.silent else "warning"


def with_at_most(count: int, result: dict[str, object]) -> dict[str, object]:
    """A result with so many ENIs; the others are counted in `enis_left_out`."""
    rows: list[object] = result["enis"]  # type: ignore[assignment]
    if len(rows) <= count:
        return result
    before: int = result.get("enis_left_out", 0)  # type: ignore[assignment]
    return result | {"enis": rows[:count], "enis_left_out": before + len(rows) - count}


def not_acted_on(request_id: str, decided: Ignored | Rejected) -> dict[str, object]:
    """The result for an event that leads to no work."""
    action = type(decided).__name__.lower()
    return {
        "request_id": request_id,
        "source": decided.source,
        "action": action,
        "region": decided.region,
        "reason": decided.reason,
        "counts": dict.fromkeys(COUNTS, 0),
        "enis": [],
        "lifecycle": None,
        "continuation": None,
    }


def where(error: Exception) -> str:
    """The type of an exception, and the function that raised it: nothing that it says."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    file = "/".join(Path(last.filename).parts[-2:])
    return f"{type(error).__name__} in {last.name}, {file}, line {last.lineno}"
