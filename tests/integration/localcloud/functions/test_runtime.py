"""What a function is told by its runtime, and what it cannot see."""

from __future__ import annotations

import os
from typing import Any

from localcloud.functions.sdk import invoke, invoke_fc2
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    CODE,
    NEW,
    OLD,
    SERVICE,
    event,
    function,
    world,
)

ENDPOINTS = ("ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT", "FUNCTIONS_ENDPOINT")
COMMON = {"PATH", "HOME", "LANG", *ENDPOINTS}
COMMON |= {"FC_REGION", "FC_ACCOUNT_ID", "FC_FUNCTION_NAME", "FC_INSTANCE_ID"}
KEY_VARIABLES = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
}


def told(cloud: LocalCloud, name: str) -> dict[str, Any]:
    """Return what the runtime has told a function."""
    answer = (
        invoke(cloud, NEW, event()) if name == NEW else invoke_fc2(cloud, SERVICE, OLD, event())
    )
    found: dict[str, Any] = answer.json
    return found


def test_python310(cloud: LocalCloud) -> None:
    """The context has a service and credentials, fresh ones each time; the environment has none."""
    first, second = told(cloud, OLD), told(cloud, OLD)
    context = first["context"]
    keys = [each["context"].pop("credentials") for each in (first, second)]

    assert context.keys() == {
        *("request_id", "function", "service", "region", "account_id", "logger")
    }
    assert context["function"] == {
        "name": OLD,
        "handler": "index.handler",
        "memory": 512,
        "timeout": 10,
    }
    assert context["service"]["name"] == SERVICE
    assert first["pid"] == second["pid"]
    assert keys[0].keys() == {"access_key_id", "access_key_secret", "security_token"}
    assert keys[0]["security_token"] != keys[1]["security_token"]
    assert first["environment"].keys() - COMMON == {"FC_SERVICE_NAME"}


def test_python312(cloud: LocalCloud) -> None:
    """Neither service nor credentials in the context; these stand in the environment."""
    answer = told(cloud, NEW)
    context = answer["context"]

    assert context.keys() == {
        *("request_id", "function", "region", "account_id", "logger", "log_project", "log_store")
    }
    assert context["function"] == {
        "name": NEW,
        "handler": "index.handler",
        "memory": 512,
        "timeout": "10",
        "version_id": "",
        "qualifier": "LATEST",
    }
    assert answer["environment"].keys() - COMMON == KEY_VARIABLES


def test_the_environment_of_the_local_cloud_stays_outside(cloud: LocalCloud) -> None:
    """Of pytest's own environment a function sees path, home and language, and no more."""
    environment = told(cloud, NEW)["environment"]

    assert "PYTEST_CURRENT_TEST" in os.environ
    assert environment["PATH"] == os.environ["PATH"]
    assert set(environment) <= COMMON | KEY_VARIABLES


def test_the_function_finds_the_cloud_and_itself(cloud: LocalCloud) -> None:
    """Endpoints lead back here; its folder is the working directory."""
    answer = told(cloud, NEW)
    environment = answer["environment"]

    assert {environment[name] for name in ENDPOINTS} == {cloud.url}
    assert (environment["FC_FUNCTION_NAME"], environment["FC_REGION"]) == (NEW, "cn-hangzhou")
    assert answer["folder"] == str(CODE)


def test_variables_of_the_function_win() -> None:
    """Its own endpoint stays; other variables are added."""
    mine = function(env={"ECS_ENDPOINT": "http://elsewhere", "COLOUR": "blue"})
    with LocalCloud(world(mine)) as cloud:
        environment = told(cloud, NEW)["environment"]

    assert (environment["ECS_ENDPOINT"], environment["COLOUR"]) == ("http://elsewhere", "blue")
    assert environment["VPC_ENDPOINT"] == cloud.url


def test_every_write_is_a_row(cloud: LocalCloud) -> None:
    """Of stdout and stderr, of Python's logging, and of what goes past Python."""
    invoke(cloud, NEW, event("write", text="one\ntwo\n"))
    invoke(cloud, NEW)
    rows = cloud.logs(NEW)

    assert {row["topic"] for row in rows} == {f"FCLogs:{NEW}"}
    messages = [row["message"] for row in rows]
    assert messages[:2] == ["one\ntwo", "to stderr"]
    assert "past Python" in messages
    assert [message for message in messages if message.endswith("[INFO] by the logger")]


def test_a_write_is_cut_at_128_kib(cloud: LocalCloud) -> None:
    """Silently, and never inside of a character."""
    invoke(cloud, NEW, event("write", text="é", times=100_000))
    invoke(cloud, NEW, event("write", text="é" * 10 + "a", times=1))

    lengths = [len(row["message"].encode()) for row in cloud.logs(NEW)]
    assert (max(lengths), lengths.count(21)) == (128 * 1024, 1)
