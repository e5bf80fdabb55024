"""The older wire: HMAC-SHA1 in full, XML unless JSON is asked for, GET and POST, query and form."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, fromstring

import pytest

from localcloud.model import AccessKey
from localcloud.products import ECS, ESS, STS
from localcloud.samples import ENI, instance, world
from localcloud.sdk import COUNT, REGION
from localcloud.signing import older_parameters, older_query
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Product

READ = "DescribeNetworkInterfaces"
INACTIVE = AccessKey("LTAIinactive", "its-secret")
TEMPORARY = AccessKey("STS.temporary", "its-secret", "its-token")
KEYS = [
    {"id": DEFAULT_KEY.id, "secret": DEFAULT_KEY.secret},
    {"id": INACTIVE.id, "secret": INACTIVE.secret, "status": "Inactive"},
    {"id": TEMPORARY.id, "secret": TEMPORARY.secret, "security_token": TEMPORARY.security_token},
]


class Answer(NamedTuple):
    """What came back, as it came."""

    status: int
    content_type: str
    body: bytes

    @property
    def tree(self) -> Element:
        """The body, read as XML."""
        return fromstring(self.body)  # noqa: S314 - our own server's

    @property
    def code(self) -> str:
        """The code of a refusal, in whichever format it is."""
        if self.content_type == "application/json":
            return str(json.loads(self.body)["Code"])
        return self.tree.findtext("Code", "")


def ask(
    cloud: LocalCloud,
    action: str = READ,
    changes: Mapping[str, str] | None = None,
    *,
    product: Product = ECS,
    key: AccessKey = DEFAULT_KEY,
    moment: float | None = None,
) -> Answer:
    """Make a call signed in the older way; a change to "" leaves a parameter out."""
    sent = {"RegionId": REGION, **(changes or {})}
    moment = time.time() if moment is None else moment
    parameters = older_parameters(product, action, sent, key, moment)
    kept = {name: value for name, value in parameters.items() if value}
    return send(cloud, older_query(kept, key.secret))


def send(cloud: LocalCloud, query: str, *, method: str = "POST", form: bool = False) -> Answer:
    """Send parameters in the query or as a form."""
    connection = http.client.HTTPConnection(cloud.address)
    try:
        if form:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, "/", query.encode(), headers)
        else:
            connection.request(method, f"/?{query}")
        response = connection.getresponse()
        return Answer(response.status, response.headers.get_content_type(), response.read())
    finally:
        connection.close()


def test_xml_is_what_older_clients_get(cloud: LocalCloud) -> None:
    """The root is named for the action; items of a list are elements with the list's name."""
    answer = ask(cloud)

    assert (answer.status, answer.content_type) == (200, "application/xml")
    assert answer.body.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert answer.tree.tag == "DescribeNetworkInterfacesResponse"
    rows = answer.tree.findall("NetworkInterfaceSets/NetworkInterfaceSet")
    assert [row.findtext("NetworkInterfaceId") for row in rows] == ["eni-p", ENI]
    assert rows[0].findtext("PrivateIpSets/PrivateIpSet/Primary") == "true"
    assert answer.tree.findtext("TotalCount") == "2"


def test_json_is_what_they_can_ask_for(cloud: LocalCloud) -> None:
    """The format is theirs to choose, in any case of letters, and says the same."""
    answer = ask(cloud, changes={"Format": "json"})

    assert answer.content_type == "application/json"
    assert json.loads(answer.body)["TotalCount"] == 2


def test_refusals_are_xml_too(cloud: LocalCloud) -> None:
    """An error is an Error with the parts it has as JSON."""
    answer = ask(cloud, "AssignPrivateIpAddresses", {"NetworkInterfaceId": "eni-none", COUNT: "1"})

    assert (answer.status, answer.content_type) == (404, "application/xml")
    assert answer.tree.tag == "Error"
    names = [child.tag for child in answer.tree]
    assert names == ["RequestId", "HostId", "Code", "Message", "Recommend"]
    assert answer.code == "InvalidEniId.NotFound"


@pytest.mark.parametrize(
    ("product", "action", "parameters", "path"),
    [
        (ESS, "DescribeScalingInstances", {}, "ScalingInstances/InstanceId"),
        (STS, "AssumeRole", {"RoleArn": "acs:ram::1:role/a", "RoleSessionName": "ab"}, "*/Arn"),
        (ECS, "DescribeInstances", {}, "Instances/Instance/Tags/Tag/TagKey"),
        (ECS, "AssignPrivateIpAddresses", {"NetworkInterfaceId": ENI, COUNT: "1"}, ".//*/*/*"),
    ],
)
def test_every_product_speaks_xml(
    product: Product, action: str, parameters: dict[str, str], path: str
) -> None:
    """Plain lists, nested ones and objects all have their form."""
    with LocalCloud(world(instances=[instance(scaling_group="asg-a")])) as cloud:
        answer = ask(cloud, action, parameters, product=product)

    assert answer.status == 200
    assert answer.tree.findtext(path)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form", [False, True])
def test_parameters_may_stand_in_query_or_form(cloud: LocalCloud, method: str, form: bool) -> None:
    """The signature covers them wherever they are, and the method."""
    sent = {"RegionId": REGION, "InstanceId": "i-a"}
    parameters = older_parameters(ECS, READ, sent, DEFAULT_KEY, time.time())
    query = older_query(parameters, DEFAULT_KEY.secret, method)
    other = {"GET": "POST", "POST": "GET"}[method]

    assert send(cloud, query, method=method, form=form).status == 200
    assert send(cloud, query, method=other, form=form).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"AccessKeyId": ""}, "IncompleteSignature"),
        ({"SignatureNonce": ""}, "IncompleteSignature"),
        ({"SignatureMethod": ""}, "InvalidSignatureMethod"),
        ({"SignatureMethod": "HMAC-MD5"}, "InvalidSignatureMethod"),
        ({"SignatureVersion": ""}, "InvalidSignatureMethod"),
        ({"SignatureVersion": "2.0"}, "InvalidSignatureMethod"),
        ({"Timestamp": ""}, "IllegalTimestamp"),
        ({"Timestamp": "2026-11-23"}, "InvalidTimeStamp.Format"),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"Action": ""}, "MissingParameter"),
        ({"Action": "RebootTheWorld"}, "InvalidAction.NotFound"),
        ({"Version": ""}, "MissingParameter"),
        ({"Version": "2099-01-01"}, "InvalidVersion"),
        ({"Format": "YAML"}, "InvalidParameter.Format"),
        ({"SecurityToken": "unasked"}, "InvalidSecurityToken.Malformed"),
    ],
    ids=str,
)
def test_every_part_is_needed_and_checked(
    cloud: LocalCloud, changes: dict[str, str], expected: str
) -> None:
    """What is missing or cannot be has its code, although the rest is signed correctly."""
    assert ask(cloud, changes=changes).code == expected


def test_an_unsigned_request_is_refused(cloud: LocalCloud) -> None:
    """Without any signature, no part of the request is looked at."""
    answer = send(cloud, f"Action={READ}&Version={ECS.version}&RegionId={REGION}")

    assert (answer.status, answer.code) == (400, "IncompleteSignature")


def test_a_nonce_is_good_for_one_request(cloud: LocalCloud) -> None:
    """The very same request is refused the second time."""
    parameters = older_parameters(ECS, READ, {"RegionId": REGION}, DEFAULT_KEY, time.time())
    query = older_query(parameters, DEFAULT_KEY.secret)

    assert [send(cloud, query).status for _ in range(2)] == [200, 400]
    assert send(cloud, query).code == "SignatureNonceUsed"


@pytest.mark.parametrize(
    ("key", "status", "expected"),
    [
        (AccessKey("LTAIother", "x"), 404, "InvalidAccessKeyId.NotFound"),
        (AccessKey(DEFAULT_KEY.id, "wrong"), 400, "SignatureDoesNotMatch"),
        (INACTIVE, 400, "InvalidAccessKeyId.Inactive"),
        (AccessKey(TEMPORARY.id, TEMPORARY.secret), 400, "MissingSecurityToken"),
        (
            AccessKey(TEMPORARY.id, TEMPORARY.secret, "other"),
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
        ),
    ],
    ids=["unknown", "wrong secret", "inactive", "no token", "wrong token"],
)
def test_keys(key: AccessKey, status: int, expected: str) -> None:
    """Every way for a key to be wrong has its own code."""
    with LocalCloud(world(access_keys=KEYS)) as cloud:
        assert ask(cloud, key=TEMPORARY).status == 200
        answer = ask(cloud, key=key)

    assert (answer.status, answer.code) == (status, expected)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clocks_may_differ_by_fifteen_minutes(cloud: LocalCloud, minutes: int) -> None:
    """Requests from the past and from the future are refused alike."""
    answer = ask(cloud, moment=time.time() + minutes * 60)

    assert answer.code == "InvalidTimeStamp.Expired"
