"""STS: temporary keys. They sign calls until they expire, and are then refused as expired.

Roles, and who may take them on, are not modelled: any well-formed name is a role.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from localcloud.errors import refusal
from localcloud.products import STS

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.parameters import Given
    from localcloud.state import Cloud

DURATION = (900, 3600)
"""DurationSeconds: up to the role's MaxSessionDuration, which is an hour unless changed."""

LONGEST_POLICY = 2048
"""Characters of Policy (AssumeRole)."""

_ROLE = re.compile(r"acs:ram::(?P<account>\d{1,20}):role/(?P<name>[A-Za-z0-9.-]{1,64})")
_SESSION = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_EXTERNAL_ID = re.compile(r"[\w=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True)
class AssumeAsk:
    """What an AssumeRole call wants."""

    account: str
    role: str
    session: str
    seconds: int


def _read_assume(given: Given) -> AssumeAsk:
    # The page knows no RegionId, but SDKs send one with every call.
    given.region(required=False)
    role = _ROLE.fullmatch(given.required("RoleArn"))
    session = given.required("RoleSessionName")
    if role is None:
        raise refusal("InvalidParameter.RoleArn")
    if not _SESSION.fullmatch(session):
        raise refusal("InvalidParameter.RoleSessionName")
    _check_policy(given.text("Policy"))
    external_id = given.text("ExternalId")
    if external_id and not _EXTERNAL_ID.fullmatch(external_id):
        raise refusal("InvalidParameter.ExternalId")
    return AssumeAsk(role["account"], role["name"], session, _seconds(given))


def _check_policy(text: str) -> None:
    """A policy must be a JSON object; what it forbids is not modelled."""
    if not text:
        return
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or len(text) > LONGEST_POLICY:
        raise refusal("InvalidParameter.PolicyGrammar")


def _seconds(given: Given) -> int:
    text = given.text("DurationSeconds")
    if not text:
        return DURATION[1]
    if not re.fullmatch(r"[0-9]{1,9}", text) or not DURATION[0] <= int(text) <= DURATION[1]:
        raise refusal("InvalidParameter.DurationSeconds")
    return int(text)


@STS.writes("AssumeRole", _read_assume)
def assume_role(cloud: Cloud, ask: AssumeAsk) -> Json:
    """Hand out a temporary key."""
    expires = int(cloud.clock.now()) + ask.seconds
    key = cloud.keys.issue(expires)
    moment = datetime.fromtimestamp(expires, timezone.utc)
    return {
        "Credentials": {
            "AccessKeyId": key.id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.security_token,
            "Expiration": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"3{ask.account}:{ask.session}",
            "Arn": f"acs:ram::{ask.account}:role/{ask.role}/{ask.session}",
        },
    }
