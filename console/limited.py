"""What a request's `limit` leaves undone: that is not at its target, and can be asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.screen import counted
from handler.shell.continuation import cursor_of
from handler.shell.reading import IDS_PER_CALL

if TYPE_CHECKING:
    from handler.core.model import Request


def left_by_limit(request: Request | None, left: int, changed: int) -> str | None:
    """What the limit has left, and how to go on; None where it left nothing, as far as is known.

    Args:
        request: what was asked for; None if only its chain is known.
        left: ENIs that were read, and for which the limit had no place.
        changed: ENIs that took a place of it.
    """
    if left:
        again = "request" if request is None else "command"
        return f"--limit leaves {counted(left, 'ENI')} for another run of the same {again}"
    if request is None:
        return None
    places = cursor_of(request, "").remaining
    if places is None or changed < places or _read_at_once(request):
        return None
    return "--limit is used up, and what comes after was not looked at: run the same command again"


def _read_at_once(request: Request) -> bool:
    """Whether nothing comes after what was read; a listing ends where no place is left."""
    selector = request.selector
    named = len(selector.network_interface_ids or selector.instance_ids)
    return 0 < named <= IDS_PER_CALL
