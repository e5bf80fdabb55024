"""Carrying changes out, one after the other; what cannot be done keeps nothing else from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.setup.access import Refused
from console.setup.changes import Change, Done, Verb, change
from console.setup.desired import NEEDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from console.setup.desired import Resource
    from console.setup.services import Services

# A new project is not known everywhere at once: what belongs to it is tried again for a minute.
TRIES, PAUSE = 20, 3.0


def compared(resource: Resource, services: Services) -> Done:
    """What there is to do about a resource, by what is there."""
    try:
        return Done(change(resource, services.read(resource.kind, resource.name)))
    except Refused as refused:
        return Done(Change(resource, Verb.KEEP), f"cannot be read: {refused}")


def applied(
    planned: Iterable[Done], services: Services, sleep: Callable[[float], None]
) -> Iterator[Done]:
    """Carry the changes out; what needs something that failed is left for the next run."""
    failed: set[Kind] = set()
    for each in planned:
        resource, error = each.change.resource, each.error
        lacking = [kind for kind in NEEDS.get(resource.kind, ()) if kind in failed]
        if error is None and lacking:
            error = f"not tried: the {lacking[0]} is not there"
        if error is None:
            error = _carried_out(each.change, services, sleep)
        if error is not None and each.change.verb is not Verb.UPDATE:
            failed.add(resource.kind)
        yield Done(each.change, error)


def _carried_out(wanted: Change, services: Services, sleep: Callable[[float], None]) -> str | None:
    """Do it; the error if it cannot be done."""
    refused = _tried(wanted, services)
    for _ in range(TRIES):
        if refused is None or not refused.missing or wanted.resource.kind not in NEEDS:
            break
        sleep(PAUSE)
        refused = _tried(wanted, services)
    return None if refused is None else str(refused)


def _tried(wanted: Change, services: Services) -> Refused | None:
    resource = wanted.resource
    try:
        if wanted.verb is Verb.CREATE:
            services.create(resource.kind, resource.name, wanted.body)
        elif wanted.verb is Verb.UPDATE:
            services.update(resource.kind, resource.name, wanted.body)
    except Refused as refused:
        return refused
    return None
