"""Takes off what triggers, queues, topics, alarms and failure destinations wrap around a message.

Which wrappers exist, and which key of each holds what is inside, is one table. What is left is a
`Message`, with everything that the wrappers said on the way.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from handler.core.value import Value
from handler.events.decode import Decoder, text_of
from handler.events.fields import Field, FieldError, Layer, View, child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_WRAPPERS = 12  # arrays included
MAX_LAYERS = 8  # of content in content
MAX_ELEMENTS = 1_000  # of all arrays of one event

_CLOUD_EVENT = "data"

# The keys that tell a wrapper, and the key of what it wraps; the first row that fits counts.
_WRAPPERS: tuple[tuple[frozenset[str], str], ...] = (
    # Attributes of a message are merged into it, under any name: this row comes first.
    (frozenset({"TopicName", "Message"}), "Message"),  # MNS topic, JSON
    (frozenset({"requestContext", "requestPayload"}), "requestPayload"),  # failure destination
    (frozenset({"UserData", "Schedule"}), "UserData"),  # data of an EventBridge schedule
    (frozenset({"body", "attrs"}), "body"),  # MNS topic, STREAM with attributes
    (frozenset({"triggerName", "triggerTime"}), "payload"),  # timer
    (frozenset({"type", "specversion"}), _CLOUD_EVENT),
    (frozenset({"type", "source", "data"}), _CLOUD_EVENT),
    (frozenset({"messageBody"}), "messageBody"),  # MNS queue, the data of its CloudEvent
    (frozenset({"alert"}), "alert"),  # CloudMonitor push
)
# What an HTTP trigger, or an API gateway, makes of a request.
_HTTP = (frozenset({"rawPath", "requestContext"}), frozenset({"httpMethod", "headers"}))
_ALERT = frozenset({"eventContentMap", "eventRawContent", "alertStatus"})
_SERVICE = re.compile(r"acs[.:]")  # the source of events that Alibaba Cloud publishes itself
# What a cloud service only carries for somebody else is not an event of its own.
_CARRIED = ("mns:", "fc:AsyncInvoke:", "eventbridge:Events:ScheduledEvent")
_CONTENT: Mapping[str, tuple[type, ...]] = {
    "content": (dict, str),
    "eventRawContent": (dict, str),
    "eventContentMap": (dict, str),  # perhaps translated
    "sysEventMeta": (dict,),
}


class _Place(Value):
    """Where unwrapping has got to, with the wrappers taken off on the way, innermost first."""

    path: str = ""
    wrappers: tuple[Layer, ...] = ()
    depth: int = 0

    @property
    def name(self) -> str:
        return self.path or "event"

    def inside(self, key: str, wrapper: Mapping[str, object]) -> _Place:
        wrappers = (Layer(self.path, wrapper), *self.wrappers)
        return _Place(child(self.path, key), wrappers, self.depth + 1)

    def element(self, index: int) -> _Place:
        return _Place(f"{self.name}[{index}]", self.wrappers, self.depth + 1)


class Message:
    """What is left of an event when its wrappers are off.

    Attributes:
        path: where it stands in the event; "" for an event without wrappers.
        value: the message; for an event of a cloud service, its `data`, not yet decoded.
        envelope: the wrappers, innermost first.
        kind: the CloudEvents type, if a cloud service published it.
        decoder: for the texts inside.
        problem: why unwrapping ended here, if it did not end well.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what unwrapping finds)
        self,
        path: str,
        value: object,
        envelope: View,
        decoder: Decoder,
        kind: str | None = None,
        problem: FieldError | None = None,
    ) -> None:
        self.path = path
        self.value = value
        self.envelope = envelope
        self.decoder = decoder
        self.kind = kind
        self.problem = problem

    @property
    def details(self) -> View:
        """The message and the objects in it that carry its content, innermost first.

        Raises:
            FieldError: `problem`, or content that cannot be read.
        """
        if isinstance(self._contents, FieldError):
            raise self._contents
        return self._contents

    @property
    def readable(self) -> View:
        """`details`, or nothing when they cannot be read."""
        return View(()) if isinstance(self._contents, FieldError) else self._contents

    @cached_property
    def _contents(self) -> View | FieldError:
        if self.problem:
            return self.problem
        try:
            return View(tuple(self._layers(self.path, self.value)))
        except FieldError as problem:
            return problem

    def _layers(self, path: str, value: object, depth: int = 0) -> Iterator[Layer]:
        if depth > MAX_LAYERS:
            raise FieldError(path, "more content inside", f"at most {MAX_LAYERS} levels")
        if isinstance(value, str):
            value = self.decoder.value(value, path)
        if not isinstance(value, dict):
            raise Field(path, value).refused("a JSON object")
        for key, types in _CONTENT.items():
            found = Layer(path, value).like(key)
            if found and found.value and isinstance(found.value, types):
                yield from self._layers(found.name, found.value, depth + 1)
        # What users write into a message of a hook may have any name: only an alert has this one.
        meta = value.get("meta") if not _ALERT.isdisjoint(value) else None
        if isinstance(meta, dict) and meta:
            yield from self._layers(child(path, "meta"), meta, depth + 1)
        yield Layer(path, value)


def unwrap(event: object) -> Message | list[Message]:
    """The message of an event, or all messages of an array, however deep arrays nest.

    Never raises: a message that cannot be reached has a `problem`.
    """
    unwrapper = _Unwrapper()
    try:
        text = text_of(event)
    except FieldError as problem:
        return unwrapper.message(_Place(), None, problem=problem)
    return unwrapper.unwrap(text, _Place())


class _Unwrapper:
    """Unwraps one event, and counts what is bounded for the event as a whole."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._elements = 0

    def unwrap(self, value: object, place: _Place) -> Message | list[Message]:
        try:
            value = self._opened(value, place)
        except FieldError as problem:
            return self.message(place, None, problem=problem)
        if isinstance(value, list):
            return self._each(value, place)
        if any(marks <= value.keys() for marks in _HTTP):
            return self.message(place, None, problem=_over_http(place))
        key = _wrapped(value)
        if key is None:
            return self.message(place, value)
        inside = place.inside(key, value)
        if (kind := _service_event(key, value)) is not None:
            return self.message(inside, value.get(key), kind=kind)
        return self.unwrap(value.get(key), inside)

    def message(
        self,
        place: _Place,
        value: object,
        *,
        kind: str | None = None,
        problem: FieldError | None = None,
    ) -> Message:
        return Message(place.path, value, View(place.wrappers), self._decoder, kind, problem)

    def _opened(self, value: object, place: _Place) -> dict[str, object] | list[object]:
        if place.depth > MAX_WRAPPERS:
            allowed = f"at most {MAX_WRAPPERS} wrappers, one in the other"
            raise FieldError(place.name, "more wrappers", allowed)
        if isinstance(value, str):
            value = self._decoder.value(value, place.name)
        if not isinstance(value, (dict, list)):
            raise Field(place.name, value).refused("a JSON object or array")
        if isinstance(value, list):
            self._count(value, place)
        return value

    def _count(self, array: list[object], place: _Place) -> None:
        self._elements += len(array)
        if self._elements > MAX_ELEMENTS:
            allowed = f"at most {MAX_ELEMENTS} elements in all arrays of an event"
            raise FieldError(place.name, f"a list of {len(array)}", allowed)

    def _each(self, array: list[object], place: _Place) -> list[Message]:
        messages: list[Message] = []
        for index, element in enumerate(array):
            found = self.unwrap(element, place.element(index))
            messages.extend(found if isinstance(found, list) else [found])
        return messages


def _over_http(place: _Place) -> FieldError:
    """Whoever knows the address may send such a request, and nothing tells the senders apart."""
    return FieldError(place.name, "a request over HTTP", "events of other triggers, or invocations")


def _wrapped(value: Mapping[str, object]) -> str | None:
    """The key of what is inside, if this object is a wrapper."""
    return next((key for marks, key in _WRAPPERS if marks <= value.keys()), None)


def _service_event(key: str, wrapper: Mapping[str, object]) -> str | None:
    """The type of a CloudEvent that a cloud service published about itself.

    Anyone may publish under another source, and message queues do: that is only a wrapper.
    """
    kind, source = wrapper.get("type"), wrapper.get("source")
    if key != _CLOUD_EVENT or not isinstance(kind, str) or kind.startswith(_CARRIED):
        return None
    return kind if isinstance(source, str) and _SERVICE.match(source) else None
