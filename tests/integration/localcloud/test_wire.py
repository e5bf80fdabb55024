"""What comes over the wire: signatures in full, and nothing that is not served."""

from __future__ import annotations

import hashlib
import http.client
import json
import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.utils import Utils

from localcloud.actions import Product
from localcloud.clock import ManualClock
from localcloud.model import AccessKey
from localcloud.products import ECS
from localcloud.samples import world
from localcloud.sdk import REGION, call, refusal_of
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

READ = "DescribeNetworkInterfaces"
ACS3 = "ACS3-HMAC-SHA256"
NO_BODY = hashlib.sha256(b"").hexdigest()
TEMPORARY = AccessKey("STS.temporary", "its-secret", "its-token")


def headers_for(cloud: LocalCloud, **changes: str) -> dict[str, str]:
    """Return the headers of a signed read; a change to "" leaves a header out."""
    headers = {
        "host": cloud.address,
        "x-acs-action": READ,
        "x-acs-version": ECS.version,
        "x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": NO_BODY,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {name: value for name, value in headers.items() if value}
    request = SimpleNamespace(
        method="POST", pathname="/", query={"RegionId": REGION}, headers=headers
    )
    authorization = Utils.get_authorization(
        request, ACS3, NO_BODY, DEFAULT_KEY.id, DEFAULT_KEY.secret
    )
    return {**headers, "Authorization": authorization}


def send(
    cloud: LocalCloud,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    query: str = f"RegionId={REGION}",
    body: bytes = b"",
) -> tuple[int, dict[str, Any]]:
    """Send a raw request and return status and body of the answer."""
    connection = http.client.HTTPConnection(cloud.address)
    try:
        connection.request(method, f"/?{query}", body, dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_a_signed_request_is_answered(cloud: LocalCloud) -> None:
    """The signature of the SDK's own code is accepted, and the answer bears a request id."""
    status, body = send(cloud, headers_for(cloud))

    assert status == 200
    assert body["RequestId"] == str(uuid.UUID(body["RequestId"])).upper()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x_acs_date": ""}, "IllegalTimestamp"),
        ({"x_acs_date": "yesterday"}, "InvalidTimeStamp.Format"),
        ({"x_acs_date": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"x_acs_signature_nonce": ""}, "IncompleteSignature"),
        ({"x_acs_content_sha256": "00"}, "SignatureDoesNotMatch"),
        ({"x_acs_content_sha256": ""}, "SignatureDoesNotMatch"),
        ({"x_acs_action": ""}, "MissingParameter"),
        ({"x_acs_version": ""}, "MissingParameter"),
        ({"x_acs_action": "RebootTheWorld"}, "InvalidAction.NotFound"),
        ({"x_acs_version": "2099-01-01"}, "InvalidVersion"),
        ({"x_acs_security_token": "unasked"}, "InvalidSecurityToken.Malformed"),
    ],
)
def test_signed_but_wrong(cloud: LocalCloud, changes: dict[str, str], expected: str) -> None:
    """Every part of a signed request is looked at, each with its own code."""
    assert send(cloud, headers_for(cloud, **changes))[1]["Code"] == expected


def test_a_changed_request_no_longer_fits_its_signature(cloud: LocalCloud) -> None:
    """Query, method, body and signed headers are all covered by the signature."""
    headers = headers_for(cloud)
    other_action = {**headers, "x-acs-action": "DescribeInstances"}
    form = {**headers, "content-type": "application/x-www-form-urlencoded"}

    refused = [
        send(cloud, headers, query="RegionId=cn-beijing"),
        send(cloud, headers, method="GET"),
        send(cloud, other_action),
        send(cloud, form, body=b"InstanceId=i-a"),
    ]

    assert [body["Code"] for _, body in refused] == ["SignatureDoesNotMatch"] * 4


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", "IncompleteSignature"),
        ("Bearer something", "IncompleteSignature"),
        ("ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=00", "InvalidSignatureMethod"),
        (
            f"{ACS3} Credential=LTAIlocalcloud,SignedHeaders=host,Signature=00",
            "IncompleteSignature",
        ),
        (f"{ACS3} Credential=LTAIlocalcloud,Signature=00", "IncompleteSignature"),
    ],
)
def test_bad_authorization(cloud: LocalCloud, authorization: str, expected: str) -> None:
    """A missing, foreign or partial signature is refused; x-acs-* headers must be signed."""
    headers = {**headers_for(cloud), "Authorization": authorization}

    assert send(cloud, headers)[1]["Code"] == expected


def test_a_nonce_is_good_for_one_request(cloud: LocalCloud) -> None:
    """The very same request is refused the second time."""
    headers = headers_for(cloud)

    answers = [send(cloud, headers), send(cloud, headers)]

    assert [status for status, _ in answers] == [200, 400]
    assert answers[1][1]["Code"] == "SignatureNonceUsed"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clocks_may_differ_by_fifteen_minutes(minutes: int) -> None:
    """Requests from the past and from the future are refused alike."""
    there = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    with LocalCloud(clock=ManualClock(there.timestamp())) as cloud:
        assert refusal_of(cloud, READ) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (AccessKey("LTAIother", "x"), (404, "InvalidAccessKeyId.NotFound")),
        (
            AccessKey(TEMPORARY.id, "wrong", TEMPORARY.security_token),
            (400, "SignatureDoesNotMatch"),
        ),
        (AccessKey(TEMPORARY.id, TEMPORARY.secret), (400, "MissingSecurityToken")),
        (
            AccessKey(TEMPORARY.id, TEMPORARY.secret, "other"),
            (400, "InvalidSecurityToken.MismatchWithAccessKey"),
        ),
        (DEFAULT_KEY, (404, "InvalidAccessKeyId.NotFound")),
    ],
    ids=["unknown id", "wrong secret", "no token", "wrong token", "not in this world"],
)
def test_keys(key: AccessKey, expected: tuple[int, str]) -> None:
    """The world's keys are the only ones, and a temporary key needs its token."""
    keys = [{"id": TEMPORARY.id, "secret": TEMPORARY.secret, "security_token": "its-token"}]
    with LocalCloud(world(access_keys=keys)) as cloud:
        call(cloud, READ, key=TEMPORARY)
        assert refusal_of(cloud, READ, key=key) == expected


@pytest.mark.parametrize(
    "how",
    [
        {"method": "GET"},
        {"form": {"InstanceId": "i-a"}},
        {"algorithm": "v2"},
        {"algorithm": "v2", "form": {"InstanceId": "i-a"}},
    ],
    ids=str,
)
def test_other_ways_to_send_the_same(cloud: LocalCloud, how: dict[str, Any]) -> None:
    """GET, a form, and the older HMAC-SHA1 signature are understood too."""
    assert call(cloud, READ, **how)["TotalCount"] == 2


def test_hmac_sha1_refuses_a_wrong_secret(cloud: LocalCloud) -> None:
    """The older signature is checked as strictly."""
    other = AccessKey(DEFAULT_KEY.id, "wrong")
    with pytest.raises(Exception, match="not matched with our calculation"):
        call(cloud, READ, key=other, algorithm="v2")


def test_parameters_are_signed_as_they_mean(cloud: LocalCloud) -> None:
    """Spaces, signs and other alphabets survive the way and the signature."""
    odd = "a b+c/d~é*%2B&="

    call(cloud, READ, {"NetworkInterfaceName": odd})

    assert cloud.calls()[-1]["parameters"]["NetworkInterfaceName"] == odd


@pytest.mark.parametrize(
    "parameters",
    [
        {"Colour": "red"},
        {"OwnerId": 1},
        {"Ipv6Address": ["fe80::1"]},
        {"networkinterfaceid.1": "eni-a"},
    ],
    ids=str,
)
def test_what_is_not_served_is_refused(cloud: LocalCloud, parameters: dict[str, Any]) -> None:
    """Unknown parameters, and known ones that are not served, never pass unnoticed."""
    assert refusal_of(cloud, READ, parameters) == (400, "UnsupportedParameter")


def test_other_formats_are_not_served(cloud: LocalCloud) -> None:
    """Answers are JSON or XML; asking for another format is refused."""
    assert refusal_of(cloud, READ, {"Format": "YAML"}) == (400, "InvalidParameter.Format")


@pytest.mark.parametrize(
    ("asked", "query", "expected"),
    [
        ({}, "", "application/json"),
        ({"accept": "application/json"}, "", "application/json"),
        ({"accept": "application/xml"}, "", "application/xml"),
        ({}, "&Format=XML", "application/xml"),
    ],
    ids=str,
)
def test_clients_of_today_can_ask_for_xml(
    cloud: LocalCloud, asked: dict[str, str], query: str, expected: str
) -> None:
    """JSON unless the header or the parameter says XML."""
    connection = http.client.HTTPConnection(cloud.address)
    # Not signed: refusals have a format too.
    connection.request("POST", f"/?RegionId={REGION}{query}", headers=asked)
    response = connection.getresponse()
    response.read()
    connection.close()

    assert response.headers.get_content_type() == expected


def test_a_parameter_given_twice_is_refused(cloud: LocalCloud) -> None:
    """No guessing which of two values is meant."""
    _, body = send(cloud, headers_for(cloud), query="RegionId=a&RegionId=b")

    assert body["Code"] == "InvalidParameter"


def test_errors_look_like_the_cloud_s(cloud: LocalCloud) -> None:
    """An error names request, host, code, message and where to read on."""
    status, body = send(cloud, headers_for(cloud, x_acs_action="Nothing"))

    assert status == 404
    assert list(body) == ["RequestId", "HostId", "Code", "Message", "Recommend"]
    assert body["HostId"] == "ecs.cn-hangzhou.aliyuncs.com"


def test_an_action_belongs_to_its_product(cloud: LocalCloud) -> None:
    """One port serves all products, and the version tells them apart."""
    vpc = Product("Vpc", "2016-04-28")

    assert refusal_of(cloud, READ, product=vpc) == (404, "InvalidAction.NotFound")
