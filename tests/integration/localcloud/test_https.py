"""HTTPS when there is a certificate, and when to come back when a call is throttled."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.exceptions import ThrottlingException
from Tea.exceptions import TeaException

from localcloud.certificate import read_certificate
from localcloud.clock import ManualClock
from localcloud.products import ECS
from localcloud.samples import world
from localcloud.schema import InvalidInput
from localcloud.sdk import REGION, call
from localcloud.signing import older_parameters, older_query
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.certificate import self_signed

ROOT = Path(__file__).parents[3]
READ = "DescribeNetworkInterfaces"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


def ask(address: str, certificate: Path) -> dict[str, Any]:
    """Make a signed call over HTTPS, trusting nobody but the certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    connection = HTTPSConnection(address, context=context)
    sent = {"RegionId": REGION, "Format": "JSON"}
    parameters = older_parameters(ECS, READ, sent, DEFAULT_KEY, time.time())
    try:
        connection.request("POST", f"/?{older_query(parameters, DEFAULT_KEY.secret)}")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def test_with_a_certificate_it_is_https(files: tuple[Path, Path]) -> None:
    """The URL says so, and a client that trusts the certificate is served."""
    with LocalCloud(world(), certificate=read_certificate(*files)) as cloud:
        assert cloud.url == f"https://{cloud.address}"
        assert ask(cloud.address, files[0])["TotalCount"] == 2


def test_the_command_takes_a_certificate(files: tuple[Path, Path]) -> None:
    """``--cert`` and ``--key`` make the command serve HTTPS."""
    command = [sys.executable, "-m", "localcloud", "--port", "0"]
    command += ["--cert", str(files[0]), "--key", str(files[1])]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["listening"]
        total = ask(url.removeprefix("https://"), files[0])["TotalCount"]
        process.terminate()

    assert url.startswith("https://127.0.0.1:")
    assert total > 2


def test_a_certificate_needs_its_own_key(files: tuple[Path, Path]) -> None:
    """Files that do not fit, or are not there, are named."""
    for pair in ((files[0], files[0]), (files[0].with_name("none"), files[1])):
        with pytest.raises(InvalidInput, match=str(pair[0])):
            read_certificate(*pair)


def throttled(*, retry_after: bool) -> TeaException:
    """Return what the SDK makes of a throttled call, 12 seconds before the minute ends."""
    clock = ManualClock(time.time() // 60 * 60 + 48)
    asked = world(quotas={READ: 0})
    with LocalCloud(asked, clock=clock, retry_after=retry_after) as cloud:
        with pytest.raises(TeaException) as caught:
            call(cloud, READ)
        return caught.value


def test_a_throttled_answer_can_say_when_to_come_back() -> None:
    """The header has the milliseconds until the next minute, and the SDK understands it."""
    error = throttled(retry_after=True)

    assert isinstance(error, ThrottlingException)
    assert (error.code, error.retry_after) == ("Throttling.User", 12_000)


def test_it_says_nothing_unless_told_to() -> None:
    """The real cloud does not always send the header."""
    assert not isinstance(throttled(retry_after=False), ThrottlingException)
