"""Invoking a function with the clients that others wrote: what goes in, and what comes back."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from darabonba.exceptions import UnretryableException

from localcloud.functions.sdk import Answer, asynchronous, invoke, invoke_fc2
from localcloud.functions.wire import LARGEST
from localcloud.model import AccessKey
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    OLD,
    SERVICE,
    event,
    function,
    world,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OLD_ASYNC = {"x-fc-invocation-type": "Async"}
UNHANDLED = "UnhandledInvocationError"
WRONG_SECRET = AccessKey(DEFAULT_KEY.id, "not the secret")
UNKNOWN_KEY = AccessKey("nobody", "nothing")


@pytest.mark.parametrize(
    ("value", "body"),
    [({"a": [1, None]}, '{"a": [1, null]}'), (None, "null"), ("as it is", "as it is")],
)
def test_both_generations_answer_what_the_function_returns(
    cloud: LocalCloud, value: Any, body: str
) -> None:
    """JSON, except for text, which is passed on as it is."""
    new = invoke(cloud, NEW, event("give", value=value))
    old = invoke_fc2(cloud, SERVICE, OLD, event("give", value=value))

    assert (new.status, new.body) == (200, body)
    assert (old.status, old.body) == (200, body.encode())


def test_an_exception_is_answered_with_status_200(cloud: LocalCloud) -> None:
    """A header tells that it is an error; the body has its text, its type and where it was."""
    new = invoke(cloud, NEW, event("fail", why="of this"))
    old = invoke_fc2(cloud, SERVICE, OLD, event("fail", why="of this"))

    assert (new.status, new.code, old.status) == (200, UNHANDLED, 200)
    assert (new.json["errorMessage"], new.json["errorType"]) == ("of this", "ValueError")
    place, line, name, code = new.json["stackTrace"][-1]
    assert place.endswith('index.py"')
    assert (line[:5], name) == ("line ", "in _fail")
    assert code == 'raise ValueError(ask.get("why", "no reason"))'
    assert old.json["stackTrace"] == new.json["stackTrace"]


def test_what_is_not_json_is_an_error_of_the_function(cloud: LocalCloud) -> None:
    """The return value must be serialisable."""
    answer = invoke(cloud, NEW, event("unserialisable"))

    assert (answer.code, answer.json["errorType"]) == (UNHANDLED, "TypeError")


def refused(answer: Answer) -> tuple[int, str]:
    """Return status and code."""
    return answer.status, answer.code


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda cloud: invoke(cloud, "nobody"), 404, "FunctionNotFound"),
        (lambda cloud: invoke(cloud, OLD), 404, "FunctionNotFound"),
        (lambda cloud: invoke(cloud, NEW, qualifier="prod"), 404, "VersionNotFound"),
        (lambda cloud: invoke_fc2(cloud, SERVICE, NEW), 404, "FunctionNotFound"),
        (lambda cloud: invoke_fc2(cloud, "nowhere", OLD), 404, "ServiceNotFound"),
        (lambda cloud: invoke_fc2(cloud, SERVICE, OLD, qualifier="1"), 404, "VersionNotFound"),
        (lambda cloud: invoke(cloud, NEW, key=WRONG_SECRET), 403, "SignatureNotMatch"),
        (lambda cloud: invoke(cloud, NEW, key=UNKNOWN_KEY), 403, "InvalidAccessKeyID"),
        (
            lambda cloud: invoke_fc2(cloud, SERVICE, OLD, key=WRONG_SECRET),
            403,
            "SignatureNotMatch",
        ),
        (
            lambda cloud: invoke_fc2(cloud, SERVICE, OLD, key=UNKNOWN_KEY),
            403,
            "InvalidAccessKeyID",
        ),
        (
            lambda cloud: invoke(cloud, NEW, headers={"x-fc-invocation-type": "async"}),
            400,
            "InvalidArgument",
        ),
        (lambda cloud: invoke(cloud, NEW, headers=asynchronous("1st")), 400, "InvalidArgument"),
    ],
)
def test_refusals(
    cloud: LocalCloud, ask: Callable[[LocalCloud], Answer], status: int, code: str
) -> None:
    """Each with the status and the code of Function Compute, and nothing is run."""
    assert refused(ask(cloud)) == (status, code)
    assert cloud.invocations() == []


def test_a_temporary_key_needs_its_token() -> None:
    """The security token is a header in both forms, and part of what is checked."""
    key = AccessKey("temporary", "secret", "token")
    keys = [{"id": key.id, "secret": key.secret, "security_token": key.security_token}]
    without = AccessKey(key.id, key.secret)
    with LocalCloud(world(access_keys=keys)) as cloud:
        answers = [
            refused(invoke(cloud, NEW, event("give", value=1), key=each)) for each in (key, without)
        ] + [
            refused(invoke_fc2(cloud, SERVICE, OLD, event("give", value=1), key=each))
            for each in (key, without)
        ]

    assert answers == [(200, ""), (403, "AccessDenied")] * 2


@pytest.mark.parametrize("kind", ["Sync", "Async"])
def test_payloads_have_a_limit(cloud: LocalCloud, kind: str) -> None:
    """A byte more than fits is refused; what fits is taken."""
    empty = event("give", value=1, pad="")
    payload = event("give", value=1, pad="x" * (LARGEST[kind] - len(empty)))
    headers = {"x-fc-invocation-type": kind}

    assert refused(invoke(cloud, NEW, payload + b" ", headers)) == (400, "EntityTooLarge")
    assert invoke(cloud, NEW, payload, headers).status in (200, 202)


@pytest.mark.parametrize("path", ["/2016-08-15/services", "/2023-03-30/functions/new/triggers"])
def test_other_operations_are_not_served(cloud: LocalCloud, path: str) -> None:
    """Nothing but invocations, and questions for tasks and functions."""
    connection = HTTPConnection(cloud.address)
    connection.request("GET", path)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()

    assert (response.status, body.get("Code") or body["ErrorCode"]) == (400, "PathNotSupported")


def test_an_unsigned_invocation_is_refused(cloud: LocalCloud) -> None:
    """The header that lacks is named."""
    connection = HTTPConnection(cloud.address)
    connection.request("POST", "/2016-08-15/services/service/functions/old/invocations")
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()

    assert (response.status, body["ErrorCode"]) == (400, "MissingRequiredHeader")
    assert "Authorization" in body["ErrorMessage"]


def test_the_qualifier_reaches_the_function() -> None:
    """As part of the service's name in FC 2.0, as a parameter in FC 3.0."""
    functions = (
        function(qualifiers=["prod"]),
        function(OLD, service=SERVICE, runtime="python3.10", qualifiers=["prod"]),
    )
    with LocalCloud(world(*functions)) as cloud:
        new = invoke(cloud, NEW, event(), qualifier="prod").json["context"]["function"]
        old = invoke_fc2(cloud, SERVICE, OLD, event(), qualifier="prod").json["context"]["service"]
        rows = cloud.invocations()

    assert (new["qualifier"], old["qualifier"]) == ("prod", "prod")
    assert [row["qualifier"] for row in rows] == ["prod", "prod"]


@pytest.mark.parametrize(
    ("fault", "answer", "runs"),
    [
        ({"fault": "error", "code": "AccessDenied", "status": 403}, (403, "AccessDenied"), 0),
        ({"fault": "http", "status": 502, "body": '{"Code": "Gateway"}'}, (502, "Gateway"), 0),
        ({"fault": "slow", "seconds": 0.01}, (200, ""), 1),
    ],
)
def test_faults_apply(
    cloud: LocalCloud, fault: dict[str, Any], answer: tuple[int, str], runs: int
) -> None:
    """By the action InvokeFunction and by what it was asked."""
    cloud.faults([{"action": "InvokeFunction", "where": {"functionName": NEW}, **fault}])

    assert refused(invoke(cloud, NEW, event())) == answer
    assert len(cloud.invocations()) == runs
    assert cloud.calls("InvokeFunction")[0]["fault"] == fault["fault"]


@pytest.mark.parametrize(("fault", "runs"), [("no_reply", 1), ("reset_before", 0)])
def test_a_lost_answer(cloud: LocalCloud, fault: str, runs: int) -> None:
    """The caller cannot know whether the function was run."""
    cloud.faults([{"action": "InvokeFunction", "fault": fault}])

    with pytest.raises(UnretryableException):
        invoke(cloud, NEW, event())
    assert len(cloud.invocations()) == runs


def test_the_journal_of_calls_has_invocations(cloud: LocalCloud) -> None:
    """With what was asked, and no secret."""
    invoke(cloud, NEW, event(), asynchronous("task"))
    (row,) = cloud.calls("InvokeFunction")

    assert (row["product"], row["status"], row["answered"]) == ("FC", 202, True)
    assert row["parameters"] == {
        "functionName": NEW,
        "serviceName": "",
        "qualifier": "LATEST",
        "invocationType": "Async",
        "taskId": "task",
    }
    assert DEFAULT_KEY.secret not in str(row)
