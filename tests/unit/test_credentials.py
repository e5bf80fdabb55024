"""Whose credentials sign a call when requests are served side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import SimpleNamespace

from handler.cloud.credentials import RoleCredentials


def context(name: str) -> SimpleNamespace:
    """What the runtime hands over with a request."""
    keys = SimpleNamespace(access_key_id=name, access_key_secret=f"{name}-hush", security_token="")
    return SimpleNamespace(credentials=keys)


def test_requests_at_the_same_time_keep_their_own() -> None:
    """Also in the threads that work for them, as `Invocation.side_by_side` starts them."""
    credentials, both = RoleCredentials({}), threading.Barrier(2, timeout=10)

    def serve(name: str) -> list[str]:
        credentials.use(context(name))
        both.wait()
        with ThreadPoolExecutor(2) as threads:
            calls = [
                threads.submit(copy_context().run, credentials.get_credentials) for _ in range(4)
            ]
            return [call.result().get_access_key_id() for call in calls]

    with ThreadPoolExecutor(2) as requests:
        found = list(requests.map(serve, ["one", "two"]))
    assert [["one"] * 4, ["two"] * 4] == found


def test_a_request_without_credentials_has_not_those_of_the_last_one() -> None:
    """It falls back to the environment."""
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "hush"}
    credentials = RoleCredentials(environ)
    credentials.use(context("one"))
    credentials.use(SimpleNamespace())
    assert "env" == credentials.get_credentials().get_access_key_id()
