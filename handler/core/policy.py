"""Which target applies to an ENI, and why: pure, one ENI at a time.

The order of the questions is the order of precedence that the README documents.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from handler.core.model import Reason, Wish
from handler.core.target import parse_target
from handler.core.value import Value

if TYPE_CHECKING:
    from handler.core.model import Instance, Request, Subject
    from handler.core.target import Target

# Auto Scaling puts this tag on the instances that it creates.
SCALING_GROUP_TAG = "acs:autoscaling:scalingGroupId"
# Terway marks the ENIs it manages, ACK the instances of its clusters: pods own their addresses.
TERWAY_TAG = ("creator", "terway")
ACK_TAG = "ack.aliyun.com"


class Rule(Value):
    """One entry of TARGET_RULES: shell-style patterns, all of which must match."""

    target: Target
    scaling_group: str | None = None
    instance_type: str | None = None
    vswitch: str | None = None
    eni_type: str | None = None

    def matches(self, subject: Subject) -> bool:
        """Whether every pattern given matches; a missing value is the empty string."""
        found = (
            (self.scaling_group, subject.scaling_group_id),
            (self.instance_type, subject.instance.type if subject.instance else None),
            (self.vswitch, subject.eni.vswitch_id),
            (self.eni_type and self.eni_type.lower(), subject.eni.type.lower()),
        )
        return all(pattern is None or fnmatchcase(value or "", pattern) for pattern, value in found)


class Policy(Value):
    """What the operator configured about who gets how many.

    Attributes:
        default: TARGET_SECONDARY_IPS.
        rules: TARGET_RULES, first match wins.
        tag: TARGET_TAG, the tag key whose value is a target.
        scope: ENI_SCOPE: "all", "primary" or "secondary".
        scaling_groups: ALLOWED_SCALING_GROUPS; empty allows all.
        vswitches: ALLOWED_VSWITCHES; empty allows all.
    """

    default: Target | None = None
    rules: tuple[Rule, ...] = ()
    tag: str = "secondary-ips"
    scope: str = "all"
    scaling_groups: frozenset[str] = frozenset()
    vswitches: frozenset[str] = frozenset()


def scaling_group_of(instance: Instance | None, request: Request) -> str | None:
    """The scaling group of an instance: its tag, else the one the event names."""
    tagged = instance.tags.get(SCALING_GROUP_TAG) if instance else None
    return tagged or (request.scaling_group_id if instance else None)


def wish_for(subject: Subject, request: Request, policy: Policy) -> Wish:
    """What is wanted of this ENI by the request, its tags, the rules or the default."""
    named = request.manual and subject.eni.id in request.selector.network_interface_ids
    if (skip := _left_alone(subject, policy)) is not None:
        return Wish(skip=skip)
    if _of_kubernetes(subject, request) and not named:
        return Wish(skip=Reason.KUBERNETES)
    if (ask := request.wants.get(subject.eni.id)) is not None:
        return Wish(ask=ask, source="request")
    wish = _wish(subject, request, policy, named=named)
    if wish.skip is None and wish.target is not None and wish.target.skip:
        return Wish(source=wish.source, skip=Reason.OPTED_OUT)
    return wish


def _left_alone(subject: Subject, policy: Policy) -> Reason | None:
    """Why nothing at all may be done to this ENI, whatever its target."""
    eni = subject.eni
    if policy.scaling_groups and subject.scaling_group_id not in policy.scaling_groups:
        return Reason.SCALING_GROUP
    if eni.service_managed:
        return Reason.SERVICE_MANAGED
    if not eni.ours:
        return Reason.ENI_TYPE
    if policy.scope not in {"all", eni.type.lower()}:
        return Reason.SCOPE
    if policy.vswitches and eni.vswitch_id not in policy.vswitches:
        return Reason.VSWITCH_NOT_ALLOWED
    return None


def _of_kubernetes(subject: Subject, request: Request) -> bool:
    """Whether pods own its addresses; an instance named by id is meant as it is."""
    key, value = TERWAY_TAG
    if subject.eni.tags.get(key) == value:
        return True
    instance = subject.instance
    if instance is None or ACK_TAG not in instance.tags:
        return False
    return not (request.manual and instance.id in request.selector.instance_ids)


def _wish(subject: Subject, request: Request, policy: Policy, *, named: bool) -> Wish:
    tagged = _tagged(subject, policy.tag)
    if request.target is not None:
        opted_out = tagged.target is not None and tagged.target.skip and not named
        return tagged if opted_out else Wish(request.target, "request")
    if tagged.source is not None:
        return tagged
    for rule in policy.rules:
        if rule.matches(subject):
            return Wish(rule.target, "rule")
    if policy.default is not None:
        return Wish(policy.default, "default")
    return Wish(skip=Reason.NO_TARGET)


def _tagged(subject: Subject, key: str) -> Wish:
    """What the ENI's tag says, else the instance's; an empty wish when neither has one."""
    instance_tags = subject.instance.tags if subject.instance else {}
    for source, tags in (("eni_tag", subject.eni.tags), ("instance_tag", instance_tags)):
        if key in tags:
            target = parse_target(tags[key])
            return Wish(target, source, skip=None if target else Reason.INVALID_TARGET)
    return Wish()
