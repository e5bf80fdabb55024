"""Which target applies to an ENI: precedence, opting out, and what is never touched."""

from __future__ import annotations

from typing import Any

import pytest

from handler.core.model import Ask, Reason, Selector, Wish
from handler.core.policy import Policy, Rule, TagPattern, scaling_group_of, wish_for
from handler.core.target import SKIP, Target
from tests.unit.builders import count, eni, instance, names, request, subject

TAG = "secondary-ips"
GROUP_TAG = "acs:autoscaling:scalingGroupId"
FOUR = Target(count=4)
EVERYWHERE = Policy(default=FOUR)
NAMED = request(selector=Selector(network_interface_ids=("eni-a",)))


def tagged(eni_tag: str | None, instance_tag: str | None = None) -> dict[str, Any]:
    """Tags of an ENI and its instance, as rows of a subject."""
    on_eni = {} if eni_tag is None else {TAG: eni_tag}
    on_instance = {} if instance_tag is None else {TAG: instance_tag}
    return {"eni": eni(tags=on_eni), "instance": instance(tags=on_instance)}


# What the request, the ENI's tag, the instance's tag, the rules and the default say: who wins.
PRECEDENCE = [
    (1, "2", "3", 4, 5, Wish(Target(count=1), "request")),
    (None, "2", "3", 4, 5, Wish(Target(count=2), "eni_tag")),
    (None, None, "3", 4, 5, Wish(Target(count=3), "instance_tag")),
    (None, None, None, 4, 5, Wish(Target(count=4), "rule")),
    (None, None, None, None, 5, Wish(Target(count=5), "default")),
    (None, None, None, None, None, Wish(skip=Reason.NO_TARGET)),
]


@pytest.mark.parametrize(("asked", "on_eni", "on_instance", "rule", "default", "wish"), PRECEDENCE)
def test_precedence(
    asked: int | None,
    on_eni: str | None,
    on_instance: str | None,
    rule: int | None,
    default: int | None,
    wish: Wish,
) -> None:
    """The request wins over the ENI's tag, that over the instance's, then rules, then default."""
    policy = Policy(
        default=None if default is None else Target(count=default),
        rules=() if rule is None else (Rule(Target(count=rule)),),
    )
    wanted = request(target=None if asked is None else Target(count=asked))
    assert wish == wish_for(subject(**tagged(on_eni, on_instance)), wanted, policy)


# A skip: what the tags, the request and the selector say, and what becomes of it.
OPTING_OUT = [
    ("skip", None, None, False, Wish(source="eni_tag", skip=Reason.OPTED_OUT)),
    (None, "SKIP", None, False, Wish(source="instance_tag", skip=Reason.OPTED_OUT)),
    ("skip", None, FOUR, False, Wish(source="eni_tag", skip=Reason.OPTED_OUT)),
    (None, "skip", FOUR, False, Wish(source="instance_tag", skip=Reason.OPTED_OUT)),
    ("skip", None, FOUR, True, Wish(FOUR, "request")),
    ("skip", None, None, True, Wish(source="eni_tag", skip=Reason.OPTED_OUT)),
    ("3", "skip", None, False, Wish(Target(count=3), "eni_tag")),
    ("3", "skip", FOUR, False, Wish(FOUR, "request")),
    (None, None, SKIP, False, Wish(source="request", skip=Reason.OPTED_OUT)),
]


@pytest.mark.parametrize(("on_eni", "on_instance", "asked", "named", "wish"), OPTING_OUT)
def test_opting_out(
    on_eni: str | None, on_instance: str | None, asked: Target | None, named: bool, wish: Wish
) -> None:
    """A tag that says skip wins over a request's target, unless the ENI is named by its id."""
    selector = Selector(network_interface_ids=("eni-a",)) if named else Selector(everything=True)
    wanted = request(target=asked, selector=selector)
    found = wish_for(subject(**tagged(on_eni, on_instance)), wanted, EVERYWHERE)
    assert (wish.skip, wish.source) == (found.skip, found.source)
    assert wish.skip is not None or wish == found


def test_an_eni_that_an_event_names_is_not_named() -> None:
    """Only a person's request overrides a skip; an event that carries an ENI's id does not."""
    event = request(manual=False, target=FOUR, selector=Selector(network_interface_ids=("eni-a",)))
    assert Reason.OPTED_OUT == wish_for(subject(**tagged("skip")), event, EVERYWHERE).skip


@pytest.mark.parametrize("rules", [(), (Rule(Target(count=9)),)])
@pytest.mark.parametrize("tags", [("many", None), (None, "-1"), ("", "3"), ("5.5", "3")])
def test_a_bad_tag_does_not_fall_through(
    tags: tuple[str | None, str | None], rules: tuple[Rule, ...]
) -> None:
    """A tag that is no target skips the ENI, although something less specific has one."""
    wish = wish_for(subject(**tagged(*tags)), request(), Policy(default=FOUR, rules=rules))
    assert Reason.INVALID_TARGET == wish.skip
    assert wish.target is None


def test_a_request_wins_over_a_bad_tag() -> None:
    """What the request says needs no tag."""
    wish = wish_for(subject(**tagged("many")), request(target=FOUR), EVERYWHERE)
    assert Wish(FOUR, "request") == wish


UNTOUCHABLE = [
    ({"service_managed": True}, Reason.SERVICE_MANAGED),
    ({"instance_id": "eci-a"}, Reason.FOREIGN_OWNER),
    ({"instance_id": "mi-a", "type": "Member"}, Reason.FOREIGN_OWNER),
    ({"instance_id": "e01-cn-a"}, Reason.FOREIGN_OWNER),
    ({"type": "Trunk"}, Reason.ENI_TYPE),
    ({"type": "Member"}, Reason.ENI_TYPE),
    ({"type": "Something new"}, Reason.ENI_TYPE),
]


@pytest.mark.parametrize(("row", "reason"), UNTOUCHABLE)
@pytest.mark.parametrize("wants", [{}, {"eni-a": names("10.0.0.9")}])
def test_never_touched(row: dict[str, Any], reason: Reason, wants: dict[str, Ask]) -> None:
    """ENIs of services, trunks and members are left alone even when named by id."""
    wanted = request(target=FOUR, selector=NAMED.selector, wants=wants)
    assert Wish(skip=reason) == wish_for(subject(eni(**row)), wanted, EVERYWHERE)


KUBERNETES = [
    ({"creator": "terway"}, {}),
    ({"creator": "terway-controller", "ack.aliyun.com": "c0123"}, {}),
    ({"creator": "alibabacloud-erdma-controller"}, {}),
    ({"ack.aliyun.com": "c0123"}, {}),
    ({"terway.alibabacloud.com/excluded": "true"}, {}),
    ({"cilium-eni-index": "1"}, {}),
    ({"cilium-": ""}, {}),
    ({}, {"creator": "terway-controller"}),
    ({}, {"terway.alibabacloud.com/excluded": ""}),
    ({}, {"cilium-node": "a"}),
    ({}, {"ack.aliyun.com": "c0123"}),
    ({}, {"ack.aliyun.com": ""}),
]


@pytest.mark.parametrize(("on_eni", "on_instance"), KUBERNETES)
def test_kubernetes_is_left_alone_unless_named(
    on_eni: dict[str, str], on_instance: dict[str, str]
) -> None:
    """Pods own the addresses of terway's ENIs and ACK's nodes; a person may say otherwise."""
    found = subject(eni(tags=on_eni), instance=instance(tags=on_instance))
    event = request(manual=False, selector=NAMED.selector)
    assert Wish(skip=Reason.KUBERNETES) == wish_for(found, request(), EVERYWHERE)
    assert Wish(skip=Reason.KUBERNETES) == wish_for(found, event, EVERYWHERE)
    assert Wish(FOUR, "default") == wish_for(found, NAMED, EVERYWHERE)


@pytest.mark.parametrize(
    "tags",
    [
        {"creator": "me"},
        {"creator": "Terway"},
        {"creator": ""},
        {"ack.aliyun.com.eu": "c0123"},
        {"CILIUM-eni-index": "1"},
        {"my-cilium-eni-index": "1"},
        {"terway": "creator"},
    ],
)
def test_what_resembles_a_mark_of_kubernetes_is_none(tags: dict[str, str]) -> None:
    """Only the very keys and values that controllers write mark an ENI as theirs."""
    found = subject(eni(tags=tags), instance=instance(tags=tags))
    assert Wish(FOUR, "default") == wish_for(found, request(), EVERYWHERE)


EXCLUDED = [
    ("team", "*", {"team": "dba"}, True),
    ("team", "*", {"team": ""}, True),
    ("team", "dba", {"team": "dba"}, True),
    ("team", "dba", {"team": "web"}, False),
    ("team", "", {"team": "dba"}, False),
    ("t*m", "db?", {"other": "x", "team": "dba"}, True),
    ("team", "*", {"teams": "dba"}, False),
    ("Team", "*", {"team": "dba"}, False),
]


@pytest.mark.parametrize(("key", "value", "tags", "excluded"), EXCLUDED)
def test_excluded_tags(key: str, value: str, tags: dict[str, str], *, excluded: bool) -> None:
    """EXCLUDED_TAGS leaves out what has such a tag, or hangs on it, unless it is named by id."""
    policy = Policy(default=FOUR, excluded_tags=(TagPattern("none"), TagPattern(key, value)))
    expected = Wish(skip=Reason.EXCLUDED) if excluded else Wish(FOUR, "default")
    assert expected == wish_for(subject(eni(tags=tags)), request(), policy)
    on_instance = subject(instance=instance(tags=tags))
    assert expected == wish_for(on_instance, request(), policy)
    assert Wish(FOUR, "default") == wish_for(on_instance, NAMED, policy)


def test_instance_named_by_id_is_meant_although_it_is_marked_but_not_its_marked_enis() -> None:
    """An instance's own mark gives way to its id; that of one of its ENIs does not."""
    named = request(selector=Selector(instance_ids=("i-a",)))
    policy = Policy(default=FOUR, excluded_tags=(TagPattern("team"),))
    marked = instance(tags={"team": "dba", "ack.aliyun.com": "c0123"})
    assert Wish(FOUR, "default") == wish_for(subject(instance=marked), named, policy)
    theirs = subject(eni(tags={"team": "dba"}), instance=marked)
    assert Wish(skip=Reason.EXCLUDED) == wish_for(theirs, named, policy)


@pytest.mark.parametrize(
    ("pattern", "mode", "matches"),
    [
        ("Standard", "Standard", True),
        ("highperf*", "HighPerformance", True),
        ("Standard", "HighPerformance", False),
        ("?*", "", False),
    ],
)
def test_rules_match_the_traffic_mode(pattern: str, mode: str, *, matches: bool) -> None:
    """RDMA interfaces can be told apart, in whatever case the rule is written."""
    found = subject(eni(traffic_mode=mode))
    assert matches == Rule(FOUR, traffic_mode=pattern).matches(found)


@pytest.mark.parametrize(
    ("scope", "eni_type", "touched"),
    [
        ("all", "Primary", True),
        ("all", "Secondary", True),
        ("primary", "Primary", True),
        ("primary", "Secondary", False),
        ("secondary", "Primary", False),
        ("secondary", "Secondary", True),
    ],
)
def test_scope(scope: str, eni_type: str, touched: bool) -> None:
    """ENI_SCOPE holds for everybody, ENIs named by id included."""
    wish = wish_for(subject(eni(type=eni_type)), NAMED, Policy(default=FOUR, scope=scope))
    assert (None if touched else Reason.SCOPE) == wish.skip


@pytest.mark.parametrize(
    ("allowed", "found", "touched"),
    [
        ((), None, True),
        ((), "asg-a", True),
        (("asg-a", "asg-b"), "asg-b", True),
        (("asg-a",), "asg-c", False),
        (("asg-a",), None, False),
    ],
)
def test_allowed_scaling_groups(allowed: tuple[str, ...], found: str | None, touched: bool) -> None:
    """With an allow-list, an ENI of another or of an unknown scaling group is left alone."""
    policy = Policy(default=FOUR, scaling_groups=frozenset(allowed))
    wish = wish_for(subject(scaling_group_id=found), NAMED, policy)
    assert (None if touched else Reason.SCALING_GROUP) == wish.skip


@pytest.mark.parametrize(("allowed", "touched"), [((), True), (("vsw-a",), True), (("b",), False)])
def test_allowed_vswitches(allowed: tuple[str, ...], touched: bool) -> None:
    """With an allow-list, an ENI in another vSwitch is left alone."""
    wish = wish_for(subject(), NAMED, Policy(default=FOUR, vswitches=frozenset(allowed)))
    assert (None if touched else Reason.VSWITCH_NOT_ALLOWED) == wish.skip


@pytest.mark.parametrize(
    ("tags", "of_event", "expected"),
    [
        ({GROUP_TAG: "asg-tag"}, "asg-event", "asg-tag"),
        ({GROUP_TAG: "asg-tag"}, None, "asg-tag"),
        ({}, "asg-event", "asg-event"),
        ({GROUP_TAG: ""}, "asg-event", "asg-event"),
        ({}, None, None),
    ],
)
def test_scaling_group(tags: dict[str, str], of_event: str | None, expected: str | None) -> None:
    """An instance's group is its tag's, else the event's."""
    found = scaling_group_of(instance(tags=tags), request(scaling_group_id=of_event))
    assert expected == found


def test_an_unattached_eni_has_no_scaling_group() -> None:
    """The event's group is that of instances."""
    assert scaling_group_of(None, request(scaling_group_id="asg-event")) is None


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ({}, True),
        ({"scaling_group": "asg-a"}, True),
        ({"scaling_group": "asg-*"}, True),
        ({"scaling_group": "asg-?"}, True),
        ({"scaling_group": "asg"}, False),
        ({"scaling_group": "ASG-A"}, False),
        ({"instance_type": "ecs.g7.*"}, True),
        ({"instance_type": "ecs.[gc]7.large"}, True),
        ({"instance_type": "ecs.c7.*"}, False),
        ({"vswitch": "vsw-a"}, True),
        ({"eni_type": "secondary"}, True),
        ({"eni_type": "primary"}, False),
        ({"scaling_group": "asg-a", "vswitch": "vsw-b"}, False),
        ({"scaling_group": "asg-a", "vswitch": "vsw-a", "eni_type": "sec*"}, True),
    ],
)
def test_rules_match_by_wildcards(patterns: dict[str, str], matches: bool) -> None:
    """Every pattern of a rule must match the whole value."""
    found = subject(scaling_group_id="asg-a")
    assert matches == Rule(FOUR, **patterns).matches(found)


@pytest.mark.parametrize(("pattern", "matches"), [("*", True), ("", True), ("?*", False)])
def test_a_missing_value_is_the_empty_string(pattern: str, matches: bool) -> None:
    """A rule for any scaling group can be told from one for none."""
    found = subject(instance=None)
    assert matches == Rule(FOUR, scaling_group=pattern).matches(found)
    assert matches == Rule(FOUR, instance_type=pattern).matches(found)


def test_the_first_matching_rule_wins() -> None:
    """Later rules are for what earlier ones left over; skip is an answer too."""
    rules = (
        Rule(Target(count=1), vswitch="vsw-b"),
        Rule(Target(count=2), vswitch="vsw-*"),
        Rule(Target(count=3)),
    )
    assert Wish(Target(count=2), "rule") == wish_for(subject(), request(), Policy(rules=rules))
    opted_out = wish_for(subject(), request(), Policy(default=FOUR, rules=(Rule(SKIP),)))
    assert Wish(source="rule", skip=Reason.OPTED_OUT) == opted_out


def test_explicit_wants_win_over_everything_but_protection() -> None:
    """Addresses that a request names need no target, and no tag turns them away."""
    wanted = request(selector=NAMED.selector, wants={"eni-a": count(1)})
    assert Wish(ask=count(1), source="request") == wish_for(
        subject(**tagged("skip")), wanted, Policy()
    )


def test_another_tag_key() -> None:
    """TARGET_TAG names the tag that is looked at; the usual key means nothing then."""
    policy = Policy(default=FOUR, tag="ips")
    found = subject(eni(tags={"ips": "2", TAG: "3"}))
    assert Wish(Target(count=2), "eni_tag") == wish_for(found, request(), policy)
    assert Wish(FOUR, "default") == wish_for(subject(**tagged("3")), request(), policy)
