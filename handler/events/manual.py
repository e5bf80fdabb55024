"""Requests made by a person or a timer: `{"backfill": {...}}`, or `{"plan": {...}}` without writes.

They are the one input that is ours, so nothing is guessed: each field is known by name, has one
type, and anything else is refused with what would have been accepted.
"""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import json
import math
from typing import TYPE_CHECKING, TypeVar

from handler.core.model import (
    CURSOR_NUMBERS,
    CURSOR_TEXTS,
    CURSOR_VERSION,
    Ask,
    AskKind,
    Request,
    Selector,
)
from handler.core.target import GRAMMAR, Target, parse_target
from handler.events.fields import (
    Field,
    FieldError,
    Layer,
    checked_id,
    checked_ids,
    child,
    printable,
)
from handler.events.origin import settled_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from handler.events.unwrap import Message

# Bounds of the AssignPrivateIpAddresses reference page: an ENI that is attached to nothing holds at
# most 50 addresses, and one call takes at most 10 prefixes or asks for at most 10. They are /28.
MAX_ADDRESSES = 50
MAX_PREFIXES = 10
PREFIX_LENGTH = 28

MAX_TAGS = 20  # of an ECS resource
MAX_TAG_LENGTH = 128
MAX_CURSOR_BYTES = 64 * 1024
MAX_CURSOR_NUMBER = 10**8  # a task id has room for so many hops; a region has not so many ENIs

_T = TypeVar("_T")
_Ip = TypeVar("_Ip", ipaddress.IPv4Address, ipaddress.IPv4Network)
_FORMS = ("backfill", "plan")


def manual_form(message: Message) -> Layer | None:
    """The object that a person or a timer wrote; None when the message is none of these."""
    value = message.value
    if message.kind is None and isinstance(value, dict) and not value.keys().isdisjoint(_FORMS):
        return Layer(message.path, value)
    return None


def read_manual(form: Layer, home_region: str | None) -> Request:
    """The request in a manual form.

    Raises:
        FieldError: a field that is unknown, missing, of another type or at odds with another.
    """
    fields, plan = _fields(form)
    _refuse_unknown(fields)
    selector = _selector(fields)
    return Request(
        source="manual",
        region=settled_region(fields.field("region"), home_region, fields.name("region")),
        selector=selector,
        scaling_group_id=selector.scaling_group_id,
        manual=True,
        target=_optional(fields, "target", _target),
        wants=_wants(fields, selector),
        limit=_optional(fields, "limit", _limit),
        dry_run=_optional(fields, "dry_run", _flag) or plan,
        ask_guests=_optional(fields, "ask_guests", _flag) or False,
        cursor=_optional(fields, "cursor", _cursor),
    )


def _fields(form: Layer) -> tuple[Layer, bool]:
    """The fields of the request, and whether it is a plan."""
    verbs = [verb for verb in _FORMS if verb in form.values]
    if len(verbs) > 1:
        raise FieldError(form.name("plan"), "backfill and plan together", "one of the two")
    for key in form.values:
        if key not in _FORMS:
            name = form.name(printable(key))
            raise FieldError(name, "an unknown field", f"{verbs[0]} and nothing beside it")
    request = Field(form.name(verbs[0]), form.values[verbs[0]])
    if not isinstance(request.value, dict):
        raise request.refused("a JSON object")
    return Layer(request.name, request.value), verbs == ["plan"]


def _refuse_unknown(fields: Layer) -> None:
    known = (*_SELECTORS, *_OPTIONS, *_ASKS)
    for key in fields.values:
        if key not in known:
            near = difflib.get_close_matches(key[:MAX_TAG_LENGTH].lower(), known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            name = fields.name(printable(key))
            raise FieldError(name, f"an unknown field{hint}", ", ".join(known))


def _optional(fields: Layer, key: str, read: Callable[[Field], _T]) -> _T | None:
    field = fields.field(key)
    return None if field is None else read(field)


# --- selectors --------------------------------------------------------------------------------


def _selector(fields: Layer) -> Selector:
    given = [key for key in _SELECTORS if key in fields.values]
    if len(given) != 1:
        found = " and ".join(given) or "no selector"
        raise FieldError(fields.path, found, f"exactly one of {', '.join(_SELECTORS)}")
    return _SELECTORS[given[0]](Field(fields.name(given[0]), fields.values[given[0]]))


def _tags(field: Field) -> Selector:
    allowed = f"an object of 1 to {MAX_TAGS} tags, each a text of at most {MAX_TAG_LENGTH}"
    tags = field.value
    if not isinstance(tags, dict) or not 1 <= len(tags) <= MAX_TAGS:
        raise field.refused(allowed)
    for key, value in tags.items():
        if not key or not _is_tag_text(key) or not _is_tag_text(value):
            raise Field(child(field.name, printable(key)), value).refused(allowed)
    return Selector(tags=tuple(sorted(tags.items())))


def _is_tag_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TAG_LENGTH and value.isprintable()


def _everything(field: Field) -> Selector:
    if field.value is not True:
        raise field.refused("true")
    return Selector(everything=True)


_SELECTORS: Mapping[str, Callable[[Field], Selector]] = {
    "instance_ids": lambda field: Selector(instance_ids=checked_ids(field, "i")),
    "network_interface_ids": lambda field: Selector(
        network_interface_ids=checked_ids(field, "eni")
    ),
    "scaling_group_id": lambda field: Selector(scaling_group_id=checked_id(field, "asg")),
    "vswitch_id": lambda field: Selector(vswitch_id=checked_id(field, "vsw")),
    "tags": _tags,
    "all": _everything,
}


# --- options ----------------------------------------------------------------------------------

_OPTIONS = ("region", "target", "limit", "dry_run", "ask_guests", "cursor")


def _target(field: Field) -> Target:
    target = parse_target(field.value)
    if target is None:
        raise field.refused(GRAMMAR)
    return target


def _limit(field: Field) -> int:
    return _whole_number(field, 1)


def _flag(field: Field) -> bool:
    if not isinstance(field.value, bool):
        raise field.refused("true or false")
    return field.value


def _cursor(field: Field) -> Mapping[str, object]:
    allowed = f"the object that a continuation wrote, at most {MAX_CURSOR_BYTES} bytes"
    if not isinstance(field.value, dict):
        raise field.refused(allowed)
    if (size := len(json.dumps(field.value))) > MAX_CURSOR_BYTES:
        raise FieldError(field.name, f"{size} bytes", allowed)
    ours = field.value.get("version") == CURSOR_VERSION
    for key in CURSOR_TEXTS + CURSOR_NUMBERS:
        part = Field(child(field.name, key), field.value.get(key))
        if isinstance(part.value, str) and not (part.value.isascii() and part.value.isprintable()):
            raise part.refused("printable ASCII characters")
        if ours and part.value is not None:
            _check_part(part, number=key in CURSOR_NUMBERS)
    return field.value


def _check_part(part: Field, *, number: bool) -> None:
    """As this version of the function writes it."""
    if number:
        _whole_number(part, 0, MAX_CURSOR_NUMBER)
    elif not isinstance(part.value, str):
        raise part.refused("text")


def _whole_number(field: Field, least: int, most: float = math.inf) -> int:
    number = field.value
    if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
        return number
    bound = f"from {least}" if most == math.inf else f"from {least} to {most}"
    raise field.refused(f"a whole number {bound}")


# --- what ENIs are to hold ---------------------------------------------------------------------


def _wants(fields: Layer, selector: Selector) -> dict[str, Ask]:
    """What each ENI that is named by id is to hold, instead of a target."""
    wants: dict[str, Ask] = {}
    for key in _ASKS:
        for eni_id, ask in _asks_of(fields, key, selector):
            if eni_id in wants:
                name = child(fields.name(key), eni_id)
                raise FieldError(name, "an ENI that has another field too", "one field per ENI")
            wants[eni_id] = ask
    return wants


def _asks_of(fields: Layer, key: str, selector: Selector) -> Iterator[tuple[str, Ask]]:
    field = fields.field(key)
    if field is None:
        return
    if "target" in fields.values:
        raise FieldError(field.name, f"target and {key} together", "one of the two")
    named = frozenset(selector.network_interface_ids)
    if not named:
        raise FieldError(field.name, f"{key} without network_interface_ids", "both together")
    if not isinstance(field.value, dict) or not field.value:
        raise field.refused("an object with ENI ids as keys")
    for eni_id, value in field.value.items():
        name = child(field.name, printable(eni_id, 80))
        if eni_id not in named:
            raise FieldError(name, "another ENI", "ENIs named in network_interface_ids")
        yield eni_id, _ASKS[key](Field(name, value))


def _addresses(field: Field) -> Ask:
    return _explicit(field, AskKind.ADDRESSES, MAX_ADDRESSES, _address)


def _prefixes(field: Field) -> Ask:
    return _explicit(field, AskKind.PREFIXES, MAX_PREFIXES, _prefix)


def _prefix_count(field: Field) -> Ask:
    return Ask(AskKind.PREFIX_COUNT, _whole_number(field, 1, MAX_PREFIXES))


def _explicit(field: Field, kind: AskKind, most: int, read: Callable[[Field], _Ip]) -> Ask:
    """Each value once, in the order of their numbers: the order given means nothing to the API."""
    values = sorted({read(element) for element in field.elements()})
    if not 1 <= len(values) <= most:
        raise field.refused(f"a list of 1 to {most}")
    return Ask(kind, len(values), tuple(str(value) for value in values))


def _address(field: Field) -> ipaddress.IPv4Address:
    if isinstance(field.value, str):
        with contextlib.suppress(ValueError):
            return ipaddress.IPv4Address(field.value)
    raise field.refused("an IPv4 address such as 10.0.0.8")


def _prefix(field: Field) -> ipaddress.IPv4Network:
    if isinstance(field.value, str) and field.value.endswith(f"/{PREFIX_LENGTH}"):
        with contextlib.suppress(ValueError):
            return ipaddress.IPv4Network(field.value)
    raise field.refused(f"an IPv4 prefix such as 10.0.0.16/{PREFIX_LENGTH}")


_ASKS: Mapping[str, Callable[[Field], Ask]] = {
    "private_ip_addresses": _addresses,
    "ipv4_prefixes": _prefixes,
    "ipv4_prefix_count": _prefix_count,
}
