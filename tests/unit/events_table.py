"""What each payload in `events/` asks of the function, written out in full.

`decision` says the same in a few words; `events/README.md` lists every file with these words.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handler.core.model import Ask, AskKind, Hook, Ignored, Rejected, Request, Selector
from handler.core.target import Target
from handler.core.value import replace
from handler.events import Batch

if TYPE_CHECKING:
    from handler.events import Parsed

EVENTS = Path(__file__).parents[2] / "events"
HOME = "cn-hangzhou"
TOKEN = "9C2E9DA7-F794-449A-ACF6-CEE24444F7BB"

WEB_1, WEB_2 = "i-bp1web00000000000001", "i-bp1web00000000000002"
ENI_1, ENI_2 = "eni-bp1web1second000001", "eni-bp1web2second000001"
GROUP, ACTIVITY = "asg-bp1webfleet00000001", "asa-bp1scaleout00000001"
BOTH = Selector(instance_ids=(WEB_1, WEB_2))
FIRST = Selector(instance_ids=(WEB_1,))

_PUBLISHED = 1772442904.0  # 2026-03-02T09:15:04Z
_HAPPENED = 1772442903.412  # 20260302T171503.412+0800
_CALLED = 1772442901.0  # 2026-03-02T09:15:01Z
_TO_MNS = 1772442904.12

HOOK = Request(
    source="ess.lifecycle_hook",
    region=HOME,
    selector=BOTH,
    hook=Hook("ash-bp1scaleouthook0001", TOKEN, "eni-secondary-ips"),
    scaling_group_id=GROUP,
    scaling_activity_id=ACTIVITY,
)
ACTIVITY_DONE = replace(HOOK, source="ess.scaling_activity", hook=None, event_time=_PUBLISHED)
RUNNING = Request("ecs.instance_state_change", HOME, FIRST, event_time=_HAPPENED)
API_CALL = Request("ecs.action_trail", HOME, BOTH, event_time=_CALLED)
MANUAL = Request("manual", HOME, Selector(everything=True), manual=True)

JSON = "JSON, or base64 of JSON"
MANUAL_FIELDS = (
    "instance_ids, network_interface_ids, scaling_group_id, vswitch_id, tags, all, region, target,"
    " limit, dry_run, ask_guests, cursor, private_ip_addresses, ipv4_prefixes, ipv4_prefix_count"
)


def _event_bridge(number: int) -> str:
    return f"6f0d6f4e-3b55-4c39-9a40-5f2f4b6f1a{number:02}"


def _cloud_monitor(number: int) -> str:
    return f"7A1C2B9E-5D34-4F0A-9C11-{number:012}"


EXPECTED: dict[str, Parsed] = {
    "actiontrail-attach-network-interface.json": replace(
        API_CALL, selector=FIRST, event_id=_event_bridge(12)
    ),
    "actiontrail-run-instances-failed.json": Ignored(
        'the API call "RunInstances" failed with "OperationDenied.NoStock"',
        "ecs.action_trail",
        HOME,
        _event_bridge(11),
    ),
    "actiontrail-run-instances.json": replace(API_CALL, event_id=_event_bridge(10)),
    "backfill-addresses.json": replace(
        MANUAL,
        selector=Selector(network_interface_ids=(ENI_1, ENI_2)),
        wants={
            ENI_1: Ask(AskKind.ADDRESSES, 2, ("10.0.9.20", "10.0.9.21")),
            ENI_2: Ask(AskKind.PREFIXES, 1, ("10.0.11.16/28",)),
        },
    ),
    "backfill-all.json": MANUAL,
    "backfill-instances.json": replace(MANUAL, selector=BOTH, target=Target(count=5)),
    "backfill-misspelt-field.json": Rejected(
        "backfill.scaling_group",
        "an unknown field (did you mean scaling_group_id?)",
        MANUAL_FIELDS,
        "manual",
        HOME,
    ),
    "backfill-prefix-count.json": replace(
        MANUAL,
        selector=Selector(network_interface_ids=(ENI_1,)),
        wants={ENI_1: Ask(AskKind.PREFIX_COUNT, 1)},
    ),
    "backfill-scaling-group.json": replace(
        MANUAL,
        selector=Selector(scaling_group_id=GROUP),
        scaling_group_id=GROUP,
        target=Target(below_max=0),
    ),
    "backfill-tags.json": replace(MANUAL, selector=Selector(tags=(("team", "batch"),)), limit=20),
    "cloudmonitor-alert-instance-running.json": replace(RUNNING, event_id=_cloud_monitor(3)),
    "cloudmonitor-eni-attached.json": Request(
        "ecs.eni_attached",
        HOME,
        Selector(network_interface_ids=(ENI_1,)),
        event_id=_cloud_monitor(4),
        event_time=_HAPPENED,
    ),
    "cloudmonitor-eni-detached.json": Ignored(
        'the operation is "DetachNetworkInterface", not AttachNetworkInterface',
        "ecs.eni_attached",
        HOME,
        _cloud_monitor(5),
    ),
    "cloudmonitor-instance-running.json": replace(RUNNING, event_id=_cloud_monitor(1)),
    "cloudmonitor-instance-stopped.json": Ignored(
        'the instance is "Stopped", not Running',
        "ecs.instance_state_change",
        HOME,
        _cloud_monitor(2),
    ),
    "cloudmonitor-private-ip-assigned.json": Ignored(
        "ecs:NetworkInterface:PrivateIPAssigned: the function's own calls cause it",
        "unknown",
        HOME,
        _cloud_monitor(6),
    ),
    "ess-lifecycle-hook-other-region.json": Rejected(
        "regionId",
        '"cn-beijing"',
        "cn-hangzhou, the region of this function",
        "ess.lifecycle_hook",
        "cn-beijing",
    ),
    "ess-lifecycle-hook-scale-in.json": Ignored(
        "ess:LifecycleHook:ScaleIn: a scale-in launches nothing", "ess.lifecycle_hook", HOME
    ),
    "ess-lifecycle-hook-scale-out.json": HOOK,
    "ess-lifecycle-hook-without-token.json": Rejected(
        "content.lifecycleActionToken",
        "no value",
        "1 to 256 printable ASCII characters",
        "ess.lifecycle_hook",
        HOME,
    ),
    "ess-notification-scale-in-success.json": Ignored(
        "AUTOSCALING:SCALE_IN_SUCCESS: a scale-in launches nothing", "ess.notification", HOME
    ),
    "ess-notification-scale-out-success.json": replace(HOOK, source="ess.notification", hook=None),
    "event-stream-batch.json": Batch(
        (
            replace(RUNNING, event_id=_event_bridge(13), event_time=_PUBLISHED),
            Ignored(
                'the instance is "Stopping", not Running',
                "ecs.instance_state_change",
                HOME,
                _event_bridge(14),
            ),
            Rejected(
                "event[2].data.messageBody", '"hello"', JSON, "unknown", HOME, _event_bridge(15)
            ),
        )
    ),
    "eventbridge-instance-running.json": replace(
        RUNNING, event_id=_event_bridge(9), event_time=_PUBLISHED
    ),
    "eventbridge-lifecycle-hook-content.json": replace(
        HOOK, event_id=_event_bridge(2), event_time=_PUBLISHED
    ),
    "eventbridge-lifecycle-hook-scale-out.json": replace(
        HOOK, event_id=_event_bridge(1), event_time=_PUBLISHED
    ),
    "eventbridge-lifecycle-hook-test.json": Ignored(
        "ess:LifecycleHook:Test: a test of the hook", "ess.lifecycle_hook", HOME, _event_bridge(3)
    ),
    "eventbridge-other-service.json": Ignored(
        "oss:ObjectCreated:PutObject: an event of another service",
        "unknown",
        HOME,
        _event_bridge(16),
    ),
    "eventbridge-scale-in-success.json": Ignored(
        "ess:ScalingActivity:ScaleInSuccess: a scale-in launches nothing",
        "ess.scaling_activity",
        HOME,
        _event_bridge(8),
    ),
    "eventbridge-scale-out-error.json": Ignored(
        "ess:ScalingActivity:ScaleOutError: reports no launch",
        "ess.scaling_activity",
        HOME,
        _event_bridge(7),
    ),
    "eventbridge-scale-out-partial-success.json": replace(
        ACTIVITY_DONE,
        selector=Selector(scaling_activity_id=ACTIVITY),
        event_id=_event_bridge(6),
    ),
    "eventbridge-scale-out-success.json": replace(ACTIVITY_DONE, event_id=_event_bridge(5)),
    "failure-destination-lifecycle-hook.json": replace(
        HOOK, event_id="B2F1A1D07F4D4A5C9E7B00000003", event_time=_TO_MNS
    ),
    "mns-queue-lifecycle-hook-base64.json": replace(
        HOOK, event_id=_event_bridge(4), event_time=_PUBLISHED
    ),
    "mns-topic-json-lifecycle-hook-base64.json": replace(
        HOOK, event_id="B2F1A1D07F4D4A5C9E7B00000002", event_time=_TO_MNS
    ),
    "mns-topic-json-lifecycle-hook.json": replace(
        HOOK, event_id="B2F1A1D07F4D4A5C9E7B00000001", event_time=_TO_MNS
    ),
    "mns-topic-stream-lifecycle-hook.json": HOOK,
    "not-json.txt": Rejected("event", '"hello, function"', JSON, region=HOME),
    "plan-vswitch.json": replace(
        MANUAL,
        selector=Selector(vswitch_id="vsw-bp1pod0000000000001"),
        target=Target(percent=50),
        dry_run=True,
    ),
    "timer-backfill.json": replace(MANUAL, limit=500, event_time=1772474400.0),
    "timer-without-request.json": Rejected("payload", '"run"', JSON, region=HOME),
    "unknown-shape.json": Ignored("no known shape; keys: backfil", region=HOME),
}

_NOUNS = {
    "instance_ids": "instances by id",
    "network_interface_ids": "ENIs by id",
    "scaling_activity_id": "instances of a scaling activity",
    "scaling_group_id": "instances of a scaling group",
    "vswitch_id": "ENIs in a vSwitch",
    "tags": "instances by tag",
    "everything": "all ENIs",
}


def decision(parsed: Parsed) -> str:
    """A decision in a few words, as the README of the payloads gives it."""
    if isinstance(parsed, Batch):
        return "; ".join(decision(item) for item in parsed.items)
    if isinstance(parsed, Ignored):
        return f"ignored: {parsed.reason}"
    if isinstance(parsed, Rejected):
        return f"rejected: `{parsed.field}`"
    verb = "plan" if parsed.dry_run else "backfill" if parsed.manual else "launch"
    named = next(name for name in Selector.__struct_fields__ if getattr(parsed.selector, name))
    return f"{verb}: {_NOUNS[named]}" + (", then the hook" if parsed.hook else "")
