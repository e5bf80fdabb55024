"""Reads the two manifests as Serverless Devs does, for tests on machines that do not have it.

Only the expressions that the manifests use are known; any other is an error. The tests compare this
with the tool itself wherever that can be installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
FC3, FC2 = ROOT / "s.yaml", ROOT / "deploy/fc2/s.yaml"
COMPONENTS = ("fc3", "fc")
ACCOUNT = "1690700000000030"

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_TRIGGERS = "vars.triggers.split(',').map(name => vars.offered[name.trim()] || env("
_EVENTS_LAST = " .flat().concat(vars.triggers.includes('-events') ? vars.events : [])"
_PIECES = re.compile(
    r"env\('TRIGGERS', '([\w,-]+)'\)\.split\(','\)\.map\(name => vars\.(\w+)\[name\.trim\(\)\]\)"
    r"\.filter\(each => each\)\.join\(', '\)"
)
_LIST = re.compile(r"(env\(.+?\))\.split\(','\)\.map\(name => name\.trim\(\)\)")
_NETWORK = "vars.networks[env('VPC_ID', '') + "
_NETWORK_VARIABLES = ("VPC_ID", "VSWITCH_IDS", "SECURITY_GROUP_ID")


def fc3(**environ: str) -> dict[str, Any]:
    """Return what `s.yaml` gives its component, in an environment with these variables.

    Raises:
        ValueError: TRIGGERS names one that is not offered.
    """
    content = _read(FC3)
    scope = Scope(environ)
    for name, value in content["vars"].items():
        scope.variables[name] = scope.resolved(value)
    resource = content["resources"]["secondary-ips"]
    extended: dict[str, Any] = scope.resolved(content["template"][resource["extend"]["name"]])
    props: dict[str, Any] = scope.resolved(resource["props"])
    return extended | props


def fc2(**variables: Any) -> dict[str, Any]:
    """Return what `deploy/fc2/s.yaml` gives its component, with some of its `vars` edited."""
    content = _read(FC2)
    scope = Scope({}, content["vars"] | variables)
    props: dict[str, Any] = scope.resolved(content["services"]["secondary-ips"]["props"])
    return props


@cache
def _read(manifest: Path) -> dict[str, Any]:
    """The manifest as it is written, which nobody changes."""
    found: dict[str, Any] = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    return found


@dataclass
class Scope:
    """Where expressions find their values."""

    environ: Mapping[str, str]
    variables: dict[str, Any] = field(default_factory=dict)

    def resolved(self, value: Any) -> Any:
        """Return a value of the manifest with all expressions in it replaced."""
        if isinstance(value, dict):
            return {key: self.resolved(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.resolved(each) for each in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> Any:
        """Return text with its expressions replaced; one that stands alone keeps its type."""
        if alone := _EXPRESSION.fullmatch(text):
            return self._value(alone[1])
        return _EXPRESSION.sub(lambda found: str(self._value(found[1])), text)

    def _value(self, expression: str) -> Any:
        if expression.startswith(_TRIGGERS) and expression.endswith(_EVENTS_LAST):
            return self._triggers()
        if pieces := _PIECES.fullmatch(expression):
            return self._pieces(pieces[1], self.variables[pieces[2]])
        if expression.startswith(_NETWORK):
            inside = any(self.environ.get(name) for name in _NETWORK_VARIABLES)
            return self.variables["networks"]["vpc" if inside else "public"]
        if listed := _LIST.fullmatch(expression):
            return [name.strip() for name in self._value(listed[1]).split(",")]
        return self._called(expression)

    def _called(self, expression: str) -> Any:
        if call := re.fullmatch(r"env\('(\w+)', (.+)\)", expression):
            return self.environ.get(call[1]) or self._value(call[2])
        if call := re.fullmatch(r"yaml\((.+)\)", expression):
            return yaml.safe_load(self._value(call[1]))
        if parts := re.fullmatch(r"('[^']*') \+ (.+)", expression):
            return self._value(parts[1]) + self._value(parts[2])
        if name := re.fullmatch(r"vars\.(\w+)", expression):
            return self.variables[name[1]]
        return self._constant(expression)

    def _constant(self, expression: str) -> str:
        if re.fullmatch(r"config\('?AccountID'?\)", expression):
            return ACCOUNT
        if re.fullmatch(r"'[^']*'", expression):
            return expression[1:-1]
        raise ValueError(f"{expression}: an expression that is not known here")

    def _triggers(self) -> list[Any]:
        names = [name.strip() for name in self.variables["triggers"].split(",")]
        offered = [each for name in names for each in self._offered(name)]
        events = self.variables["events"] if "-events" in self.variables["triggers"] else []
        return [*offered, *events]

    def _pieces(self, default: str, offered: Mapping[str, str]) -> str:
        names = (self.environ.get("TRIGGERS") or default).split(",")
        return ", ".join(offered[name.strip()] for name in names if name.strip() in offered)

    def _offered(self, name: str) -> Any:
        if name not in self.variables["offered"]:
            raise ValueError(f"TRIGGERS: {name} is not offered")
        return self.variables["offered"][name]
