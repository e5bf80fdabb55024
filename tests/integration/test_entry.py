"""What Function Compute calls, with both context shapes."""

from __future__ import annotations

import contextlib
import io
import json
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import index
from handler.core.errors import BadSettings, NotPermitted
from localcloud.testing import LocalCloud
from tests.stage import context, environment
from tests.worlds import hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"id": "LTAIrole", "secret": "role-secret", "security_token": "role-token"}
KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY["id"],
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY["secret"],
    "ALIBABA_CLOUD_SECURITY_TOKEN": KEY["security_token"],
}
WRITE = "AssignPrivateIpAddresses"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The environment and the function instance of one test are not those of the next."""
    before = dict(os.environ)
    yield
    index.pre_stop(None)
    os.environ.clear()
    os.environ.update(before)


def settle(cloud: LocalCloud, **variables: str) -> None:
    """What the function's environment holds, credentials aside."""
    found = environment(cloud.url, TARGET_SECONDARY_IPS="8", **variables)
    os.environ.update({name: value for name, value in found.items() if name not in KEYS})


def deliver(given: SimpleNamespace) -> dict[str, Any]:
    """Hand the event over with a context; the records are not looked at here."""
    with contextlib.redirect_stdout(io.StringIO()):
        return index.handler(json.dumps(hook_event("i-a")).encode(), given)


def test_python310_context_carries_the_credentials_of_each_request() -> None:
    """Credentials in the context are used, and new ones with the next request."""
    second = {"id": "LTAIrotated", "secret": "rotated-secret", "security_token": "rotated"}
    launch = world(instance("a"), access_keys=[KEY, second])
    with LocalCloud(launch) as cloud:
        settle(cloud)
        for key in (KEY, second):
            credentials = SimpleNamespace(
                access_key_id=key["id"],
                access_key_secret=key["secret"],
                security_token=key["security_token"],
            )
            service = SimpleNamespace(name="", version_id="")
            given = context(credentials=credentials, service=service)
            index.initialize(given)
            assert 1 == deliver(given)["counts"]["enis"]
        assert {200, 404, 400} >= {call["status"] for call in cloud.calls()}
        assert 8 == len(cloud.state()["instances"][0]["enis"][0]["secondary"])


def test_python312_context_has_none_and_the_environment_is_used() -> None:
    """Without credentials in the context, those of the environment sign; timeout may be text."""
    with LocalCloud(world(instance("a"), access_keys=[KEY])) as cloud:
        settle(cloud)
        os.environ.update(KEYS)
        given = context()
        given.function.timeout = "60"
        index.initialize(given)
        assert 1 == deliver(given)["counts"]["assigned"]


def test_expired_credentials_of_the_environment_end_the_process() -> None:
    """A fresh process gets fresh ones: SystemExit, which the runtime does not catch."""
    expired = {"action": "*", "fault": "error", "code": "InvalidSecurityToken.Expired", "times": 99}
    with LocalCloud(world(instance("a"), access_keys=[KEY]), faults=[expired]) as cloud:
        settle(cloud)
        os.environ.update(KEYS)
        with pytest.raises(SystemExit, match=r"InvalidSecurityToken\.Expired"):
            deliver(context())


def test_expired_credentials_of_the_context_are_raised() -> None:
    """The next delivery brings fresh ones along: the instance lives on."""
    expired = {"action": "*", "fault": "error", "code": "InvalidSecurityToken.Expired", "times": 99}
    credentials = SimpleNamespace(
        access_key_id=KEY["id"],
        access_key_secret=KEY["secret"],
        security_token=KEY["security_token"],
    )
    with LocalCloud(world(instance("a"), access_keys=[KEY]), faults=[expired]) as cloud:
        settle(cloud)
        with pytest.raises(NotPermitted, match=r"InvalidSecurityToken\.Expired"):
            deliver(context(credentials=credentials))


@pytest.mark.parametrize("call", ["initialize", "handler"])
def test_bad_settings_are_raised_with_every_problem_named(call: str) -> None:
    """With and without an initializer: the event survives in the retries of Function Compute."""
    os.environ.update(VSWITCH_RESERVE="-1", TARGET_SECONDARY_IPS="many", DRY_RUN="perhaps")
    entry = index.initialize if call == "initialize" else deliver
    with pytest.raises(BadSettings) as raised:
        entry(context())
    for name in ("VSWITCH_RESERVE", "TARGET_SECONDARY_IPS", "DRY_RUN"):
        assert name in str(raised.value)


def test_result_is_plain_json() -> None:
    """The runtime serialises what the handler returns."""
    with LocalCloud(world(instance("a"), access_keys=[KEY])) as cloud:
        settle(cloud)
        os.environ.update(KEYS)
        result = deliver(context())
        assert result == json.loads(json.dumps(result))
        assert WRITE in {call["action"] for call in cloud.calls()}
