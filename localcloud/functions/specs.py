"""The functions that a world declares, checked field by field."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Json
    from localcloud.schema import Node

OLD_RUNTIME, NEW_RUNTIME = "python3.10", "python3.12"
RUNTIMES = (OLD_RUNTIME, NEW_RUNTIME)

LATEST = "LATEST"
QUEUE = "mns:"

LONGEST_TIMEOUT = 86_400
MOST_RETRIES = 8
RETRIES = 3
LARGEST_ENVIRONMENT = 4096
"""Bytes (all four: Function Compute, "Limits" and "Configure asynchronous invocation")."""

INSTANCES = 100
"""On-demand instances of an account in a region (Function Compute, "Quotas and limits")."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_ENTRY = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")
_REQUIRED = frozenset({"name", "code", "handler", "runtime", "timeout"})
_OPTIONAL = frozenset(
    {
        *("service", "initializer", "env", "retries", "on_failure", "instances", "qualifiers"),
        "return_payload",
        "grace",
        "interpreter",
    }
)


@dataclass(frozen=True)
class FunctionSpec:
    """A function as the world declares it; an empty text is a field that was left out."""

    name: str
    service: str
    code: Path
    handler: str
    initializer: str
    runtime: str
    timeout: int
    grace: int
    env: Mapping[str, str]
    retries: int
    on_failure: str
    instances: int
    qualifiers: tuple[str, ...]
    return_payload: bool
    interpreter: str

    def row(self) -> Json:
        """Return the fields of "Function" that the world declares."""
        return {
            "functionName": self.name,
            "handler": self.handler,
            "runtime": self.runtime,
            "timeout": self.timeout,
            "environmentVariables": dict(self.env),
        }

    @property
    def pre_stop(self) -> str:
        """The function that is called before an instance ends, if its file has one."""
        return f"{self.handler.partition('.')[0]}.pre_stop"


def read_functions(node: Node) -> tuple[FunctionSpec, ...]:
    """Read the functions; raise :class:`InvalidInput` naming the first bad field."""
    found: dict[str, FunctionSpec] = {}
    for item in node.items():
        spec = _function(item)
        if spec.name in found:
            item.at("name").refuse(f"{spec.name} stands twice")
        found[spec.name] = spec
    for item in node.items():
        _check_destination(item.at("on_failure"), found)
    return tuple(found.values())


def read_queues(node: Node) -> dict[str, tuple[object, ...]]:
    """Read the messages that queues hold from the beginning."""
    return {name: tuple(item.value for item in queue.items()) for name, queue in node.fields()}


def _function(node: Node) -> FunctionSpec:
    node.object(required=_REQUIRED, optional=_OPTIONAL)
    code = _folder(node.at("code"))
    service = _named(node.at("service")) if node.at("service").value else ""
    return FunctionSpec(
        name=_named(node.at("name")),
        service=service,
        code=code,
        handler=_entry(node.at("handler"), code),
        initializer=_entry(node.at("initializer"), code) if node.at("initializer").value else "",
        runtime=_runtime(node.at("runtime"), service),
        timeout=node.at("timeout").whole(1, LONGEST_TIMEOUT),
        grace=node.at("grace").whole(0, LONGEST_TIMEOUT, default=0),
        env=_environment(node.at("env")),
        retries=node.at("retries").whole(0, MOST_RETRIES, default=RETRIES),
        on_failure=node.at("on_failure").text() if node.at("on_failure").value else "",
        instances=node.at("instances").whole(1, INSTANCES, default=INSTANCES),
        qualifiers=(LATEST, *node.at("qualifiers").texts()),
        return_payload=node.at("return_payload").flag(default=False),
        interpreter=_command(node.at("interpreter")) if node.at("interpreter").value else "",
    )


def _named(node: Node) -> str:
    if not _NAME.fullmatch(node.text()):
        node.refuse(f"must match {_NAME.pattern}")
    return node.text()


def _folder(node: Node) -> Path:
    folder = Path(node.text()).resolve()
    if not folder.is_dir():
        node.refuse(f"{folder} is no folder")
    return folder


def _entry(node: Node, code: Path) -> str:
    if not _ENTRY.fullmatch(node.text()):
        node.refuse("must be file.function")
    if not (code / f"{node.text().partition('.')[0]}.py").is_file():
        node.refuse(f"no such file in {code}")
    return node.text()


def _command(node: Node) -> str:
    path = shutil.which(node.text())
    if path is None:
        node.refuse(f"{node.text()} is no command")
    return str(path)


def _runtime(node: Node, service: str) -> str:
    runtime = node.choice(RUNTIMES)
    if service and runtime == NEW_RUNTIME:
        node.refuse("FC 2.0, where services are, has no python3.12")
    return runtime


def _environment(node: Node) -> dict[str, str]:
    variables = {}
    for name, value in node.fields():
        if name.startswith("FC_"):
            value.refuse("the runtime removes variables that begin with FC_")
        if not isinstance(value.value, str):
            value.refuse("must be a string")
        variables[name] = value.value
    if sum(len(f"{name}{value}".encode()) for name, value in variables.items()) > (
        LARGEST_ENVIRONMENT
    ):
        node.refuse(f"must be at most {LARGEST_ENVIRONMENT} bytes in all")
    return variables


def _check_destination(node: Node, known: Mapping[str, FunctionSpec]) -> None:
    destination = node.value
    if not destination or node.text() in known:
        return
    if not destination.startswith(QUEUE) or destination == QUEUE:
        node.refuse(f"{destination} is neither a function of this world nor {QUEUE}QUEUE")
