"""Trouble on demand: rules that make chosen calls fail, hang, lag or lose their reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.errors import ApiError, find_row
from localcloud.history import LONGEST_LAG
from localcloud.schema import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from localcloud.actions import Operation

MANY = 1_000_000

KINDS: dict[str, frozenset[str]] = {
    "error": frozenset({"code", "status", "message"}),
    "http": frozenset({"status", "body"}),
    "no_reply": frozenset(),
    "reset_before": frozenset(),
    "slow": frozenset({"seconds"}),
    "stale": frozenset({"seconds"}),
}
"""Each kind of fault and the fields that only it has."""


@dataclass
class Fault:
    """A rule, and how often it may still apply."""

    kind: str
    action: str
    where: Mapping[str, str]
    times: int
    seconds: float = 0.0
    status: int = 400
    code: str = ""
    message: str = ""
    body: str = ""

    def matches(self, action: Operation, parameters: Mapping[str, str]) -> bool:
        """Whether the rule is about this call."""
        if self.action not in ("*", action.name) or (self.kind == "stale" and action.writes):
            return False
        return all(parameters.get(name) == value for name, value in self.where.items())

    @property
    def content_type(self) -> str:
        """What the body of an ``http`` rule looks like: gateways in trouble send HTML."""
        return "text/html" if self.body.lstrip().startswith("<") else "application/json"

    def error(self) -> ApiError:
        """Return the refusal that an ``error`` rule orders."""
        return ApiError(self.status, self.code, self.message)


class FaultList:
    """The rules in their order; the first that matches and is not used up applies."""

    def __init__(self, source: object, actions: Mapping[str, Operation]) -> None:
        self._actions = actions
        self._faults: list[Fault] = []
        self.replace(source)

    def replace(self, source: object) -> None:
        """Put other rules in place of all; raise InvalidInput and keep the old ones if bad."""
        self._faults = [_read(node, self._actions) for node in Node(source, "faults").items()]

    def take(self, action: Operation, parameters: Mapping[str, str]) -> Fault | None:
        """Return the rule that applies to a call, and count that it did."""
        for fault in self._faults:
            if fault.times and fault.matches(action, parameters):
                fault.times -= 1
                return fault
        return None


def _read(node: Node, actions: Mapping[str, Operation]) -> Fault:
    every_field = frozenset[str]().union(*KINDS.values())
    node.object(
        required=frozenset({"action", "fault"}),
        optional=frozenset({"times", "where"}) | every_field,
    )
    kind = node.at("fault").choice(tuple(KINDS))
    for name in sorted(every_field - KINDS[kind]):
        if node.at(name).value is not None:
            node.at(name).refuse(f"a {kind} fault has no such field")
    fault = Fault(
        kind=kind,
        action=_action_name(node.at("action"), kind, actions),
        where={name: _as_text(value) for name, value in node.at("where").fields()},
        times=node.at("times").whole(1, MANY, default=1),
    )
    _READERS[kind](fault, node)
    return fault


def _action_name(node: Node, kind: str, actions: Mapping[str, Operation]) -> str:
    name = node.text()
    if name != "*" and name not in actions:
        node.refuse(f"{name} is not served; known are * and {_listed(actions)}")
    if kind == "stale" and name != "*" and actions[name].writes:
        node.refuse(f"{name} writes, and only reads can be stale")
    return name


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _as_text(node: Node) -> str:
    """Return a value as it would stand in a query string."""
    if isinstance(node.value, bool) or not isinstance(node.value, str | int):
        node.refuse("must be a string or an integer, as clients send it")
    return str(node.value)


def _read_error(fault: Fault, node: Node) -> None:
    fault.code = node.at("code").text()
    row = find_row(fault.code)
    fault.status = node.at("status").whole(400, 599, default=row.status if row else 400)
    known = row.message % (("ordered by a fault rule",) * row.blanks) if row else fault.code
    fault.message = node.at("message").text(known)


def _read_http(fault: Fault, node: Node) -> None:
    fault.status = node.at("status").whole(200, 599, default=400)
    body = node.at("body").value
    if body is not None and not isinstance(body, str):
        node.at("body").refuse("must be a string")
    fault.body = body or ""


def _read_seconds(fault: Fault, node: Node) -> None:
    fault.seconds = node.at("seconds").number(0, LONGEST_LAG)


def _read_nothing(fault: Fault, node: Node) -> None:
    del fault, node


_READERS: dict[str, Callable[[Fault, Node], None]] = {
    "error": _read_error,
    "http": _read_http,
    "no_reply": _read_nothing,
    "reset_before": _read_nothing,
    "slow": _read_seconds,
    "stale": _read_seconds,
}
