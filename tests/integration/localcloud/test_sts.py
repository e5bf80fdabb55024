"""Temporary keys: they sign until they expire."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import pytest

from localcloud.clock import ManualClock
from localcloud.model import AccessKey
from localcloud.products import STS
from localcloud.samples import world
from localcloud.sdk import call, refusal_of
from localcloud.testing import LocalCloud

READ = "DescribeNetworkInterfaces"
ROLE = {"RoleArn": "acs:ram::1234567890123456:role/web", "RoleSessionName": "alice"}


def assume(cloud: LocalCloud, **changes: Any) -> dict[str, Any]:
    """Assume a role and return the answer."""
    return call(cloud, "AssumeRole", {**ROLE, **changes}, product=STS)


def key_in(answer: dict[str, Any]) -> AccessKey:
    """Return the key that an answer hands out."""
    given = answer["Credentials"]
    return AccessKey(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])


@pytest.mark.parametrize("algorithm", ["ACS3-HMAC-SHA256", "v2"])
def test_a_temporary_key_signs(algorithm: str) -> None:
    """With its token it is as good as any other."""
    with LocalCloud(world()) as cloud:
        key = key_in(assume(cloud))
        assert call(cloud, READ, key=key, algorithm=algorithm)["TotalCount"] == 2


def test_it_expires() -> None:
    """A second before its time it signs, at its time it is refused as expired."""
    # The SDK signs with the machine's clock; the cloud's must stay within 15 minutes of it.
    clock = ManualClock(int(time.time()) - 600)
    with LocalCloud(world(), clock=clock) as cloud:
        key = key_in(assume(cloud, DurationSeconds=900))
        clock.advance(899)
        call(cloud, READ, key=key)
        clock.advance(1)
        assert refusal_of(cloud, READ, key=key) == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize(("asked", "seconds"), [({}, 3600), ({"DurationSeconds": 900}, 900)])
def test_it_says_when_it_expires(asked: dict[str, int], seconds: int) -> None:
    """An hour from now, unless asked otherwise."""
    clock = ManualClock(int(time.time()))
    with LocalCloud(world(), clock=clock) as cloud:
        expires = assume(cloud, **asked)["Credentials"]["Expiration"]

    moment = datetime.fromtimestamp(clock.now() + seconds, timezone.utc)
    assert expires == moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_every_part_of_it_is_checked() -> None:
    """Secret and token must both be those of the key."""
    with LocalCloud(world()) as cloud:
        key = key_in(assume(cloud))
        other = key_in(assume(cloud))
        codes = [
            refusal_of(cloud, READ, key=wrong).code
            for wrong in (
                AccessKey(key.id, other.secret, key.security_token),
                AccessKey(key.id, key.secret, other.security_token),
                AccessKey(key.id, key.secret),
            )
        ]

    assert codes == [
        "SignatureDoesNotMatch",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "MissingSecurityToken",
    ]


def test_a_reset_ends_it() -> None:
    """After a reset only the world's keys are known."""
    with LocalCloud(world()) as cloud:
        key = key_in(assume(cloud))
        cloud.reset()
        assert refusal_of(cloud, READ, key=key) == (404, "InvalidAccessKeyId.NotFound")


def test_the_answer_says_who_one_is() -> None:
    """Role and session stand in the answer."""
    with LocalCloud(world()) as cloud:
        user = assume(cloud)["AssumedRoleUser"]

    assert user["Arn"] == "acs:ram::1234567890123456:role/web/alice"
    assert user["AssumedRoleId"].endswith(":alice")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"RoleArn": None}, (400, "MissingParameter")),
        ({"RoleArn": "web"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleSessionName": None}, (400, "MissingParameter")),
        ({"RoleSessionName": "a"}, (400, "InvalidParameter.RoleSessionName")),
        ({"RoleSessionName": "a b"}, (400, "InvalidParameter.RoleSessionName")),
        ({"DurationSeconds": 899}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": 3601}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": "an hour"}, (400, "InvalidParameter.DurationSeconds")),
        ({"Policy": "all"}, (400, "InvalidParameter.PolicyGrammar")),
        ({"ExternalId": "?"}, (400, "InvalidParameter.ExternalId")),
        ({"SourceIdentity": "unserved"}, (400, "UnsupportedParameter")),
    ],
    ids=str,
)
def test_what_is_refused(changes: dict[str, Any], expected: tuple[int, str]) -> None:
    """Every parameter is checked, with the codes of the page."""
    with LocalCloud(world()) as cloud:
        assert refusal_of(cloud, "AssumeRole", {**ROLE, **changes}, product=STS) == expected
