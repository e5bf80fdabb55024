"""The environment variables: defaults, accepted forms, and every problem named at once."""

from __future__ import annotations

import json
from functools import reduce

import pytest

from handler.core.errors import BadSettings
from handler.core.policy import Policy, Rule, TagPattern
from handler.core.settings import Endpoints, Settings, read_settings
from handler.core.target import GRAMMAR, SKIP, Target

# The table of variables in the README, as attributes.
DEFAULTS: list[tuple[str, str, object]] = [
    ("TARGET_SECONDARY_IPS", "policy.default", None),
    ("TARGET_RULES", "policy.rules", ()),
    ("TARGET_TAG", "policy.tag", "secondary-ips"),
    ("ENI_SCOPE", "policy.scope", "all"),
    ("VSWITCH_RESERVE", "vswitch_reserve", 8),
    ("AVAILABLE_ENI_LIMIT", "available_eni_limit", 50),
    ("EXCLUDED_TAGS", "policy.excluded_tags", ()),
    ("LIFECYCLE_HOOKS", "lifecycle_hooks", ("*secondary-ips*",)),
    ("GUEST_PORT", "guest_port", None),
    ("GUEST_SECONDS", "guest_seconds", 120.0),
    ("ON_SILENT", "on_silent", "report"),
    ("ON_SHORTFALL", "on_shortfall", "default"),
    ("ASSIGN_PER_MINUTE", "assign_per_minute", 400),
    ("BACKFILL_SHARE", "backfill_share", 0.5),
    ("MAX_CONCURRENCY", "max_concurrency", 8),
    ("ALLOWED_SCALING_GROUPS", "policy.scaling_groups", frozenset()),
    ("ALLOWED_VSWITCHES", "policy.vswitches", frozenset()),
    ("DRY_RUN", "dry_run", False),
    ("SETTLE_SECONDS", "settle_seconds", 30.0),
    ("VISIBILITY_SECONDS", "visibility_seconds", 60.0),
    ("MINUTE_SECONDS", "minute_seconds", 60.0),
    ("ECS_ENDPOINT", "endpoints.ecs", None),
    ("VPC_ENDPOINT", "endpoints.vpc", None),
    ("ESS_ENDPOINT", "endpoints.ess", None),
    ("FUNCTIONS_ENDPOINT", "endpoints.functions", None),
    ("ENDPOINT_NETWORK", "endpoints.network", "public"),
    ("LOG_LEVEL", "log_level", "INFO"),
]
ATTRIBUTE = {name: attribute for name, attribute, _ in DEFAULTS}
EVERY_VARIABLE = sorted(ATTRIBUTE)


def value(settings: Settings, attribute: str) -> object:
    """An attribute by its dotted path."""
    return reduce(getattr, attribute.split("."), settings)


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """What reading this environment complains of."""
    with pytest.raises(BadSettings) as refused:
        read_settings(environ)
    return refused.value.problems


@pytest.mark.parametrize(("name", "attribute", "default"), DEFAULTS)
@pytest.mark.parametrize("text", [None, "", "  "])
def test_unset_or_empty_is_the_default(
    name: str, attribute: str, default: object, text: str | None
) -> None:
    """A variable that is unset, empty or blank has its default."""
    assert default == value(read_settings({} if text is None else {name: text}), attribute)


def test_defaults_in_code_and_in_the_reader_agree() -> None:
    """An empty environment gives what `Settings()` is."""
    assert Settings() == read_settings({})
    assert Settings() == Settings(policy=Policy(), endpoints=Endpoints())


ACCEPTED: list[tuple[str, str, object]] = [
    ("TARGET_SECONDARY_IPS", "0", Target(count=0)),
    ("TARGET_SECONDARY_IPS", " MAX ", Target(below_max=0)),
    ("TARGET_SECONDARY_IPS", "max-2", Target(below_max=2)),
    ("TARGET_SECONDARY_IPS", "25%", Target(percent=25)),
    ("TARGET_SECONDARY_IPS", "skip", SKIP),
    ("TARGET_RULES", "[]", ()),
    (
        "TARGET_RULES",
        '[{"traffic_mode": "highperformance", "target": "skip"}]',
        (Rule(SKIP, traffic_mode="highperformance"),),
    ),
    ("EXCLUDED_TAGS", "team", (TagPattern("team"),)),
    ("EXCLUDED_TAGS", "team=", (TagPattern("team", ""),)),
    (
        "EXCLUDED_TAGS",
        "team=dba, own*=*x=y ,",
        (TagPattern("team", "dba"), TagPattern("own*", "*x=y")),
    ),
    ("LIFECYCLE_HOOKS", "*", ("*",)),
    ("LIFECYCLE_HOOKS", " ips-*, ash-bp1example ", ("ips-*", "ash-bp1example")),
    ("TARGET_RULES", '[{"target": 3}]', (Rule(Target(count=3)),)),
    (
        "TARGET_RULES",
        (
            '[{"scaling_group": "asg-*", "instance_type": "ecs.g7.*", "vswitch": "vsw-a",'
            ' "eni_type": "primary", "target": "max"}, {"target": "skip"}]'
        ),
        (Rule(Target(below_max=0), "asg-*", "ecs.g7.*", "vsw-a", "primary"), Rule(SKIP)),
    ),
    ("TARGET_TAG", "ips", "ips"),
    ("TARGET_TAG", "k" * 128, "k" * 128),
    ("TARGET_TAG", "my-aliyun acs:", "my-aliyun acs:"),
    ("ENI_SCOPE", "primary", "primary"),
    ("ENI_SCOPE", "Secondary", "secondary"),
    ("VSWITCH_RESERVE", "0", 0),
    ("VSWITCH_RESERVE", "65536", 65_536),
    ("AVAILABLE_ENI_LIMIT", "0", 0),
    ("AVAILABLE_ENI_LIMIT", "1000", 1000),
    ("GUEST_PORT", "1", 1),
    ("GUEST_PORT", "65535", 65_535),
    ("GUEST_SECONDS", "0", 0.0),
    ("GUEST_SECONDS", "3600", 3600.0),
    ("ON_SILENT", "Short", "short"),
    ("ON_SHORTFALL", "ABANDON", "abandon"),
    ("ON_SHORTFALL", "continue", "continue"),
    ("ASSIGN_PER_MINUTE", "1", 1),
    ("ASSIGN_PER_MINUTE", "1000000", 1_000_000),
    ("BACKFILL_SHARE", "0", 0.0),
    ("BACKFILL_SHARE", "0.25", 0.25),
    ("BACKFILL_SHARE", "1.0", 1.0),
    ("MAX_CONCURRENCY", "1", 1),
    ("MAX_CONCURRENCY", "64", 64),
    ("ALLOWED_SCALING_GROUPS", "asg-a, asg-B2 ,", frozenset({"asg-a", "asg-B2"})),
    ("ALLOWED_VSWITCHES", "vsw-a", frozenset({"vsw-a"})),
    ("DRY_RUN", "TRUE", True),
    ("DRY_RUN", "1", True),
    ("DRY_RUN", "yes", True),
    ("DRY_RUN", "on", True),
    ("DRY_RUN", "False", False),
    ("DRY_RUN", "0", False),
    ("SETTLE_SECONDS", "0", 0.0),
    ("SETTLE_SECONDS", "2.5", 2.5),
    ("VISIBILITY_SECONDS", "3600", 3600.0),
    ("MINUTE_SECONDS", "0.1", 0.1),
    ("MINUTE_SECONDS", "6", 6.0),
    ("ECS_ENDPOINT", "http://127.0.0.1:7070", "http://127.0.0.1:7070"),
    ("VPC_ENDPOINT", "https://vpc.aliyuncs.com/", "https://vpc.aliyuncs.com"),
    ("ESS_ENDPOINT", "http://[::1]:7070", "http://[::1]:7070"),
    ("FUNCTIONS_ENDPOINT", "HTTPS://fc.example", "https://fc.example"),
    ("ENDPOINT_NETWORK", "VPC", "vpc"),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("LOG_LEVEL", "WARNING", "WARNING"),
]


@pytest.mark.parametrize(("name", "text", "expected"), ACCEPTED)
def test_accepted(name: str, text: str, expected: object) -> None:
    """Every form that a variable can be written in."""
    assert expected == value(read_settings({name: text}), ATTRIBUTE[name])


URL = "a full URL without a path, such as https://ecs.cn-hangzhou.aliyuncs.com"
TAG_KEY = "a tag key, at most 128 characters, not beginning with aliyun or acs:"
EXCLUDED = "key or key=value, shell-style, separated by commas"
HOOKS = "names or ids of lifecycle hooks, shell-style, separated by commas"
SOME_RULES = "a JSON list of rules"
KEYS = "the keys scaling_group, instance_type, vswitch, eni_type, traffic_mode, target"

REFUSED = [
    ("TARGET_SECONDARY_IPS", "many", GRAMMAR),
    ("TARGET_SECONDARY_IPS", "-1", GRAMMAR),
    ("TARGET_SECONDARY_IPS", "101%", GRAMMAR),
    ("TARGET_RULES", "{", SOME_RULES),
    ("TARGET_RULES", "null", SOME_RULES),
    ("TARGET_RULES", '{"target": 3}', SOME_RULES),
    ("TARGET_RULES", "[" * 5000, SOME_RULES),
    ("TARGET_RULES", "[3]", "objects with a target; rule 0 is none"),
    ("TARGET_RULES", '[{"target": 1}, {}]', "objects with a target; rule 1 is none"),
    ("TARGET_RULES", '[{"target": 1, "zone": "a"}]', f"{KEYS}; rule 0 has 'zone'"),
    ("TARGET_RULES", '[{"target": 1, "Vswitch": "a"}]', f"{KEYS}; rule 0 has 'Vswitch'"),
    (
        "TARGET_RULES",
        '[{"target": 1, "vswitch": 5}]',
        "patterns as text; vswitch of rule 0 is not text",
    ),
    ("TARGET_RULES", '[{"target": 4, "target": 8}]', SOME_RULES),
    (
        "TARGET_RULES",
        '[{"target": 4, "eni_type": "secondry"}]',
        "as eni_type a pattern for Primary or Secondary; rule 0 has 'secondry'",
    ),
    (
        "TARGET_RULES",
        '[{"target": 4, "traffic_mode": "RDMA"}]',
        "as traffic_mode a pattern for Standard or HighPerformance; rule 0 has 'RDMA'",
    ),
    ("EXCLUDED_TAGS", ",", EXCLUDED),
    ("EXCLUDED_TAGS", "=dba", EXCLUDED),
    ("EXCLUDED_TAGS", "k" * 129, EXCLUDED),
    ("EXCLUDED_TAGS", "team=" + "v" * 129, EXCLUDED),
    ("LIFECYCLE_HOOKS", ", ,", HOOKS),
    ("LIFECYCLE_HOOKS", "h" * 129, HOOKS),
    ("LIFECYCLE_HOOKS", "secondary\x00ips", HOOKS),
    ("TARGET_RULES", '[{"target": true}]', f"as a target {GRAMMAR}; rule 0 has 'true'"),
    ("TARGET_RULES", '[{"target": null}]', f"as a target {GRAMMAR}; rule 0 has 'null'"),
    ("TARGET_TAG", "k" * 129, TAG_KEY),
    ("TARGET_TAG", "acs:ips", TAG_KEY),
    ("TARGET_TAG", "aliyun-ips", TAG_KEY),
    ("ENI_SCOPE", "trunk", "all, primary, secondary"),
    ("VSWITCH_RESERVE", "-1", "a whole number, 0..65536"),
    ("VSWITCH_RESERVE", "65537", "a whole number, 0..65536"),
    ("VSWITCH_RESERVE", "1.5", "a whole number, 0..65536"),
    ("VSWITCH_RESERVE", "٣", "a whole number, 0..65536"),
    ("AVAILABLE_ENI_LIMIT", "1001", "a whole number, 0..1000"),
    ("GUEST_PORT", "0", "a whole number, 1..65535"),
    ("GUEST_PORT", "65536", "a whole number, 1..65535"),
    ("GUEST_PORT", "ssh", "a whole number, 1..65535"),
    ("GUEST_SECONDS", "3601", "a number, 0..3600"),
    ("ON_SILENT", "abandon", "report, short"),
    ("ON_SHORTFALL", "retry", "default, continue, abandon"),
    ("ASSIGN_PER_MINUTE", "0", "a whole number, 1..1000000"),
    ("ASSIGN_PER_MINUTE", "1000001", "a whole number, 1..1000000"),
    ("ASSIGN_PER_MINUTE", "9" * 5000, "a whole number, 1..1000000"),
    ("BACKFILL_SHARE", "1.1", "a number, 0..1"),
    ("BACKFILL_SHARE", "50%", "a number, 0..1"),
    ("BACKFILL_SHARE", "nan", "a number, 0..1"),
    ("BACKFILL_SHARE", ".5", "a number, 0..1"),
    ("MAX_CONCURRENCY", "0", "a whole number, 1..64"),
    ("MAX_CONCURRENCY", "65", "a whole number, 1..64"),
    ("ALLOWED_SCALING_GROUPS", "vsw-a", "ids like asg-bp1example, separated by commas"),
    ("ALLOWED_SCALING_GROUPS", "asg-a asg-b", "ids like asg-bp1example, separated by commas"),
    ("ALLOWED_VSWITCHES", "vsw-a,*", "ids like vsw-bp1example, separated by commas"),
    ("ALLOWED_VSWITCHES", ",", "ids like vsw-bp1example, separated by commas"),
    ("DRY_RUN", "maybe", "true or false"),
    ("DRY_RUN", "2", "true or false"),
    ("SETTLE_SECONDS", "3601", "a number, 0..3600"),
    ("SETTLE_SECONDS", "-1", "a number, 0..3600"),
    ("SETTLE_SECONDS", "1e3", "a number, 0..3600"),
    ("SETTLE_SECONDS", "inf", "a number, 0..3600"),
    ("VISIBILITY_SECONDS", "1m", "a number, 0..3600"),
    ("MINUTE_SECONDS", "0", "a number, 0.1..3600"),
    ("ECS_ENDPOINT", "ecs.aliyuncs.com", URL),
    ("ECS_ENDPOINT", "ftp://ecs.aliyuncs.com", URL),
    ("ECS_ENDPOINT", "https://", URL),
    ("ECS_ENDPOINT", "https://ecs cn", URL),
    ("ECS_ENDPOINT", "https://ecs.cn-hangzhou.aliyuncs.com:", URL),
    ("ECS_ENDPOINT", "https://<host>", URL),
    ("ECS_ENDPOINT", "https://ecs\\x", URL),
    ("ECS_ENDPOINT", "https://.aliyuncs.com", URL),
    ("VPC_ENDPOINT", "https://vpc.aliyuncs.com/path", URL),
    ("VPC_ENDPOINT", "https://vpc.aliyuncs.com?a=b", URL),
    ("ESS_ENDPOINT", "https://ess.aliyuncs.com:port", URL),
    ("ESS_ENDPOINT", "https://ess.aliyuncs.com:0", URL),
    ("ESS_ENDPOINT", "http://[::1", URL),
    ("FUNCTIONS_ENDPOINT", "https://someone@fc.example", URL),
    ("FUNCTIONS_ENDPOINT", "https://:pass@fc.example", URL),
    ("ENDPOINT_NETWORK", "internal", "public, vpc"),
    ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), REFUSED)
def test_refused(name: str, text: str, allowed: str) -> None:
    """The problem names the variable, what was found, shortened, and what is allowed."""
    found = text if len(text) <= 60 else text[:57] + "..."
    assert (f"{name}: found {found!r}; allowed: {allowed}",) == problems({name: text})


def test_every_variable_has_a_refused_form() -> None:
    """No variable takes just anything."""
    assert {name for name, _, _ in REFUSED} == set(EVERY_VARIABLE)


def test_all_problems_at_once() -> None:
    """Whoever mends the environment sees everything that is wrong with it."""
    everything = {name: text for name, text, _ in REFUSED}
    assert EVERY_VARIABLE == sorted(each.split(":")[0] for each in problems(everything))


def test_good_variables_beside_a_bad_one() -> None:
    """Only what is wrong is complained of."""
    found = problems({"DRY_RUN": "perhaps", "VSWITCH_RESERVE": "4", "LOG_LEVEL": "INFO"})
    assert ("DRY_RUN: found 'perhaps'; allowed: true or false",) == found


def test_the_exception_says_it_all() -> None:
    """Its text is what stands in the function's log."""
    with pytest.raises(BadSettings, match=r"bad settings: ENI_SCOPE: .*; DRY_RUN: found 'x'"):
        read_settings({"ENI_SCOPE": "x", "DRY_RUN": "x"})


def test_unknown_variables_are_none_of_our_business() -> None:
    """The runtime sets many more."""
    assert Settings() == read_settings({"PATH": "/bin", "FC_REGION": "cn-hangzhou"})


def test_a_long_rule_is_shortened() -> None:
    """However bad a rule is, its problem fits in a log line."""
    text = json.dumps([{"target": "x" * 5000}])
    assert len(problems({"TARGET_RULES": text})[0]) < 500
