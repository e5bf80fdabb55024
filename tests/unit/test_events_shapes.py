"""What cloud services report: which of it is a launch, and how each refusal names its field."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handler.core.model import Hook, Ignored, Rejected, Request, Selector
from handler.core.value import replace
from handler.events import parse
from tests.unit.events_table import ACTIVITY, BOTH, EVENTS, FIRST, GROUP, HOME, WEB_1, WEB_2

Json = dict[str, Any]
HOOK_ID = "ash-bp1scaleouthook0001"


def _payload(name: str) -> Json:
    loaded: Json = json.loads((EVENTS / name).read_bytes())
    return loaded


def _hook(**content: object) -> Json:
    """The hook message with other content; None leaves a key out."""
    message = _payload("ess-lifecycle-hook-scale-out.json")
    message["content"] = _changed(message["content"], content)
    return message


def _changed(values: Json, changes: Json) -> Json:
    return {key: value for key, value in {**values, **changes}.items() if value is not None}


def _cloud_event(kind: str, data: object, source: str = "acs.ess", **more: object) -> Json:
    return {"specversion": "1.0", "id": "1", "source": source, "type": kind, "data": data, **more}


def _request(event: object, home_region: str | None = HOME) -> Request:
    parsed = parse(event, home_region=home_region)
    assert isinstance(parsed, Request), parsed
    return parsed


def _rejected(event: object, home_region: str | None = HOME) -> Rejected:
    parsed = parse(event, home_region=home_region)
    assert isinstance(parsed, Rejected), parsed
    return parsed


def _ignored(event: object) -> Ignored:
    parsed = parse(event, home_region=HOME)
    assert isinstance(parsed, Ignored), parsed
    return parsed


# --- instance ids -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([WEB_1, WEB_2], BOTH),
        ([WEB_1, WEB_2, WEB_1], BOTH),
        (f'["{WEB_1}", "{WEB_2}"]', BOTH),
        ({"InstanceId": [WEB_1, WEB_2]}, BOTH),
        (f'{{"InstanceId": ["{WEB_1}", "{WEB_2}"]}}', BOTH),
        ({"InstanceId": WEB_1}, FIRST),
        (WEB_1, FIRST),
        (None, Selector(scaling_activity_id=ACTIVITY)),
        ([], Selector(scaling_activity_id=ACTIVITY)),
        ("", Selector(scaling_activity_id=ACTIVITY)),
        ({}, Selector(scaling_activity_id=ACTIVITY)),
        (f"{WEB_1}, {WEB_2}", BOTH),
        ([{"instanceId": WEB_1}, {"InstanceId": WEB_2}], BOTH),
        ({"instance_id": WEB_1}, FIRST),
        ([WEB_1, "eci-bp1container0000001"], FIRST),
    ],
)
def test_instances_of_a_hook_may_be_written_in_every_way_seen(
    written: object, meant: Selector
) -> None:
    """No page shows the body of hook events, so each form that clients use is understood."""
    assert _request(_hook(instanceIds=written)).selector == meant


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("eventbridge-instance-running.json", "ecs.instance_state_change"),
        ("cloudmonitor-eni-attached.json", "ecs.eni_attached"),
        ("eventbridge-lifecycle-hook-scale-out.json", "ess.lifecycle_hook"),
        ("actiontrail-run-instances.json", "ecs.action_trail"),
    ],
)
def test_bare_payload_of_eventbridge_is_recognised(name: str, source: str) -> None:
    """Without its envelope, where it tells by itself what it is."""
    event = _payload(name)
    whole = parse(event, home_region=HOME)
    bare = parse(event.get("data") or event["content"], home_region=HOME)
    assert isinstance(whole, Request)
    assert isinstance(bare, Request)
    assert (source, whole.selector, whole.hook) == (bare.source, bare.selector, bare.hook)


def _alert(**changes: object) -> Json:
    """CloudMonitor's push with other things in its alert."""
    push = _payload("cloudmonitor-alert-instance-running.json")
    return push | {"alert": json.dumps(json.loads(push["alert"]) | changes)}


CHINESE = {"product": "云服务器ECS", "eventName": "实例状态改变通知"}
ENGLISH = {"product": "Elastic Compute Service", "eventName": "Instance status change notification"}
NO_META: Json = {"meta": {}}


@pytest.mark.parametrize(
    "event",
    [
        _alert(**CHINESE),
        _alert(**ENGLISH),
        _alert(**CHINESE, eventContentMap={"实例ID": WEB_1, "状态": "运行中"}),
        _alert(**CHINESE, eventContentMap={"resourceId": WEB_1, "state": "运行中"}),
        _alert(**CHINESE, **NO_META),
        _alert(**ENGLISH, **NO_META),
        _alert(**NO_META),
        _payload("cloudmonitor-instance-running.json") | {"name": "实例状态改变通知"},
        _payload("cloudmonitor-instance-running.json") | {"product": "云服务器ECS"},
    ],
)
def test_labels_of_cloudmonitor_may_be_translated(event: Json) -> None:
    """What the event itself says is not: its meta, its raw content."""
    request = _request(event)
    assert ("ecs.instance_state_change", FIRST) == (request.source, request.selector)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (_alert(**CHINESE, eventRawContent={"state": "Stopped"}), "Stopped"),
        (_alert(eventName="Instance:Reboot", **NO_META), "reports no launch"),
        (_payload("cloudmonitor-instance-stopped.json") | {"name": "实例状态改变通知"}, "Stopped"),
    ],
)
def test_translated_labels_launch_nothing_else(event: Json, why: str) -> None:
    """The mirror: another state, or another event, whatever it is called."""
    assert why in _ignored(event).reason


OVER_HTTP = {
    "version": "v1",
    "rawPath": "/",
    "headers": {"Host": "example.com"},
    "queryParameters": {},
    "isBase64Encoded": False,
    "requestContext": {"http": {"method": "POST", "path": "/"}, "accountId": "1"},
}
GATEWAY = {"path": "/", "httpMethod": "POST", "headers": {}, "isBase64Encoded": False}
WANTED = {"backfill": {"all": True}}


@pytest.mark.parametrize("request_", [OVER_HTTP, GATEWAY])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(WANTED),
        base64.b64encode(json.dumps(WANTED).encode()).decode(),
        json.dumps(_payload("ess-lifecycle-hook-scale-out.json")),
        "",
        None,
    ],
)
def test_a_request_over_http_is_refused(request_: Json, body: str | None) -> None:
    """Nothing tells its senders apart, so nothing that it brings is done."""
    for event in ({**request_, "body": body}, {**request_, "body": body} | WANTED):
        rejected = _rejected(event)
        assert ("event", "a request over HTTP") == (rejected.field, rejected.found)
    again = {"requestContext": {}, "requestPayload": json.dumps({**request_, "body": body})}
    assert "a request over HTTP" == _rejected(again).found


def test_singular_instance_id_is_understood() -> None:
    """`instanceId` stands in for `instanceIds`."""
    assert _request(_hook(instanceIds=None, instanceId=WEB_1)).selector == FIRST


@pytest.mark.parametrize(
    ("changes", "field", "found"),
    [
        ({"instanceIds": [], "scalingActivityId": None}, "content.instanceIds", "an empty list"),
        ({"instanceIds": "[]", "scalingActivityId": None}, "content.instanceIds", "an empty list"),
        ({"instanceIds": 7}, "content.instanceIds", "7"),
        ({"instanceIds": "[1"}, "content.instanceIds", '"[1"'),
        ({"instanceIds": [WEB_1, "i-bp1****"]}, "content.instanceIds[1]", '"i-bp1****"'),
        ({"instanceIds": [None]}, "content.instanceIds[0]", "null"),
        ({"instanceIds": ["eni-1"]}, "content.instanceIds[0]", '"eni-1"'),
        ({"instanceIds": ["i-" + "x" * 65]}, "content.instanceIds[0]", f'"i-{"x" * 38}..."'),
        ({"instanceIds": ["i-1\n"]}, "content.instanceIds[0]", '"i-1?"'),
        ({"instanceIds": ["i-１"]}, "content.instanceIds[0]", '"i-１"'),  # noqa: RUF001
        ({"instanceIds": "i-*"}, "content.instanceIds", '"i-*"'),
        ({"instanceIds": None, "instanceId": "x"}, "content.instanceId", '"x"'),
        ({"instanceIds": None, "scalingActivityId": None}, "content.instanceIds", "no value"),
        ({"scalingActivityId": "asa-*"}, "content.scalingActivityId", '"asa-*"'),
        ({"scalingGroupId": "i-1"}, "content.scalingGroupId", '"i-1"'),
        ({"scalingGroupId": True}, "content.scalingGroupId", "true"),
        ({"lifecycleHookId": None}, "content.lifecycleHookId", "no value"),
        ({"lifecycleHookId": "asg-1"}, "content.lifecycleHookId", '"asg-1"'),
        ({"lifecycleActionToken": None}, "content.lifecycleActionToken", "no value"),
        ({"lifecycleActionToken": ""}, "content.lifecycleActionToken", "a text of length 0"),
        ({"lifecycleActionToken": "é"}, "content.lifecycleActionToken", "a text of length 1"),
        (
            {"lifecycleActionToken": "x" * 257},
            "content.lifecycleActionToken",
            "a text of length 257",
        ),
        (
            {"lifecycleActionToken": 12345678},
            "content.lifecycleActionToken",
            "something else than text",
        ),
        ({"lifecycleTransition": None}, "content.lifecycleTransition", "no value"),
    ],
)
def test_unusable_hook_is_rejected_by_the_name_of_its_field(
    changes: Json, field: str, found: str
) -> None:
    """A hook that cannot be acted on says where, and what stood there; never the token."""
    rejected = _rejected(_hook(**changes))
    assert (rejected.field, rejected.found) == (field, found)
    assert rejected.source == "ess.lifecycle_hook"


def test_4000_instances_are_accepted_and_one_more_is_not() -> None:
    """The bound counts different ids."""
    ids = [f"i-{number}" for number in range(4_000)]
    assert len(_request(_hook(instanceIds=ids * 2)).selector.instance_ids) == 4_000
    assert _rejected(_hook(instanceIds=[*ids, "i-more"])).found == "more than 4000 ids"


# --- hooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["acs.ess", "acs:ess"])
def test_hook_event_of_event_bridge_needs_no_transition(source: str) -> None:
    """The type of the event says scale-out already; the source has two spellings."""
    data = {"lifecycleHookId": HOOK_ID, "lifecycleActionToken": "t", "instanceIds": [WEB_1]}
    request = _request(_cloud_event("ess:LifecycleHook:ScaleOut", data, source))
    assert (request.hook, request.selector) == (Hook(HOOK_ID, "t"), FIRST)


@pytest.mark.parametrize(
    "wrap",
    [json.dumps, lambda content: base64.urlsafe_b64encode(json.dumps(content).encode()).decode()],
)
def test_content_may_be_a_text(wrap: Any) -> None:
    """`content` as a JSON string, or in base64, is the same hook."""
    message = _hook()
    expected = _request(message)
    message["content"] = wrap(message["content"])
    assert _request(message) == expected


def test_data_of_a_service_event_may_be_a_text() -> None:
    """CloudEvents may carry their data as a JSON string."""
    data = json.dumps(_hook())
    assert _request(_cloud_event("ess:LifecycleHook:ScaleOut", data)).scaling_group_id == GROUP


@pytest.mark.parametrize("transition", ["SCALE_IN", "ScaleIn", "scale-in", "TEST"])
def test_only_scale_out_is_a_launch(transition: object) -> None:
    """Any other transition ends well and does nothing, whatever the type of the event says."""
    assert _ignored(_hook(lifecycleTransition=transition)).source == "ess.lifecycle_hook"
    event = _cloud_event("ess:LifecycleHook:ScaleOut", _hook(lifecycleTransition=transition))
    assert _ignored(event).source == "ess.lifecycle_hook"


@pytest.mark.parametrize("key", ["notificationMetadata", "metadata"])
def test_metadata_of_the_hook_is_let_through(key: str) -> None:
    """What people attach to a hook rides along without meaning."""
    assert _request(_hook(**{key: '{"regionId": "cn-beijing"}'})) == _request(_hook())


# --- what is ignored --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("ess:LifecycleHook:ScaleIn", "ess.lifecycle_hook"),
        ("ess:LifecycleHook:Test", "ess.lifecycle_hook"),
        ("ess:ScalingActivity:ScaleOutStart", "ess.scaling_activity"),
        ("ess:ScalingActivity:ScaleOutError", "ess.scaling_activity"),
        ("ess:ScalingActivity:ScaleInStart", "ess.scaling_activity"),
        ("ess:ScalingActivity:ScaleInPartialSuccess", "ess.scaling_activity"),
        ("ess:ScalingActivity:ScaleOutSuccessAndMore", "ess.scaling_activity"),
        ("ess:ActionTrail:ApiCall", "unknown"),
        ("ess:CloudMonitor:AUTOSCALING[SCALEOUTSUCCESS]", "unknown"),
        ("ess:Config:ConfigurationItemChangeNotification", "unknown"),
        ("ecs:Instance:StateChangeSoon", "ecs.instance_state_change"),
        ("ecs:NetworkInterface:PrivateIPAssigned", "unknown"),
        ("ecs:NetworkInterface:PrivateIPUnassigned", "unknown"),
        ("ecs:NetworkInterface:PrivateIPv6Assigned", "unknown"),
        ("ecs:ActionTrail:ConsoleSignin", "ecs.action_trail"),
        ("oss:ObjectCreated:PutObject", "unknown"),
    ],
)
@pytest.mark.parametrize("data", [_hook()["content"], "TEST", None, [], {"plan": {"all": True}}])
def test_other_service_events_are_ignored_whatever_they_carry(
    kind: str, source: str, data: object
) -> None:
    """The type decides; the data of such an event is not looked at."""
    ignored = _ignored(_cloud_event(kind, data))
    assert (ignored.source, ignored.event_id) == (source, "1")
    assert ignored.reason.startswith(kind)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "no known shape; keys: none"),
        ({"Backfill": {}}, "no known shape; keys: Backfill"),
        ({"content": {"a": 1}, "x\n": 2}, "no known shape; keys: content, x?"),
        ({str(n): n for n in range(10)}, "no known shape; keys: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more"),
        ({"x" * 99: 1}, f"no known shape; keys: {'x' * 32}..."),
        ({"product": "RDS", "name": "Instance:Failover"}, "rds:Instance:Failover: "),
        ({"product": "ECS", "name": "Disk:Stalled", "content": {}}, "ecs:Disk:Stalled: "),
        ({"event": "AUTOSCALING:SCALE_REJECT"}, "AUTOSCALING:SCALE_REJECT: reports no launch"),
        ({"name": "AUTOSCALING:SCALE_OUT_ERROR"}, "AUTOSCALING:SCALE_OUT_ERROR: "),
        ({"eventName": "StopInstance", "acsRegion": HOME}, 'the API call "StopInstance" '),
    ],
)
def test_reason_names_what_was_ignored(event: Json, reason: str) -> None:
    """An object that is nothing to us ends well, and the reason says what it was."""
    assert _ignored(event).reason.startswith(reason)


# --- notifications, instances, ENIs, API calls ------------------------------------------------


@pytest.mark.parametrize("key", ["event", "name", "eventName"])
@pytest.mark.parametrize("name", ["AUTOSCALING:SCALE_OUT_SUCCESS", "AUTOSCALING:SCALE_OUT_WARN"])
def test_notification_is_a_launch_without_a_hook(key: str, name: str) -> None:
    """Notifications come when the hooks are over: whatever the key of their name, none is kept."""
    request = _request({key: name, "content": _hook()["content"], "product": "ESS"})
    assert request == replace(_request(_hook()), source="ess.notification", hook=None)


def _state_change(**content: object) -> Json:
    message = _payload("cloudmonitor-instance-running.json")
    message["content"] = _changed(message["content"], content)
    return message


def test_instance_is_read_from_the_arn_when_the_content_names_none() -> None:
    """The alarm itself names its resource by ARN."""
    assert _request(_state_change(resourceId=None)).selector == FIRST


@pytest.mark.parametrize("state", ["Created", "Starting", "Stopping", "Stopped", "Deleted", True])
def test_only_running_is_a_launch(state: object) -> None:
    """An instance in any other state is left alone."""
    assert _ignored(_state_change(state=state)).source == "ecs.instance_state_change"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"state": None}, "content.state"),
        ({"resourceId": "i-***"}, "content.resourceId"),
        ({"resourceId": "acs:ecs:cn-hangzhou:1:instance/eni-1"}, "content.resourceId"),
    ],
)
def test_unusable_state_change_is_rejected(changes: Json, field: str) -> None:
    """A state change that names no state or no instance says so."""
    assert _rejected(_state_change(**changes)).field == field


def _eni_operation(**content: object) -> Json:
    message = _payload("cloudmonitor-eni-attached.json")
    message["content"] = _changed(message["content"], content)
    return message


def test_failed_attach_is_ignored() -> None:
    """Nothing was attached, so there is nothing to fill."""
    reason = 'the result of attaching the ENI is "failed", not success'
    assert _ignored(_eni_operation(result="failed")).reason == reason


def test_attach_event_falls_back_to_the_arn_and_wants_a_result() -> None:
    """The ENI may be named by the alarm's ARN; only a result that says so is a failure."""
    assert _request(_eni_operation(eniId=None)) == _request(_eni_operation())
    assert _request(_eni_operation(result=None)) == _request(_eni_operation())
    assert _request(_eni_operation(result="accomplished")) == _request(_eni_operation())
    assert _rejected(_eni_operation(eniId="i-1")).field == "content.eniId"


def test_alert_without_a_content_map_is_read_from_its_raw_content() -> None:
    """Either of the two copies of the content will do, and the alert may be an object."""
    push = _payload("cloudmonitor-alert-instance-running.json")
    push["alert"] = _changed(json.loads(push["alert"]), {"eventContentMap": None})
    assert _request(push).selector == FIRST


@pytest.mark.parametrize(
    "kind",
    [
        "ecs:ActionTrail:ApiCall",
        "ecs:ActionTrail:ConsoleOperation",
        "ecs:ActionTrail:AliyunServiceEvent",
        "actiontrail:ActionTrail:ApiCall",
        None,
    ],
)
def test_api_call_is_read_with_and_without_an_envelope(kind: str | None) -> None:
    """A rule may deliver the event whole or only its data."""
    data = _payload("actiontrail-run-instances.json")["data"]
    request = _request(_cloud_event(kind, data, "acs.ecs") if kind else data)
    assert (request.source, request.selector) == ("ecs.action_trail", BOTH)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"referencedResources": None}, "referencedResources"),
        ({"referencedResources": []}, "referencedResources"),
        ({"referencedResources": {}}, "referencedResources.ACS::ECS::Instance"),
        (
            {"referencedResources": {"ACS::ECS::Instance": ["i-*"]}},
            "referencedResources.ACS::ECS::Instance[0]",
        ),
        ({"acsRegion": "Hangzhou"}, "acsRegion"),
    ],
)
def test_api_call_that_names_no_instance_is_rejected(changes: Json, field: str) -> None:
    """A launch that succeeded must say what was launched."""
    data = _changed(_payload("actiontrail-run-instances.json")["data"], changes)
    assert _rejected(data).field == field


def test_empty_error_code_is_no_error() -> None:
    """Some records carry the key with nothing in it."""
    data = _payload("actiontrail-run-instances.json")["data"]
    assert _request({**data, "errorCode": ""}).selector == BOTH


# --- where and when ---------------------------------------------------------------------------

_ARN = "acs:ess:us-east-1:1690700000000030:scalinggroup/asg-1"


@pytest.mark.parametrize(
    ("data", "envelope", "region"),
    [
        ({"regionId": "cn-beijing"}, {"aliyunregionid": "eu-west-1"}, "cn-beijing"),
        ({"content": {"regionId": "cn-beijing"}, "regionId": "eu-west-1"}, {}, "cn-beijing"),
        ({"acsRegion": "cn-beijing"}, {"aliyunregionid": "eu-west-1"}, "eu-west-1"),
        ({"acsRegion": "cn-beijing", "arn": "acs:ecs:us-east-1:1:x"}, {}, "cn-beijing"),
        ({"resourceArn": _ARN, "regionId": "cn-hangzhou-acdr-ut-1"}, {}, "cn-hangzhou-acdr-ut-1"),
        ({"resourceArn": _ARN}, {}, "us-east-1"),
        ({"resourceArn": "acs:ess::1:x", "resourceId": _ARN}, {}, "us-east-1"),
        ({}, {"subject": _ARN}, "us-east-1"),
    ],
)
def test_region_is_the_resources_own(data: Json, envelope: Json, region: str) -> None:
    """The innermost `regionId` wins, then the bus, then ActionTrail, and at last an ARN."""
    body = {"instanceIds": [WEB_1], **data}
    event = _cloud_event("ess:ScalingActivity:ScaleOutSuccess", body, **envelope)
    assert _request(event, home_region=None).region == region


def test_event_without_a_region_is_of_the_functions_own() -> None:
    """Where nothing is said, the function's region is meant; where that is unknown, none is."""
    event = _cloud_event("ess:ScalingActivity:ScaleOutSuccess", {"instanceIds": [WEB_1]})
    assert _request(event).region == HOME
    rejected = _rejected(event, home_region=None)
    assert (rejected.field, rejected.found) == ("data.regionId", "no value")


@pytest.mark.parametrize(
    "region",
    ["hangzhou", "CN-HANGZHOU", "cn_hangzhou", "cn-hangzhou\n", "cn-" + "x" * 61, "cn-é", 1, {}],
)
def test_impossible_region_is_rejected(region: object) -> None:
    """A region goes into host names: it is checked, and not written into records."""
    rejected = _rejected({**_hook(), "regionId": region}, home_region=None)
    assert (rejected.field, rejected.region) == ("regionId", None)


@pytest.mark.parametrize(
    ("time", "epoch"),
    [
        ("2020-11-19T21:04:41+08:00", 1605791081.0),
        ("2021-04-08T06:28:17.093Z", 1617863297.093),
        ("20190409T121826.922+0800", 1554783506.922),
        (1658235558094, 1658235558.094),
        ("1658235558094", 1658235558.094),
        ("2021-04-08T06:28:17", None),
        ("2021-13-08T06:28:17Z", None),
        ("0001-01-01T00:00:00+23:59", -62135683140.0),
        ("2021-10-15T07:06:34.179PRC", None),
        (True, None),
        (1e300, None),
        ([], None),
    ],
)
def test_time_of_the_event_is_best_effort(time: object, epoch: float | None) -> None:
    """Every way of writing it that was seen is understood; anything else is just not known."""
    assert _request({**_hook(), "eventTime": time}).event_time == epoch


@pytest.mark.parametrize(
    ("wrapper", "body", "event_id"),
    [
        ({"id": "ce-1", "MessageId": "m-1"}, {"id": "b-1"}, "ce-1"),
        ({"MessageId": "m-1"}, {"id": "b-1", "eventId": "e-1"}, "m-1"),
        ({}, {"id": "b-1", "eventId": "e-1", "dedupId": "d-1"}, "b-1"),
        ({}, {"eventId": "e-1", "dedupId": "d-1"}, "e-1"),
        ({}, {"dedupId": "d-1"}, "d-1"),
        ({"id": "spaced id"}, {"id": "b-1"}, "b-1"),
        ({"id": 5}, {"id": "x" * 129}, None),
    ],
)
def test_id_of_the_delivery_comes_before_that_of_the_event(
    wrapper: Json, body: Json, event_id: str | None
) -> None:
    """Ids that could break a log line are passed over."""
    event = {"TopicName": "t", "Message": {**_hook(), **body}, **wrapper}
    assert _request(event).event_id == event_id


def test_group_is_read_from_the_arn_where_it_is_not_named() -> None:
    """An allow-list must know the group of a hook, and its message is about one."""
    assert _request(_hook(scalingGroupId=None)).scaling_group_id == GROUP
