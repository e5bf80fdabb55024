"""A manifest against its schema, with what a schema alone cannot say."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from deploy.check import LARGEST_ENVIRONMENT
from deploy.cron import is_cron
from handler.core.errors import BadSettings
from handler.core.model import Request
from handler.core.settings import read_settings
from handler.events import parse
from tests.integration.deployment.manifests import ROOT
from tests.integration.deployment.patterns import check_pattern

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS: Path = ROOT / "deploy/schema"
LOOP = re.compile(r"PrivateIp(v6)?(Assigned|Unassigned)", re.IGNORECASE)
FORMATS = FormatChecker(())
FORMATS.checks("fc-cron", ValueError)(is_cron)


def problems(name: str, props: Any) -> list[str]:
    """Return what is wrong with the props of `fc3` or `fc2`: where, and what."""
    return [
        f"{'.'.join(str(part) for part in error.absolute_path)}: {_innermost(error)}"
        for error in _validator(name).iter_errors(props)
    ]


def _innermost(error: Any) -> str:
    """Return the message of the cause: of a trigger, the one of its own type."""
    causes = [each for each in error.context or () if each.validator != "const"]
    return "; ".join([error.message, *(each.message for each in causes)])


@cache
def _validator(name: str) -> Draft202012Validator:
    documents = {path.name: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")}
    for document in documents.values():
        Draft202012Validator.check_schema(document)
    resources = ((uri, Resource.from_contents(each)) for uri, each in documents.items())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(
        documents[f"{name}.json"], registry=registry, format_checker=FORMATS
    )


@FORMATS.checks("event-pattern", ValueError)
def is_pattern(text: object) -> bool:
    """Whether it is a pattern that can be evaluated, and none that makes the function loop."""
    if not isinstance(text, str) or LOOP.search(text):
        return False
    check_pattern(json.loads(text))
    return True


@FORMATS.checks("trigger-order")
def is_in_order(triggers: object) -> bool:
    """Whether every trigger is deployed: an unchanged one of EventBridge ends the component's loop.

    (fc3 0.1.22, src/subCommands/deploy/impl/trigger.ts.)
    """
    if not isinstance(triggers, list):
        return False
    kinds = [each.get("triggerType", each.get("type")) for each in triggers]
    return "eventbridge" not in kinds[:-1]


@FORMATS.checks("manual-request")
def is_request(text: object) -> bool:
    """Whether the function acts on it as on the request of a person."""
    parsed = parse(str(text).encode(), home_region="cn-hangzhou")
    return isinstance(parsed, Request) and parsed.manual


@FORMATS.checks("fc-environment", BadSettings)
def is_environment(variables: object) -> bool:
    """Whether Function Compute takes these variables, and the function their values."""
    if not isinstance(variables, dict):
        return False
    read_settings({name: str(value) for name, value in variables.items()})
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    return size <= LARGEST_ENVIRONMENT
