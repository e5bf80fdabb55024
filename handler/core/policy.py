"""Which target applies to an ENI, and why: pure, one ENI at a time.

The order of the questions is the order of precedence that the README documents.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from handler.core.model import NO_TYPE, Reason, Wish
from handler.core.target import parse_target
from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.core.model import Eni, Instance, Request, Subject
    from handler.core.target import Target

# Auto Scaling puts this tag on the instances that it creates.
SCALING_GROUP_TAG = "acs:autoscaling:scalingGroupId"
# What marks the ENIs and instances of Kubernetes, where pods own the addresses: Terway's daemon and
# its controller, the eRDMA controller, ACK, what Terway leaves to somebody else, and Cilium (the
# sources of AliyunContainerService/terway, AliyunContainerService/alibabacloud-erdma-controller
# and cilium/cilium).
CREATOR_TAG = "creator"
CREATORS = frozenset({"terway", "terway-controller", "alibabacloud-erdma-controller"})
KUBERNETES_TAGS = frozenset({"ack.aliyun.com", "terway.alibabacloud.com/excluded"})
KUBERNETES_PREFIX = "cilium-"


class TagPattern(Value):
    """One entry of EXCLUDED_TAGS: shell-style patterns for the key and the value of a tag."""

    key: str
    value: str = "*"

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Whether one of the tags fits both."""
        return any(
            fnmatchcase(key, self.key) and fnmatchcase(value, self.value)
            for key, value in tags.items()
        )


class Rule(Value):
    """One entry of TARGET_RULES: shell-style patterns, all of which must match."""

    target: Target
    scaling_group: str | None = None
    instance_type: str | None = None
    vswitch: str | None = None
    eni_type: str | None = None
    traffic_mode: str | None = None

    def matches(self, subject: Subject) -> bool:
        """Whether every pattern given matches; a missing value is the empty string."""
        found = (
            (self.scaling_group, subject.scaling_group_id),
            (self.instance_type, subject.instance.type if subject.instance else None),
            (self.vswitch, subject.eni.vswitch_id),
            (self.eni_type and self.eni_type.lower(), subject.eni.type.lower()),
            (self.traffic_mode and self.traffic_mode.lower(), subject.eni.traffic_mode.lower()),
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
        excluded_tags: EXCLUDED_TAGS, tags of ENIs and instances that are left alone.
    """

    default: Target | None = None
    rules: tuple[Rule, ...] = ()
    tag: str = "secondary-ips"
    scope: str = "all"
    scaling_groups: frozenset[str] = frozenset()
    vswitches: frozenset[str] = frozenset()
    excluded_tags: tuple[TagPattern, ...] = ()


def without_target(wishes: Iterable[tuple[Subject, Wish]]) -> set[str]:
    """ENIs that have no target yet and may still get one from a tag.

    Tags can appear after what they are on. Where the instance's own tag or a rule gives another of
    its ENIs a target, no more tags are waited for; another ENI's own tag says nothing of this one.
    """
    bare: dict[str, set[str]] = {}
    served = set()
    for subject, wish in wishes:
        if wish.skip is Reason.NO_TARGET:
            bare.setdefault(subject.eni.instance_id or "", set()).add(subject.eni.id)
        elif wish.source not in {None, "eni_tag"}:
            served.add(subject.eni.instance_id or "")
    return {eni_id for instance_id in bare.keys() - served for eni_id in bare[instance_id]}


def skipped_anyway(eni: Eni, wish: Wish) -> bool:
    """Whether nothing would be done to an ENI whatever addresses its row showed."""
    may_change = {None, Reason.NO_TARGET, Reason.INVALID_TARGET}
    return eni.type != NO_TYPE and wish.skip not in may_change


def scaling_group_of(instance: Instance | None, request: Request) -> str | None:
    """The scaling group of an instance: its tag, else the one the event names."""
    tagged = instance.tags.get(SCALING_GROUP_TAG) if instance else None
    return tagged or (request.scaling_group_id if instance else None)


def wish_for(subject: Subject, request: Request, policy: Policy) -> Wish:
    """What is wanted of this ENI by the request, its tags, the rules or the default."""
    named = request.manual and subject.eni.id in request.selector.network_interface_ids
    if (skip := _left_alone(subject, policy)) is not None:
        return Wish(skip=skip)
    if (owner := _marked(subject, request, policy)) is not None and not named:
        return Wish(skip=owner)
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
    if (foreign := _foreign(eni)) is not None:
        return foreign
    if policy.scope not in {"all", eni.type.lower()}:
        return Reason.SCOPE
    if policy.vswitches and eni.vswitch_id not in policy.vswitches:
        return Reason.VSWITCH_NOT_ALLOWED
    return None


def _foreign(eni: Eni) -> Reason | None:
    """Why it is of a kind that the function never works on."""
    if eni.service_managed:
        return Reason.SERVICE_MANAGED
    if eni.foreign_owner:
        return Reason.FOREIGN_OWNER
    return None if eni.ours else Reason.ENI_TYPE


def _marked(subject: Subject, request: Request, policy: Policy) -> Reason | None:
    """Whose it is, by its own tags or its instance's; an instance named by id is meant as it is."""
    instance = subject.instance
    if instance is None or (request.manual and instance.id in request.selector.instance_ids):
        return _mark(subject.eni.tags, policy)
    return _mark(subject.eni.tags, policy) or _mark(instance.tags, policy)


def _mark(tags: Mapping[str, str], policy: Policy) -> Reason | None:
    """What tags say about the owner of what has them."""
    if (
        tags.get(CREATOR_TAG) in CREATORS
        or not KUBERNETES_TAGS.isdisjoint(tags)
        or any(key.startswith(KUBERNETES_PREFIX) for key in tags)
    ):
        return Reason.KUBERNETES
    excluded = any(pattern.matches(tags) for pattern in policy.excluded_tags)
    return Reason.EXCLUDED if excluded else None


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
