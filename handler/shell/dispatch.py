"""From one delivery to its result: an event, or an array of them, is read and worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.core.errors import Retryable, StaleCredentials, Unexpected
from handler.core.ledger import Ledger
from handler.core.model import Rejected, Request
from handler.core.value import Value, replace
from handler.events import Batch, parse
from handler.shell.continuation import cursor_shown
from handler.shell.log import withheld
from handler.shell.records import MAX_ENIS, not_acted_on, where, with_at_most

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.core.settings import Settings
    from handler.events import Item
    from handler.shell.job import Delivery
    from handler.shell.records import Log

Result = dict[str, object]


class Dispatch(Value):
    """Reads what a trigger delivers, and has each event in it worked on.

    Attributes:
        log_of: the log of a delivery, for records about a region.
        run: works on one request, with the ledger of the delivery.
    """

    settings: Settings
    log_of: Callable[[Delivery, str | None], Log]
    run: Callable[[Request, Delivery, Ledger], Result]

    def deliver(self, event: object, delivery: Delivery) -> Result:
        """Work on what a trigger delivers.

        Returns:
            The result; see docs/interfaces.md.

        Raises:
            Retryable: something is undecided; the event must be delivered again.
        """
        parsed = parse(event, home_region=delivery.region)
        if isinstance(parsed, Batch):
            return self._array(parsed, delivery)
        return self._one(parsed, delivery, self._ledger())

    def _ledger(self) -> Ledger:
        return Ledger(self.settings.vswitch_reserve, self.settings.settle_seconds)

    def _array(self, batch: Batch, delivery: Delivery) -> Result:
        """Every event is tried; if one must be delivered again, then all are."""
        ledger = self._ledger()
        results: list[Result] = []
        failures: list[Retryable] = []
        listed = 0
        for part, item in enumerate(batch.items):
            try:
                result = self._one(item, replace(delivery, part=part), ledger)
            except Retryable as error:  # noqa: PERF203  (one event must not cost the others)
                failures.append(error)
            except Exception as error:  # noqa: BLE001  (a defect, too)
                failures.append(Unexpected(where(error)))
            else:
                results.append(with_at_most(MAX_ENIS - listed, result))
                listed += len(results[-1]["enis"])  # type: ignore[arg-type]
        if failures:
            stale = (each for each in failures if isinstance(each, StaleCredentials))
            raise next(stale, failures[0])
        counts: dict[str, int] = {}
        for result in results:
            for name, count in result["counts"].items():  # type: ignore[attr-defined]
                counts[name] = counts.get(name, 0) + count
        request_id = delivery.request_id
        return {"action": "batch", "request_id": request_id, "counts": counts, "results": results}

    def _one(self, item: Item, delivery: Delivery, ledger: Ledger) -> Result:
        if isinstance(item, Request) and not self._refuses(item):
            if item.dry_run:  # what a plan reckons with stays there for whoever writes
                ledger = self._ledger()
            return self.run(item, delivery, ledger)
        cursor = cursor_shown(item.cursor or {}) if isinstance(item, Request) else None
        decided = _backfills_are_off(item) if isinstance(item, Request) else item
        log = self.log_of(delivery, decided.region)
        rejected = isinstance(decided, Rejected)
        log.write(
            "event_rejected" if rejected else "event_ignored",
            "warning" if rejected else "info",
            source=decided.source,
            reason=decided.reason,
            event_id=decided.event_id,
            **({"cursor": cursor} if cursor else {}),
        )
        return withheld(not_acted_on(delivery.request_id, decided), log.hidden)

    def _refuses(self, request: Request) -> bool:
        """Whether the operator has switched backfills off; plans cost no writes."""
        return request.manual and not request.dry_run and self.settings.backfill_share == 0


def _backfills_are_off(request: Request) -> Rejected:
    allowed = "a share above 0 of ASSIGN_PER_MINUTE"
    where = request.source, request.region, request.event_id
    return Rejected("BACKFILL_SHARE", "0", allowed, *where)
