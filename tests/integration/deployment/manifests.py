"""Reads the two manifests as Serverless Devs does, for tests on machines that do not have it.

Only the expressions that the manifests use are known; any other is an error. The tests compare this
with the tool itself wherever that can be installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
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


def fc3(**environ: str) -> dict[str, Any]:
    """Return what `s.yaml` gives its component, in an environment with these variables.

    Raises:
        ValueError: TRIGGERS names one that is not offered.
    """
    content = yaml.safe_load(FC3.read_text(encoding="utf-8"))
    scope = Scope(environ)
    for name, value in content["vars"].items():
        scope.variables[name] = scope.resolved(value)
    props: dict[str, Any] = scope.resolved(content["resources"]["secondary-ips"]["props"])
    return props


def fc2(**variables: Any) -> dict[str, Any]:
    """Return what `deploy/fc2/s.yaml` gives its component, with some of its `vars` edited."""
    content = yaml.safe_load(FC2.read_text(encoding="utf-8"))
    scope = Scope({}, content["vars"] | variables)
    props: dict[str, Any] = scope.resolved(content["services"]["secondary-ips"]["props"])
    return props


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
        if expression.startswith(_TRIGGERS):
            return [self._offered(name.strip()) for name in self.variables["triggers"].split(",")]
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

    def _offered(self, name: str) -> Any:
        if name not in self.variables["offered"]:
            raise ValueError(f"TRIGGERS: {name} is not offered")
        return self.variables["offered"][name]
