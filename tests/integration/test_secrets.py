"""No secret reaches a log, a result, an exception or stderr: every byte of them is searched."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from handler.cloud.openapi import silence_sdk_loggers
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.account.running import setup
from tests.account.server import REGION, Account, Fault
from tests.chaos.gate import Reply, Watcher, gate
from tests.chaos.secrets import leaked
from tests.chaos.test_hostile import Liar, putting
from tests.integration.command.driving import run
from tests.stage import Stage, environment
from tests.worlds import HOOK_TOKEN, eni, hook_event, instance, running_event, world

ROOT = Path(__file__).parents[2]
SECRET = "PLANTED-SECRET-4f1d7a"
TOKEN = "PLANTED-TOKEN-90c3be+/="
KEY = {"id": "LTAIplanted", "secret": SECRET, "security_token": TOKEN}
WRITE = "AssignPrivateIpAddresses"

TROUBLE: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "lost reply": [{"action": WRITE, "fault": "no_reply"}],
    "bad gateway": [{"action": "*", "fault": "http", "status": 502, "body": "<html>", "times": 9}],
    "echo": [
        {
            "action": WRITE,
            "fault": "error",
            "code": "InvalidParameter",
            "message": f"You sent {SECRET}, {TOKEN} and {HOOK_TOKEN}.",
        }
    ],
    "signature": [
        {
            "action": "DescribeInstances",
            "fault": "error",
            "code": "SignatureDoesNotMatch",
            "message": f"Server string to sign is: POST&SecurityToken%3D{quote(TOKEN, safe='')}",
            "times": 9,
        }
    ],
    "completion": [
        {
            "action": "CompleteLifecycleAction",
            "fault": "error",
            "code": "Odd.Refusal",
            "message": f"No such token: {HOOK_TOKEN}",
            "times": 9,
        }
    ],
    "expired": [
        {"action": "*", "fault": "error", "code": "InvalidSecurityToken.Expired", "times": 9}
    ],
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("debug", ["", "sdk"])
def test_no_byte_of_a_secret_leaves_the_process(trouble: str, debug: str, tmp_path: Path) -> None:
    """Promise 6: neither AccessKey secret, security token nor hook token, on stdout or stderr.

    Seen to fail when the SDKs' loggers are left alone under DEBUG=sdk, and when the message of a
    refused signature is recorded.
    """
    event = tmp_path / "event.json"
    event.write_text(json.dumps(hook_event("i-a")))
    settings = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "1", "VISIBILITY_SECONDS": "1"}
    with LocalCloud(world(instance("a"), access_keys=[KEY]), faults=TROUBLE[trouble]) as cloud:
        environ = os.environ | environment(cloud.url, **settings)
        environ["ALIBABA_CLOUD_ACCESS_KEY_ID"] = KEY["id"]
        environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = SECRET
        environ["ALIBABA_CLOUD_SECURITY_TOKEN"] = TOKEN
        environ["DEBUG"] = debug
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-X", "dev", "-m", "tests.deliver", str(event)],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert cloud.calls("DescribeInstances"), ended.stderr
        for secret in (SECRET, TOKEN, HOOK_TOKEN):
            for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe="")):
                assert form not in ended.stdout + ended.stderr
        if trouble == "none":  # so the planted credentials are what the calls were signed with
            assert 8 == len(cloud.state()["instances"][0]["enis"][0]["secondary"])
        if trouble == "expired":
            assert "ending this instance" in ended.stderr


QUOTING = f"string to sign: {TOKEN}"
SETUP_TROUBLE: dict[str, list[Fault]] = {
    # The account's key has no token: whoever brings one is told what was signed, or nothing.
    "unknown token": [],
    "signature": [Fault("GetCallerIdentity", 403, "SignatureDoesNotMatch", message=QUOTING)],
    "token": [Fault("GetCallerIdentity", 403, "InvalidSecurityToken.Malformed", message=QUOTING)],
    "key": [Fault("GetCallerIdentity", 404, "InvalidAccessKeyId.NotFound", message=QUOTING)],
}


@pytest.mark.parametrize("trouble", SETUP_TROUBLE)
@pytest.mark.parametrize("arguments", [(), ("--project", "fleet-logs")], ids=["account", "given"])
def test_setup_tells_no_secret(trouble: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Neither the SDKs' debug output nor an error that quotes what was signed is shown."""
    with Account(list(SETUP_TROUBLE[trouble])) as account:
        ran = setup(
            tmp_path,
            account,
            "--dry-run",
            *arguments,
            DEBUG="sdk",
            ALIBABA_CLOUD_SECURITY_TOKEN=TOKEN,
        )
    assert account.hosts
    assert 0 != ran.status
    said = ran.output + ran.errors
    for secret in (DEFAULT_KEY.secret, TOKEN, quote(TOKEN, safe=""), "Authorization", "Signature="):
        assert secret not in said


def test_setup_follows_no_redirect(tmp_path: Path) -> None:
    """The security token goes to the service that was meant, and nowhere else."""
    moved = Fault("GetCallerIdentity", 307, "Moved", location="http://elsewhere.example/")
    with Account([moved]) as account:
        ran = setup(tmp_path, account, "--dry-run")
    assert 1 == ran.status
    assert {f"sts.{REGION}.aliyuncs.com"} == account.hosts


class _Elsewhere(Watcher):
    """Sends every call on to another place."""

    def __init__(self, url: str) -> None:
        self.moved = Reply(307, b"", {"Location": f"{url}/?Action=Trap"})

    def before(self, action: str) -> Reply:
        """See `tests.chaos.gate.Keeper`."""
        del action
        return self.moved


@pytest.mark.parametrize("service", [(), ("--service", "s")], ids=["3.0", "2.0"])
def test_invoke_follows_no_redirect(service: tuple[str, ...]) -> None:
    """The operator's security token goes to Function Compute, and nowhere else."""
    with LocalCloud() as cloud, LocalCloud() as elsewhere:
        with gate(cloud, _Elsewhere(elsewhere.url)) as url:
            function = ("--function", "f", *service)
            done = run(cloud, "invoke", "--all", "--sync", *function, FUNCTIONS_ENDPOINT=url)
        assert [] == elsewhere.calls()
    assert 1 == done.status


def test_setup_quotes_no_provider_of_credentials(tmp_path: Path) -> None:
    """What is wrong with credentials is told by its kind: the text may hold a URL with a token."""
    uri = f"http://127.0.0.1:9/?token={SECRET}"
    ran = setup(tmp_path, None, ALIBABA_CLOUD_CREDENTIALS_URI=uri)
    assert 2 == ran.status
    assert "no credentials" in ran.errors
    assert SECRET not in ran.output + ran.errors


def test_sdk_loggers_stay_silent_when_a_module_adds_a_handler_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The default chain of credentials is imported when it is needed, and brings its handler."""
    silence_sdk_loggers()
    late = logging.getLogger("credentials")
    late.addHandler(logging.StreamHandler())
    late.error("a secret")
    assert ("", "") == tuple(capsys.readouterr())


LONG = "CAIS" + "PLANTED+/=" * 48  # as long as a security token of STS is
LOWER = quote(LONG, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
QUOTES = {
    "longer than what is recorded": {"Code": "InvalidParameter", "Message": f"Bad: {LONG}"},
    "cut in two": {"Code": "InvalidParameter", "Message": "x" * 150 + DEFAULT_KEY.secret},
    "encoded": {"Code": "InvalidParameter", "Message": quote(LONG, safe="")},
    "encoded twice": {"Code": "InvalidParameter", "Message": quote(quote(LONG, safe=""))},
    "encoded but for slashes": {"Code": "InvalidParameter", "Message": quote(LONG)},
    "encoded in lower case": {"Code": "InvalidParameter", "Message": LOWER},
    "in the code": {"Code": f"Bad.{DEFAULT_KEY.secret}", "Message": ""},
    "cut in the code": {"Code": "B" * 88 + DEFAULT_KEY.secret, "Message": ""},
    "in a code without end": {"Code": LONG * 30, "Message": ""},
    "what was signed": {"Code": "IncompleteSignature", "Message": "server string: GET&%2F"},
    "a header": {"Code": "InvalidParameter", "Message": "Authorization: ACS3 Signature=abcdef"},
}
PIECES = (DEFAULT_KEY.secret[:12], "PLANTED+", "PLANTED%2", "PLANTED%252", "abcdef", "GET&")


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("action", ["AssignPrivateIpAddresses", "DescribeInstances"])
@pytest.mark.parametrize("quoted", QUOTES)
def test_no_part_of_a_quoted_secret_is_recorded_or_raised(
    quoted: str, action: str, status: int
) -> None:
    """Secrets are hidden in the whole text of a refusal, in its code too; then it is cut."""
    body = json.dumps(QUOTES[quoted] | {"RequestId": "R"})
    fault = {"action": action, "fault": "http", "status": status, "body": body, "times": 99}
    key = {"id": DEFAULT_KEY.id, "secret": DEFAULT_KEY.secret, "security_token": LONG}
    settings = {"TARGET_SECONDARY_IPS": "2", "ALIBABA_CLOUD_SECURITY_TOKEN": LONG}
    with Stage(world(instance("a"), access_keys=[key]), settings, [fault]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
    assert [] == [each for each in PIECES if each in delivered.everything]
    assert delivered.of("api_error")


ROWS = "NetworkInterfaceSets.NetworkInterfaceSet.*"
FIELDS = {
    "request id": ("AssignPrivateIpAddresses", "RequestId"),
    "vSwitch": ("DescribeNetworkInterfaces", f"{ROWS}.VSwitchId"),
    "status": ("DescribeNetworkInterfaces", f"{ROWS}.Status"),
    "type": ("DescribeInstances", "Instances.Instance.*.InstanceType"),
    "group": ("DescribeInstances", "Instances.Instance.*.Tags.Tag.*.TagValue"),
}


@pytest.mark.parametrize("secret", [LONG, HOOK_TOKEN], ids=["token", "hook"])
@pytest.mark.parametrize("field", FIELDS)
def test_secret_in_a_field_of_a_reply_goes_no_further(field: str, secret: str) -> None:
    """Neither into a record nor into the result, which callers keep."""
    action, path = FIELDS[field]
    key = {"id": DEFAULT_KEY.id, "secret": DEFAULT_KEY.secret, "security_token": LONG}
    settings = {"TARGET_SECONDARY_IPS": "2", "ALIBABA_CLOUD_SECURITY_TOKEN": LONG}
    liar = Liar(action, putting(path, secret), 100)
    launch = world(instance("a"), access_keys=[key])
    with Stage(launch, settings) as stage, gate(stage.cloud, liar) as url:
        delivered = stage.deliver(hook_event("i-a"), stage.another_app(ECS_ENDPOINT=url))
        assert action in stage.actions()
    assert [] == leaked(delivered.everything, [secret])


def test_hook_token_in_place_of_another_field_is_not_shown() -> None:
    """As a template puts it that mixes them up: what stands there is told by its length."""
    with Stage(world(instance("a"))) as stage:
        delivered = stage.deliver(hook_event("i-a", lifecycleHookId=HOOK_TOKEN))
        assert "rejected" == delivered.result["action"]
        assert "lifecycleHookId: found a text of length 36" in delivered.result["reason"]
        assert HOOK_TOKEN not in delivered.everything


def test_a_header_that_cannot_be_parsed_tells_nothing() -> None:
    """urllib3 warns of it with the URL, which holds the hook's token; nobody hears of it."""
    script = "import logging; from handler.cloud.openapi import silence_sdk_loggers as silence\n"
    script += "silence(); logging.basicConfig(level=0)\n"
    script += "logging.getLogger('urllib3.connection').warning('url=PLANTED')\n"
    done = subprocess.run(  # noqa: S603  (this interpreter, and a script that is written here)
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


# What an event may call its hook's token: words, ids and pieces of lines that records are made of.
CHOSEN = [
    "eni_result",
    "record_type",
    "network_interface_id",
    "i-a000000000",
    "eni-a0000000",
    "cn-hangzhou",
    "assigned",
    "lifecycle",
    "run_summary",
    '": null, "',
    "10.0.0.10",
    "ess.lifecycle_hook",
]


@pytest.mark.parametrize("token", CHOSEN)
def test_a_chosen_hook_token_hides_nothing(token: str) -> None:
    """Every line stays JSON, every ENI is recorded, and what is behind it is worked on, too."""
    fleet = [instance("a000000000", eni("eni-a0000000")), instance("b")]
    with Stage(world(*fleet), {"TARGET_SECONDARY_IPS": "4"}) as stage:
        first = hook_event("i-a000000000", lifecycleActionToken=token)
        delivered = stage.deliver([first, running_event("i-b")])
        assert {"eni-a0000000", "eni-b"} == set(delivered.enis)
        assert {4} == set(stage.held().values())
        assert {"cn-hangzhou"} == {each["region"] for each in delivered.records}
        assert 2 == len(delivered.of("run_summary"))
