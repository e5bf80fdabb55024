"""What cloud services report, and which of it means that an instance or ENI was launched.

An event is recognised by its kind: the CloudEvents type where there is one, the same name made up
from the message otherwise. `_FAMILIES` says what is done about each kind; whatever is not there is
ignored, and so is everything there that is not a launch. Our own calls cause
`NetworkInterface:PrivateIPAssigned`: acting on it would never end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.core.model import Hook, Ignored, Request, Selector
from handler.core.value import Value
from handler.events.fields import (
    ABSENT,
    Field,
    FieldError,
    Layer,
    View,
    checked_id,
    checked_ids,
    child,
    folded_name,
    printable,
)
from handler.events.origin import settled_region, stated_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.events.unwrap import Message

_SHOWN_KEYS = 8
_NAME = re.compile(r"[A-Za-z0-9_]+(:[A-Za-z0-9_]+)*", re.ASCII)  # a translated label is not a name
_GROUP_ARN = re.compile(r"acs[.:]ess:[^/]{0,200}:scalinggroup/(asg-[A-Za-z0-9-]{1,64})", re.ASCII)
_TOKEN = re.compile(r"[ -~]{1,256}")
_LAUNCH_CALLS = ("RunInstances", "AttachNetworkInterface")  # any JSON value is looked up here
_TRANSITIONS = {"scaleout": "ScaleOut", "scalein": "ScaleIn"}
_OTHER_TRANSITIONS = ("scalein", "test")
_NOT_ATTACHED = re.compile(
    r"fail|error|unsuccess|cancel|timeout|reject|denied|false", re.IGNORECASE
)
# What Auto Scaling also launches: container instances and managed instances.
_FOREIGN_ID = re.compile(r"(eci|mi)-[A-Za-z0-9-]{1,64}")


class Launch(Value):
    """What an event says was launched. The fields are those of `handler.core.model.Request`."""

    selector: Selector
    hook: Hook | None = None
    scaling_group_id: str | None = None
    scaling_activity_id: str | None = None


class Shape(Value):
    """How to read the messages of one kind.

    Attributes:
        source: the name of the kind in records.
        launched: says what was launched, or why nothing was; raises FieldError.
    """

    source: str
    launched: Callable[[Message], Launch | Ignored]

    def read(self, message: Message, home_region: str | None) -> Request | Ignored:
        """What a message of this kind asks of a function in `home_region`.

        Raises:
            FieldError: it is a launch, and something in it cannot be acted on.
        """
        launch = self.launched(message)
        if isinstance(launch, Ignored):
            return launch
        name = child(message.path, "regionId")
        return Request(
            source=self.source,
            region=settled_region(stated_region(message), home_region, name),
            selector=launch.selector,
            hook=launch.hook,
            scaling_group_id=launch.scaling_group_id,
            scaling_activity_id=launch.scaling_activity_id,
        )


def recognise(message: Message) -> Shape:
    """How to read a message; one of another kind than a launch, or of none, is read as ignored."""
    kind = message.kind or _kind(message.readable)
    if kind is None:
        return Shape("unknown", _unrecognised)
    ignored = Ignored(f"{printable(kind, 80)}: {_why_not(kind)}")
    for prefix, launches, shape in _FAMILIES:
        if kind.startswith(prefix):
            launch = kind[len(prefix) :] in launches
            return shape if launch else Shape(shape.source, lambda _: ignored)
    return Shape("unknown", lambda _: ignored)


# --- which kind of message it is --------------------------------------------------------------


def _kind(details: View) -> str | None:
    kinds = (_notification, _lifecycle_hook, _cloud_monitor, _action_trail, _bare)
    return next((kind for recognised in kinds if (kind := recognised(details))), None)


def _notification(details: View) -> str | None:
    names = (field.value for field in details.fields("event", "name", "eventName"))
    ours = (name for name in names if isinstance(name, str) and name.startswith("AUTOSCALING:"))
    return next(ours, None)


def _lifecycle_hook(details: View) -> str | None:
    if not details.find("lifecycleTransition", "lifecycleHookId", "lifecycleActionToken"):
        return None
    transition = details.text("lifecycleTransition") or ""
    return f"ess:LifecycleHook:{_TRANSITIONS.get(folded_name(transition), transition)}"


def _cloud_monitor(details: View) -> str | None:
    """The alert may have its labels translated; its `sysEventMeta` has the names themselves."""
    meta = tuple(each for each in details.layers if each.path.endswith("sysEventMeta"))
    for view in (View(meta), View(details.layers[-1:])):  # content may have a name of its own
        product, name = view.text("product"), view.text("name", "eventName")
        kind = f"{product.lower()}:{name}" if product and name else ""
        if _NAME.fullmatch(kind):
            return kind
    return None


def _action_trail(details: View) -> str | None:
    if not details.find("referencedResources", "acsRegion") or not details.text("eventName"):
        return None
    return f"actiontrail:ActionTrail:{details.text('eventType') or 'ApiCall'}"


def _bare(details: View) -> str | None:
    """What EventBridge passes on without an envelope, as far as it tells what it is."""
    if details.text("resourceType") == "ALIYUN::ECS::Instance" and details.find("state"):
        return "ecs:Instance:StateChange"
    if all(details.find(key) for key in ("operation", "eniId", "result")):
        return "ecs:NetworkInterface:NetworkInterfaceOperateCompleted"
    return None


# --- what each kind says ----------------------------------------------------------------------


def _read_hook(message: Message) -> Launch | Ignored:
    details = message.details
    transition = details.find("lifecycleTransition")
    if transition is None and message.kind is None:
        details.required("lifecycleTransition", "SCALE_OUT or SCALE_IN")
    if transition and not _scales_out(transition, message.kind):
        return Ignored(f"{transition.name} is {transition.shown}, not SCALE_OUT")
    hook_id = checked_id(details.required("lifecycleHookId", "the id of the hook"), "ash")
    return _read_scale_out(
        message, Hook(hook_id, _token(details), details.text("lifecycleHookName"))
    )


def _scales_out(transition: Field, kind: str | None) -> bool:
    """Whether instances are launched: the type of the event says so, if the field says nothing."""
    said = folded_name(transition.value) if isinstance(transition.value, str) else ""
    return said == "scaleout" or (kind is not None and said not in _OTHER_TRANSITIONS)


def _token(details: View) -> str:
    allowed = "1 to 256 printable ASCII characters"
    field = details.required("lifecycleActionToken", allowed)
    if isinstance(field.value, str) and _TOKEN.fullmatch(field.value):
        return field.value
    raise field.refused(allowed)


def _read_scale_out(message: Message, hook: Hook | None = None) -> Launch | Ignored:
    details = message.details
    group = _optional_id(details, "scalingGroupId", "asg") or _group_in_arn(message)
    activity = _optional_id(details, "scalingActivityId", "asa")
    listed = details.find("instanceIds", "instanceId")
    values = _listed_values(listed, message) if listed else []
    if listed and (values or not activity):
        ours = [each for each in values if not _is_foreign(each)]
        if values and not ours:
            waits = ", and its hook is left to time out" if hook else ""
            return Ignored(
                f"{listed.name}: Auto Scaling launched something else than ECS instances{waits}"
            )
        selector = Selector(instance_ids=_instance_ids(listed, ours))
    elif activity:
        selector = Selector(scaling_activity_id=activity)
    else:
        name = details.layers[0].name("instanceIds")
        raise FieldError(name, ABSENT, "instance ids, or else a scalingActivityId")
    return Launch(selector, hook, group, activity)


def _optional_id(details: View, key: str, prefix: str) -> str | None:
    field = details.find(key)
    return checked_id(field, prefix) if field else None


def _group_in_arn(message: Message) -> str | None:
    """Messages of Auto Scaling are about a scaling group, whose ARN stands beside the content."""
    for field in (message.details.find("resourceArn"), message.envelope.find("subject")):
        if field and isinstance(field.value, str) and (found := _GROUP_ARN.fullmatch(field.value)):
            return found[1]
    return None


def _listed_values(listed: Field, message: Message) -> list[object]:
    """Ids as a list, alone, with commas, as objects or as JSON of any of it: no page says which."""
    value = listed.value
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = message.decoder.value(value, listed.name)
    if isinstance(value, dict):
        value = _in_object(value)
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",") if each.strip()]
    if value is None:
        return []
    if not isinstance(value, list):
        return [value]
    return [_in_object(each) if isinstance(each, dict) else each for each in value]


def _in_object(value: dict[str, object]) -> object:
    found = Layer("", value).like("InstanceId") or Layer("", value).like("InstanceIds")
    return None if found is None else found.value


def _is_foreign(value: object) -> bool:
    return isinstance(value, str) and _FOREIGN_ID.fullmatch(value) is not None


def _instance_ids(listed: Field, values: list[object]) -> tuple[str, ...]:
    if len(values) == 1 and not isinstance(listed.value, list):
        return (checked_id(Field(listed.name, values[0]), "i"),)
    return checked_ids(Field(listed.name, values), "i")


def _read_state_change(message: Message) -> Launch | Ignored:
    details = message.details
    state = details.required("state", "Running, or another state of an instance")
    if state.value != "Running":
        return Ignored(f"the instance is {state.shown}, not Running")
    instance = details.find("instanceId") or details.required("resourceId", "an instance id")
    return Launch(Selector(instance_ids=(checked_id(_resource(instance), "i"),)))


def _read_eni_operation(message: Message) -> Launch | Ignored:
    details = message.details
    operation = details.required("operation", "AttachNetworkInterface, or another operation")
    if operation.value != "AttachNetworkInterface":
        return Ignored(f"the operation is {operation.shown}, not AttachNetworkInterface")
    result = details.find("result")
    if result and _NOT_ATTACHED.search(str(result.value)):
        return Ignored(f"the result of attaching the ENI is {result.shown}, not success")
    eni = details.find("eniId") or details.required("resourceId", "an ENI id")
    return Launch(Selector(network_interface_ids=(checked_id(_resource(eni), "eni"),)))


def _resource(field: Field) -> Field:
    """The id at the end of an ARN; any other value as it is."""
    if isinstance(field.value, str) and field.value.startswith("acs:"):
        return Field(field.name, field.value.rpartition("/")[2])
    return field


def _read_api_call(message: Message) -> Launch | Ignored:
    details = message.details
    call = details.required("eventName", "the name of an API operation")
    if call.value not in _LAUNCH_CALLS:
        return Ignored(f"the API call {call.shown} launches nothing")
    error = details.find("errorCode")
    if error and error.value:
        return Ignored(f"the API call {call.shown} failed with {error.shown}")
    resources = details.required("referencedResources", "the resources of the call")
    if not isinstance(resources.value, dict):
        raise resources.refused("a JSON object")
    instances = resources.value.get("ACS::ECS::Instance")
    enis = resources.value.get("ACS::ECS::NetworkInterface")
    if not instances and enis and call.value == "AttachNetworkInterface":
        named = Field(f"{resources.name}.ACS::ECS::NetworkInterface", enis)
        return Launch(Selector(network_interface_ids=checked_ids(named, "eni")))
    ids = checked_ids(Field(f"{resources.name}.ACS::ECS::Instance", instances), "i")
    return Launch(Selector(instance_ids=ids))


def _unrecognised(message: Message) -> Launch | Ignored:
    keys = list(message.details.layers[-1].values)
    shown = ", ".join(printable(key, 32) for key in keys[:_SHOWN_KEYS]) or "none"
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return Ignored(f"no known shape; keys: {shown}{more}")


# --- the kinds and what is done about them ----------------------------------------------------


_NOTHING_MORE = frozenset({""})
_CALLS = frozenset({"ApiCall", "ConsoleOperation", "AliyunServiceEvent"})

# How the kinds of a family begin, which ends mean a launch, and how those are read.
_FAMILIES: tuple[tuple[str, frozenset[str], Shape], ...] = (
    (
        "ess:LifecycleHook:",
        frozenset({"ScaleOut", ""}),  # without a transition it is a hook that cannot be read
        Shape("ess.lifecycle_hook", _read_hook),
    ),
    (
        "ess:ScalingActivity:",
        frozenset({"ScaleOutSuccess", "ScaleOutPartialSuccess"}),
        Shape("ess.scaling_activity", _read_scale_out),
    ),
    (
        "AUTOSCALING:",
        frozenset({"SCALE_OUT_SUCCESS", "SCALE_OUT_WARN"}),
        Shape("ess.notification", _read_scale_out),
    ),
    (
        "ecs:Instance:StateChange",
        _NOTHING_MORE,
        Shape("ecs.instance_state_change", _read_state_change),
    ),
    (
        "ecs:NetworkInterface:NetworkInterfaceOperateCompleted",
        _NOTHING_MORE,
        Shape("ecs.eni_attached", _read_eni_operation),
    ),
    ("ecs:ActionTrail:", _CALLS, Shape("ecs.action_trail", _read_api_call)),
    ("actiontrail:ActionTrail:", _CALLS, Shape("ecs.action_trail", _read_api_call)),
)

# What `source` of a record may be, but for manual requests.
SOURCES = tuple(dict.fromkeys(shape.source for _, _, shape in _FAMILIES))

# Why a kind means no launch; the first pattern that is found in it counts.
_REASONS = (
    (re.compile(r"^ess:LifecycleHook:Test$", re.IGNORECASE), "a test of the hook"),
    (re.compile(r"ScaleIn|SCALE_IN"), "a scale-in launches nothing"),
    (re.compile(r"PrivateIP", re.IGNORECASE), "the function's own calls cause it"),
    (re.compile(r"^(ess|ecs|actiontrail|AUTOSCALING):"), "reports no launch"),
    (re.compile(r""), "an event of another service"),
)


def _why_not(kind: str) -> str:
    return next(reason for pattern, reason in _REASONS if pattern.search(kind))
