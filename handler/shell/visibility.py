"""What a read shows of what was named, and what it may mean that something is not shown.

Not launched yet, gone, or hidden by a missing permission: ECS answers all three with an empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.faults import advice_on
from handler.core.errors import CloudFault
from handler.core.model import EniResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handler.core.model import Eni, Outcome, Reason
    from handler.shell.reading import Reader, Reading


class Sight:
    """Which rows tell enough to be worked on.

    Args:
        attached: whether an ENI must be attached to something: what a launch brings is, and so is
            what an instance says it has.
        skipped: whether nothing would be done to an ENI anyway; its addresses do not matter.
    """

    def __init__(self, skipped: Callable[[Reading, Eni], bool], *, attached: bool) -> None:
        self._skipped = skipped
        self._attached = attached

    def readable(self, reading: Reading, eni: Eni) -> bool:
        """Whether its row shows its primary address, and what it is attached to, if it must be."""
        held = eni.instance_id is not None or not self._attached
        known = reading.owner_known(eni.id)
        return held and known and (eni.complete or self._skipped(reading, eni))

    def sort_out(self, reading: Reading, awaited: Iterable[str]) -> tuple[set[str], frozenset[str]]:
        """Which ENIs can be worked on, and which of the awaited ids have still to appear.

        An instance has appeared when every ENI it says it has is readable, and it has one; an ENI,
        when it is readable and its instance is shown too.
        """
        ready = {eni.id for eni in reading.enis.values() if self.readable(reading, eni)}
        held: dict[str, set[str]] = {}
        for eni_id in ready:
            held.setdefault(reading.enis[eni_id].instance_id or "", set()).add(eni_id)
        missing = frozenset(
            each
            for each in awaited
            if each not in ready and not _appeared(reading, each, held.get(each, set()))
        )
        return ready, missing


def _appeared(reading: Reading, instance_id: str, held: set[str]) -> bool:
    instance = reading.instances.get(instance_id)
    return instance is not None and bool(held) and set(instance.eni_ids) <= held


def unexplained(
    reader: Reader, missing: Iterable[str], reading: Reading, probes: int | None = 1
) -> list[Eni]:
    """ENIs that are attached to instances which ECS does not show.

    Without permission DescribeInstances answers with an empty list, not with an error: an ENI that
    says it is attached to such an instance gives it away.

    Args:
        reader: asks.
        missing: ids that were named and have not appeared.
        reading: what was read of them.
        probes: how many missing instances are asked for their ENIs; None for all.
    """
    orphans = [eni for eni in reading.enis.values() if not reading.owner_known(eni.id)]
    known = {eni.instance_id for eni in orphans} | set(reading.instances)
    unknown = [each for each in sorted(missing) if each.startswith("i-") and each not in known]
    for instance_id in unknown[:probes]:
        orphans += reader.attached_to(instance_id).values()
    return orphans


def advice_for(error: Exception) -> str | None:
    """What a person can do about a read that failed, if anything."""
    return advice_on(error.code, error.operation) if isinstance(error, CloudFault) else None


def unseen(
    awaited_id: str | None,
    eni: Eni | None,
    outcome: Outcome,
    reason: Reason,
    advice: str | None = None,
) -> EniResult:
    """The record of something that could not be worked on because it could not be read."""
    is_eni = eni is None and awaited_id is not None and awaited_id.startswith("eni-")
    return EniResult(
        network_interface_id=eni.id if eni else (awaited_id if is_eni else None),
        instance_id=eni.instance_id if eni else (None if is_eni else awaited_id),
        vswitch_id=eni.vswitch_id if eni else None,
        outcome=outcome,
        reason=reason,
        before=len(eni.secondary) if eni else None,
        after=len(eni.secondary) if eni else None,
        advice=advice,
    )
