"""From the bytes that a trigger delivers to what is asked of the function.

Nothing here does I/O, knows the time or raises: an event is hostile until it is read, and input
that cannot be acted on is a result like any other. A message is unwrapped (`unwrap`, `decode`),
recognised (`shapes`, `manual`), checked (`fields`) and placed (`origin`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from handler.core.model import Ignored, Rejected, Request
from handler.core.value import Value, replace
from handler.events.fields import FieldError
from handler.events.manual import manual_form, read_manual
from handler.events.origin import event_id, event_time, region_for_records
from handler.events.shapes import recognise
from handler.events.unwrap import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.events.unwrap import Message


class Batch(Value):
    """What a JSON array of events asks for, in its order; arrays in it are flattened."""

    items: tuple[Item, ...]


Item: TypeAlias = Request | Ignored | Rejected
Parsed: TypeAlias = Item | Batch


def parse(event: object, *, home_region: str | None) -> Parsed:
    """What an event asks of the function. Never raises.

    Args:
        event: as the runtime hands it over (bytes), as text, or decoded already (object, array).
        home_region: where the function is deployed; it serves that region only. None: any.

    Returns:
        One decision, or a `Batch` of them when an array is found, be it of one element.
    """
    found = unwrap(event)
    if found == []:
        return Rejected("event", "an array without events", "at least one event")
    if isinstance(found, list):
        return Batch(tuple(_decide(message, home_region) for message in found))
    return _decide(found, home_region)


def _decide(message: Message, home_region: str | None) -> Item:
    source, read = _reader(message)
    try:
        decision: Item = read(home_region)
    except FieldError as error:
        decision = Rejected(error.name, error.found, error.allowed)
    id_ = event_id(message)
    if isinstance(decision, Request):
        return replace(decision, event_id=id_, event_time=event_time(message))
    region = region_for_records(message, home_region)
    return replace(decision, source=source, region=region, event_id=id_)


def _reader(message: Message) -> tuple[str, Callable[[str | None], Request | Ignored]]:
    """What a message is called in records, and what reads it."""
    form = manual_form(message)
    if form is not None:
        return "manual", partial(read_manual, form)
    shape = recognise(message)
    return shape.source, partial(shape.read, message)
