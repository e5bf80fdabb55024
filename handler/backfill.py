"""A manual request: a fleet is selected a page at a time and brought to its target.

Also `plan`, the same without writes. Each selector is resolved with the fewest calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from handler.cloud.ports import EniQuery, InstanceQuery
from handler.model import Outcome, Reason
from handler.reading import IDS_PER_CALL, Reading, batches
from handler.visibility import sort_out, unexplained, unseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from handler.model import Instance
    from handler.reconcile import Reconciler

T = TypeVar("T")

# A tag query is answered with at most 1 000 (DescribeInstances reference).
MOST_BY_TAG = 1000
# One page of DescribeNetworkInterfaces at its largest.
ENIS_PER_PAGE = 500
_RECHECK_SECONDS = 1.0


@dataclass
class Backfill:
    """One manual request, in one invocation."""

    reconciler: Reconciler

    def run(self) -> None:
        """Bring everything that is selected to its target, page by page.

        Raises:
            OutOfTime: what was read and is not finished was recorded as deferred.
            CloudFault: a read failed for good.
        """
        limit = self.reconciler.request.limit
        for named, first in self._pages():
            reading, ready, missing = self._second_look(named, first)
            self.reconciler.work(reading, ready)
            self._record_missing(missing, reading)
            if limit is not None and len(self.reconciler.changed) >= limit:
                return

    def _pages(self) -> Iterator[tuple[frozenset[str], Reading]]:
        """The ids that a request names (none for open selections), and what a read shows."""
        selector, reader = self.reconciler.request.selector, self.reconciler.reader
        if selector.network_interface_ids:
            for ids in batches(selector.network_interface_ids, IDS_PER_CALL):
                yield frozenset(ids), reader.of_enis(ids)
        elif selector.vswitch_id or selector.everything:
            query = EniQuery(vswitch_id=selector.vswitch_id, attached=True)
            for page in pages(reader.list_enis(query), ENIS_PER_PAGE):
                enis = {eni.id: eni for eni in page if eni.complete and eni.instance_id}
                owners = sorted({eni.instance_id for eni in enis.values() if eni.instance_id})
                yield frozenset(), Reading(enis, reader.instances(owners))
        elif selector.tags:
            for found in pages(self._tagged(selector.tags), IDS_PER_CALL):
                instances = {each.id: each for each in found}
                eni_ids = [eni_id for each in found for eni_id in each.eni_ids]
                yield frozenset(), Reading(reader.enis(eni_ids), instances)
        else:
            for ids in batches(self._instance_ids(), IDS_PER_CALL):
                yield frozenset(ids), reader.of_instances(ids)

    def _instance_ids(self) -> Sequence[str]:
        selector = self.reconciler.request.selector
        if selector.scaling_group_id:
            return sorted(self.reconciler.reader.of_group(selector.scaling_group_id))
        return selector.instance_ids

    def _tagged(self, tags: tuple[tuple[str, str], ...]) -> Iterable[Instance]:
        """A tag query that reaches its bound is cut short there: then every instance is matched."""
        reader = self.reconciler.reader
        found = list(islice(reader.list_instances(InstanceQuery(tags=tags)), MOST_BY_TAG))
        if len(found) < MOST_BY_TAG:
            return found
        everyone = reader.list_instances(InstanceQuery())
        return (each for each in everyone if set(tags) <= each.tags.items())

    def _second_look(
        self, named: frozenset[str], reading: Reading
    ) -> tuple[Reading, set[str], frozenset[str]]:
        """What is named and not shown is read once more before it is called gone."""
        ready, missing = sort_out(reading, named)
        if not missing:
            return reading, ready, missing
        self.reconciler.invocation.wait(_RECHECK_SECONDS)
        by_eni = bool(self.reconciler.request.selector.network_interface_ids)
        reader = self.reconciler.reader
        again = (reader.of_enis if by_eni else reader.of_instances)(sorted(missing))
        reading = Reading({**reading.enis, **again.enis}, {**reading.instances, **again.instances})
        ready, missing = sort_out(reading, named)
        return reading, ready, missing

    def _record_missing(self, missing: frozenset[str], reading: Reading) -> None:
        """Gone, unless ENIs tell of instances that are not shown: then it is a permission."""
        tally, now = self.reconciler.tally, self.reconciler.invocation.clock.now()
        orphans = unexplained(self.reconciler.reader, missing, reading)
        advice = "Allow ecs:DescribeInstances, or ask again: an ENI's instance is not shown."
        for eni in orphans:
            hidden = (Outcome.DEFERRED, Reason.NOT_VISIBLE, advice)
            tally.add(unseen(eni.instance_id, eni, *hidden), now)
        told = {eni.id for eni in orphans} | {eni.instance_id for eni in orphans}
        for each in sorted(missing - told):
            partly = orphans or each in reading.instances
            outcome = Outcome.DEFERRED if partly else Outcome.GONE
            reason = Reason.NOT_VISIBLE if partly else Reason.NOT_FOUND
            tally.add(unseen(each, None, outcome, reason, advice if partly else None), now)


def pages(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`, drawn only as they are needed."""
    drawn = iter(items)
    while page := list(islice(drawn, size)):
        yield page
