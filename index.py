"""What Function Compute calls: `initialize`, `handler` and `pre_stop`. Only wiring."""

from __future__ import annotations

import os
import sys

from handler.cloud.deferred import deferred_imports

with deferred_imports():
    from handler.core.errors import StaleCredentials
    from handler.shell.app import App

_app: App | None = None


def initialize(context: object) -> None:
    """Read the settings, build the clients and connect, once per function instance.

    Raises:
        BadSettings: naming every environment variable that cannot be used.
    """
    _instance().warm_up(context)


def handler(event: bytes, context: object) -> dict[str, object]:
    """Work on one event.

    Args:
        event: what a trigger delivers, or a manual request (README).
        context: the runtime's.

    Raises:
        Retryable: something is undecided; the event must be delivered again.
        SystemExit: this process's credentials have expired; a fresh one gets new ones.
    """
    try:
        return _instance().handle(event, context)
    except StaleCredentials as stale:
        sys.stdout.flush()
        raise SystemExit(f"ending this instance: {stale}") from None


def pre_stop(_context: object) -> None:
    """End the threads before the instance is frozen for good."""
    global _app  # noqa: PLW0603  (the one thing that an instance keeps)
    if _app is not None:
        _app.close()
        _app = None


def _instance() -> App:
    global _app  # noqa: PLW0603  (the one thing that an instance keeps)
    if _app is None:
        _app = App.from_environ(os.environ)
    return _app
