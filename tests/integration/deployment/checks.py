"""A manifest against its schema, with what a schema alone cannot say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

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
LARGEST_ENVIRONMENT = 4096
"""Bytes of all names and values (Function Compute, "Limits")."""

# Seconds first (Function Compute, "Time triggers"): the least and the largest value of each field.
CRON_FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
EVERY = re.compile(r"@every [1-9]\d*[smh]")
TIME_ZONE = re.compile(r"(?:CRON_TZ|TZ)=[A-Za-z]+(?:/[A-Za-z_+-]+\d*)* ")
STEP = re.compile(r"(\*|\?|\d+(?:-\d+)?)(?:/(\d+))?")

FORMATS = FormatChecker(())


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


def _validator(name: str) -> Draft202012Validator:
    documents = {path.name: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")}
    for document in documents.values():
        Draft202012Validator.check_schema(document)
    resources = ((uri, Resource.from_contents(each)) for uri, each in documents.items())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(
        documents[f"{name}.json"], registry=registry, format_checker=FORMATS
    )


@FORMATS.checks("fc-cron", ValueError)
def is_cron(text: object) -> bool:
    """Whether Function Compute takes it for a schedule: six fields, or `@every 5m`."""
    if not isinstance(text, str):
        return False
    fields = TIME_ZONE.sub("", text, count=1).split(" ")
    if EVERY.fullmatch(text):
        return True
    return len(fields) == len(CRON_FIELDS) and all(map(_is_field, fields, CRON_FIELDS))


def _is_field(field: str, bounds: tuple[int, int]) -> bool:
    return all(_is_part(part, bounds) for part in field.split(","))


def _is_part(part: str, bounds: tuple[int, int]) -> bool:
    found = STEP.fullmatch(part)
    if found is None:
        return False
    numbers = [int(number) for number in re.findall(r"\d+", found[1])]
    fits = all(bounds[0] <= number <= bounds[1] for number in numbers)
    return fits and numbers == sorted(numbers) and found[2] != "0"


@FORMATS.checks("event-pattern", ValueError)
def is_pattern(text: object) -> bool:
    """Whether it is a pattern that can be evaluated, and none that makes the function loop."""
    if not isinstance(text, str) or LOOP.search(text):
        return False
    check_pattern(json.loads(text))
    return True


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
