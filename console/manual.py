"""From a file or options to a manual request, checked by the parser that the function has."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from console import screen
from console.naming import in_options, spelt
from handler.core.model import Rejected, Request
from handler.events import parse
from handler.events.decode import MAX_BYTES, Decoder, text_of
from handler.events.fields import FieldError

PLAN, BACKFILL = "plan", "backfill"
# Where the SDKs of Alibaba Cloud look for a region.
REGION_VARIABLE = "ALIBABA_CLOUD_REGION_ID"


class BadRequest(Exception):
    """What was asked for cannot be understood; each text names a field or an option."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem, not only the first."""
        return tuple(map(str, self.args))


NO_REGION = (
    f"--region: not given; allowed: a region such as cn-hangzhou, or {REGION_VARIABLE} set to one"
)
NOBODY_TO_ASK = "--yes is not given, and there is no terminal to ask on: nothing was assigned"
_REQUEST = 'one manual request, {"plan": {...}} or {"backfill": {...}}'
# Stands for a region that is missing while the rest of a request is looked at.
ANY_REGION = "cn-hangzhou"


def together(*problems: BadRequest | None) -> None:
    """Raise what is wrong all at once.

    Raises:
        BadRequest: if anything is.
    """
    found = [text for each in problems if each is not None for text in each.problems]
    if found:
        raise BadRequest(*dict.fromkeys(found))


def problem_in(check: Callable[[], object]) -> BadRequest | None:
    """What a check finds wrong, to be raised together with others."""
    try:
        check()
    except BadRequest as problem:
        return problem
    return None


@dataclass(frozen=True)
class Options:
    """The options that make up a request; the names of its fields are those of the events.

    Attributes:
        tags: each `key=value`.
    """

    instance_ids: Sequence[str] | None = None
    network_interface_ids: Sequence[str] | None = None
    scaling_group_id: str | None = None
    vswitch_id: str | None = None
    tags: Sequence[str] | None = None
    all: bool = False
    target: str | None = None
    limit: int | None = None
    dry_run: bool = False
    ask_guests: bool = False

    def fields(self) -> dict[str, object]:
        """What was given.

        Raises:
            BadRequest: a tag is no `key=value`, or has the key of another one.
        """
        given = {
            "instance_ids": self.instance_ids or None,
            "network_interface_ids": self.network_interface_ids or None,
            "scaling_group_id": self.scaling_group_id,
            "vswitch_id": self.vswitch_id,
            "tags": _tags(self.tags or ()) or None,
            "all": self.all or None,
            "target": self.target,
            "limit": self.limit,
            "dry_run": self.dry_run or None,
            "ask_guests": self.ask_guests or None,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class ManualRequest:
    """A manual request: as it is sent, and as the function reads it."""

    verb: str
    payload: bytes
    request: Request

    def as_plan(self, *, asking: bool = True) -> ManualRequest:
        """The same without writes, and perhaps without asking the guests.

        Raises:
            BadRequest: the request stands inside of something else, and would write there.
        """
        form: Any = _as(PLAN, json.loads(self.payload))
        if not asking and isinstance(form, dict):
            form.get(PLAN, {}).pop("ask_guests", None)
        return _checked(PLAN, form, self.request.region, from_file=True)


def default_region(environ: Mapping[str, str]) -> str | None:
    """The region where nothing else names one."""
    return environ.get(REGION_VARIABLE) or environ.get("FC_REGION") or None


def manual_request(
    verb: str, file: str | None, options: Options, region: str | None, default: str | None
) -> ManualRequest:
    """The request that a file (`-`: standard input) or options make.

    Args:
        verb: `plan` makes a plan of any request; with `backfill`, a plan in a file stays one.
        file: holds a manual request; None: the options do.
        options: must be empty when there is a file.
        region: the one that is meant; a file that names another is refused.
        default: the region where neither says one.

    Raises:
        BadRequest: naming the option, or the field of the file.
    """
    fields = options.fields()
    if file is None:
        form: object = {verb: fields}
    elif fields:
        found = spelt(" and ".join(fields))
        raise BadRequest(f"FILE: found {file} and {found}; allowed: a FILE or options")
    else:
        form = _as(verb, _loaded(file))
    home = region or default
    if home is None and _wants_region(form):
        rest = _placed(form, ANY_REGION)
        of_rest = problem_in(lambda: _checked(verb, rest, region, from_file=file is not None))
        together(of_rest, BadRequest(NO_REGION))
    return _checked(verb, _placed(form, home), region, from_file=file is not None)


def _tags(texts: Sequence[str]) -> dict[str, str]:
    """By key. An instance has a key once, so two values of one key would select none."""
    found: dict[str, str] = {}
    for key, value in map(_tag, texts):
        if key in found:
            raise BadRequest(f"--tag: found the key {key!r} twice; allowed: each key once")
        found[key] = value
    return found


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadRequest(f"--tag: found {text!r}; allowed: key=value")
    return key, value


def standard_input() -> BinaryIO:
    """The bytes of standard input.

    Raises:
        BadRequest: there is none.
    """
    if sys.stdin is None:
        raise BadRequest("FILE: found a standard input that is closed; allowed: a FILE")
    if sys.stdin.isatty():
        screen.note("reading from the terminal: Ctrl-D ends the input, Ctrl-C the command")
    return sys.stdin.buffer


def _loaded(file: str) -> object:
    """The JSON of a file, in which nothing is left open: it is read as an event is."""
    try:
        raw = _bytes_of(file)
    except OSError as error:
        raise BadRequest(f"FILE: found {file}, {error.strerror}; allowed: {_REQUEST}") from None
    try:
        return Decoder().value(text_of(raw), "FILE")
    except FieldError as error:
        found = f"found {error.found}; allowed: {error.allowed}"
        raise BadRequest(f"FILE: {file}: {found}") from None


def _bytes_of(file: str) -> bytes:
    """No more of them than is needed to see that they are too many."""
    if file == "-":
        return standard_input().read(MAX_BYTES + 1)
    with Path(file).open("rb") as source:
        return source.read(MAX_BYTES + 1)


def _as(verb: str, form: object) -> object:
    """A plan of whatever was to be done, when a plan is asked for."""
    if verb == PLAN and isinstance(form, dict) and set(form) == {BACKFILL}:
        return {PLAN: form[BACKFILL]}
    return form


def _placed(form: object, region: str | None) -> object:
    """The region is written into the request, so that the rest of it stays there."""
    if not isinstance(form, dict):
        return form
    return form | {verb: {"region": region, **form[verb]} for verb in _without_region(form)}


def _wants_region(form: object) -> bool:
    return isinstance(form, dict) and bool(_without_region(form))


def _without_region(form: dict[str, Any]) -> list[str]:
    """The verbs of a request that does not name its region."""
    return [
        verb
        for verb, fields in form.items()
        if verb in {PLAN, BACKFILL} and isinstance(fields, dict) and "region" not in fields
    ]


def _checked(verb: str, form: object, region: str | None, *, from_file: bool) -> ManualRequest:
    payload = json.dumps(form).encode()
    found = parse(payload, home_region=region)
    if isinstance(found, Request) and found.manual and (verb != PLAN or found.dry_run):
        return ManualRequest(verb, payload, found)
    if isinstance(found, Rejected):
        raise BadRequest(found.reason if from_file else in_options(found))
    source = getattr(found, "source", "an array of events")
    if source == "manual":
        source = "a backfill inside of something else"
    raise BadRequest(f"FILE: found {source}; allowed: {_REQUEST}")
