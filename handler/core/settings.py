"""The environment variables of the function, read once: a mapping in, frozen settings out.

Every bad variable is reported at once, each with what was found and what is allowed. An empty
value counts as unset, because templates pass optional variables as empty strings.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from handler.core.errors import BadSettings
from handler.core.policy import Policy, Rule, TagPattern
from handler.core.target import GRAMMAR, Target, parse_target
from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
RULE_KEYS = ("scaling_group", "instance_type", "vswitch", "eni_type", "traffic_mode", "target")
# What the values of an ENI can be (DescribeNetworkInterfaces: Type, NetworkInterfaceTrafficMode).
KNOWN_VALUES = {
    "eni_type": ("Primary", "Secondary"),
    "traffic_mode": ("Standard", "HighPerformance"),
}
OUR_HOOKS = ("*secondary-ips*",)
# A hook has a name of 2 to 64 characters (CreateLifecycleHook), an id of at most 68.
_HOOK_LENGTH = 128
# Keys and values of tags have at most 128 characters (TagResources).
_TAG_LENGTH = 128
# Names, IPv4 addresses, and IPv6 ones in brackets; perhaps a port.
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class Endpoints(Value):
    """Full URLs of the services; None means the region's own."""

    ecs: str | None = None
    vpc: str | None = None
    ess: str | None = None
    functions: str | None = None
    network: str = "public"


class Settings(Value):
    """What the operator configured. README lists the variables, units and defaults.

    `lifecycle_hooks` are shell-style patterns for the names or ids of the hooks that the function
    completes. `guest_port` is where guests are asked whether they answer; None: they are not.
    `settle_seconds` is how long reads may lag writes, `visibility_seconds` how long to wait for
    something new to appear, `minute_seconds` the length of a throttling window.
    """

    policy: Policy = Policy()
    vswitch_reserve: int = 8
    available_eni_limit: int = 50
    lifecycle_hooks: tuple[str, ...] = OUR_HOOKS
    guest_port: int | None = None
    guest_seconds: float = 120.0
    on_silent: str = "report"
    on_shortfall: str = "default"
    assign_per_minute: int = 400
    backfill_share: float = 0.5
    max_concurrency: int = 8
    dry_run: bool = False
    settle_seconds: float = 30.0
    visibility_seconds: float = 60.0
    minute_seconds: float = 60.0
    endpoints: Endpoints = Endpoints()
    log_level: str = "INFO"


class _Problem(ValueError):
    """What is allowed instead of the value that was found."""


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def read(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """The parsed variable; the default when it is unset, empty or bad."""
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except _Problem as problem:
            self.problems.append(f"{name}: found {_shown(text)}; allowed: {problem}")
            return default


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all variables.

    Raises:
        BadSettings: naming every variable that cannot be used.
    """
    reader = _Reader(environ)
    read = reader.read
    settings = Settings(
        policy=_policy(reader),
        vswitch_reserve=read("VSWITCH_RESERVE", 8, _whole(0, 65_536)),
        available_eni_limit=read("AVAILABLE_ENI_LIMIT", 50, _whole(0, 1_000)),
        lifecycle_hooks=read("LIFECYCLE_HOOKS", OUR_HOOKS, _hooks),
        guest_port=read("GUEST_PORT", None, _whole(1, 65_535)),
        guest_seconds=read("GUEST_SECONDS", 120.0, _number(0, 3600)),
        on_silent=read("ON_SILENT", "report", _one_of("report", "short")),
        on_shortfall=read("ON_SHORTFALL", "default", _one_of("default", "continue", "abandon")),
        assign_per_minute=read("ASSIGN_PER_MINUTE", 400, _whole(1, 1_000_000)),
        backfill_share=read("BACKFILL_SHARE", 0.5, _number(0, 1)),
        max_concurrency=read("MAX_CONCURRENCY", 8, _whole(1, 64)),
        dry_run=read("DRY_RUN", False, _boolean),  # noqa: FBT003  (the default value)
        settle_seconds=read("SETTLE_SECONDS", 30.0, _number(0, 3600)),
        visibility_seconds=read("VISIBILITY_SECONDS", 60.0, _number(0, 3600)),
        minute_seconds=read("MINUTE_SECONDS", 60.0, _number(0.1, 3600)),
        endpoints=_endpoints(reader),
        log_level=read("LOG_LEVEL", "INFO", _one_of(*LOG_LEVELS)),
    )
    if reader.problems:
        raise BadSettings(reader.problems)
    return settings


def _policy(reader: _Reader) -> Policy:
    read = reader.read
    return Policy(
        default=read("TARGET_SECONDARY_IPS", None, _target),
        rules=read("TARGET_RULES", (), _rules),
        tag=read("TARGET_TAG", "secondary-ips", _tag_key),
        scope=read("ENI_SCOPE", "all", _one_of("all", "primary", "secondary")),
        scaling_groups=read("ALLOWED_SCALING_GROUPS", frozenset(), _ids("asg")),
        vswitches=read("ALLOWED_VSWITCHES", frozenset(), _ids("vsw")),
        excluded_tags=read("EXCLUDED_TAGS", (), _excluded_tags),
    )


def _endpoints(reader: _Reader) -> Endpoints:
    read = reader.read
    return Endpoints(
        ecs=read("ECS_ENDPOINT", None, _url),
        vpc=read("VPC_ENDPOINT", None, _url),
        ess=read("ESS_ENDPOINT", None, _url),
        functions=read("FUNCTIONS_ENDPOINT", None, _url),
        network=read("ENDPOINT_NETWORK", "public", _one_of("public", "vpc")),
    )


def _shown(found: object) -> str:
    text = found if isinstance(found, str) else json.dumps(found)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise _Problem(f"a whole number, {low}..{high}")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            raise _Problem(f"a number, {low}..{high}")
        return float(text)

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for word in words:
            if text.lower() == word.lower():
                return word
        raise _Problem(", ".join(words))

    return parse


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    raise _Problem("true or false")


def _target(text: str) -> Target | None:
    target = parse_target(text)
    if target is None:
        raise _Problem(GRAMMAR)
    return target


def _tag_key(text: str) -> str:
    # Tag keys: at most 128 characters, not beginning with aliyun or acs: (TagResources reference).
    if len(text) > _TAG_LENGTH or text.startswith(("aliyun", "acs:")):
        most = f"at most {_TAG_LENGTH} characters"
        raise _Problem(f"a tag key, {most}, not beginning with aliyun or acs:")
    return text


def _hooks(text: str) -> tuple[str, ...]:
    found = _listed(text)
    if not found or any(len(each) > _HOOK_LENGTH or not each.isprintable() for each in found):
        raise _Problem("names or ids of lifecycle hooks, shell-style, separated by commas")
    return found


def _excluded_tags(text: str) -> tuple[TagPattern, ...]:
    pairs = [each.partition("=") for each in _listed(text)]
    fine = [
        key and len(key) <= _TAG_LENGTH and len(value) <= _TAG_LENGTH for key, _, value in pairs
    ]
    # Nothing but commas is not taken as empty: whoever wrote it meant to leave something out.
    if not fine or not all(fine):
        raise _Problem("key or key=value, shell-style, separated by commas")
    return tuple(TagPattern(key, value if equals else "*") for key, equals, value in pairs)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _ids(prefix: str) -> Callable[[str], frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        found = _listed(text)
        fine = [re.fullmatch(prefix + r"-[A-Za-z0-9-]{1,64}", each) for each in found]
        # Nothing but commas is not taken as empty: an allow-list would then allow all.
        if not fine or not all(fine):
            raise _Problem(f"ids like {prefix}-bp1example, separated by commas")
        return frozenset(found)

    return parse


def _url(text: str) -> str | None:
    allowed = _Problem("a full URL without a path, such as https://ecs.cn-hangzhou.aliyuncs.com")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise allowed from None
    plain = not (parts.path.strip("/") or parts.query or parts.fragment)
    host = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc)
    if not host or not plain or port == 0:
        raise allowed
    return f"{parts.scheme}://{parts.netloc}"


def _rules(text: str) -> tuple[Rule, ...]:
    try:
        entries = json.loads(text, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError):
        raise _Problem("a JSON list of rules") from None
    if not isinstance(entries, list):
        raise _Problem("a JSON list of rules")
    return tuple(_rule(index, entry) for index, entry in enumerate(entries))


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _rule(index: int, entry: object) -> Rule:
    if not isinstance(entry, dict) or "target" not in entry:
        raise _Problem(f"objects with a target; rule {index} is none")
    for key, value in entry.items():
        if key not in RULE_KEYS:
            raise _Problem(f"the keys {', '.join(RULE_KEYS)}; rule {index} has {_shown(key)}")
        if key != "target" and not isinstance(value, str):
            raise _Problem(f"patterns as text; {key} of rule {index} is not text")
    for key, values in KNOWN_VALUES.items():
        pattern = entry.get(key, "*")
        if not any(fnmatchcase(value.lower(), pattern.lower()) for value in values):
            allowed = f"as {key} a pattern for {' or '.join(values)}"
            raise _Problem(f"{allowed}; rule {index} has {_shown(pattern)}")
    target = parse_target(entry["target"])
    if target is None:
        raise _Problem(f"as a target {GRAMMAR}; rule {index} has {_shown(entry['target'])}")
    return Rule(**{**entry, "target": target})
