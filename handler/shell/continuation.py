"""How a backfill that outlasts one invocation goes on in the next: a cursor, and what carries it.

The work is idempotent, so a cursor is only a hint where to begin: one of an unknown version, or a
page that is no longer there, means beginning again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handler.core.errors import Retryable
from handler.core.model import CURSOR_NUMBERS, CURSOR_TEXTS, CURSOR_VERSION, AskKind
from handler.core.value import Value, fields_of, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.core.model import Ask, Request, Selector

# An asynchronous invocation takes 128 KB (Function Compute limits); some of it stays free.
MAX_PAYLOAD = 100_000


class Cursor(Value):
    """Where a chain of invocations stands.

    Attributes:
        chain: the first invocation's request id; in an array of events, with a number.
        hop: hand-overs so far.
        remaining: how many more ENIs may be changed; None without a limit.
        page: the token of the page to begin with; None for the first one.
        after: the last id of a sorted list that is finished; None for none.
    """

    chain: str
    hop: int = 0
    remaining: int | None = None
    page: str | None = None
    after: str | None = None

    @property
    def task_id(self) -> str:
        """The task id of the hand-over that leads to this hop; `[A-Za-z_][A-Za-z0-9_-]{0,127}`."""
        return f"bf_{re.sub('[^A-Za-z0-9_-]', '_', self.chain)[:100]}_{self.hop}"

    def next_hop(self, page: str | None, after: str | None, changed: int) -> Cursor:
        """The cursor for the next invocation."""
        remaining = None if self.remaining is None else self.remaining - changed
        return Cursor(self.chain, self.hop + 1, remaining, page, after)


def cursor_of(request: Request, chain_id: str) -> Cursor:
    """Where this invocation begins.

    Args:
        request: whose cursor is read.
        chain_id: of the chain that it begins, if it begins one.
    """
    fresh = Cursor(chain_id, remaining=request.limit)
    found = request.cursor
    if not found or found.get("version") != CURSOR_VERSION:
        return fresh
    chain, hop = found.get("chain"), found.get("hop")
    if not isinstance(chain, str) or not isinstance(hop, int):
        return fresh
    limits = (request.limit, _whole(found.get("remaining")))
    return Cursor(
        chain,
        hop,
        min((each for each in limits if each is not None), default=None),
        _text(found.get("page")),
        _text(found.get("after")),
    )


def cursor_shown(cursor: Mapping[str, object]) -> dict[str, object] | None:
    """A cursor as this version wrote it, for a record: without what others have put in."""
    if cursor.get("version") != CURSOR_VERSION:
        return None
    kept = ("version", *CURSOR_TEXTS, *CURSOR_NUMBERS)
    return {key: cursor[key] for key in kept if key in cursor}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def payload_for(request: Request, cursor: Cursor) -> bytes:
    """The manual request that goes on where this invocation stops.

    Raises:
        Retryable: it is larger than an asynchronous invocation takes.
    """
    selector = replace(
        request.selector,
        instance_ids=_rest(request.selector.instance_ids, cursor),
        network_interface_ids=_rest(request.selector.network_interface_ids, cursor),
    )
    body = {
        "region": request.region,
        **_selector(selector),
        **_wants(request.wants, selector),
        "target": request.target.text if request.target else None,
        "limit": request.limit,
        "ask_guests": request.ask_guests or None,
        "cursor": {"version": CURSOR_VERSION, **fields_of(cursor)},
    }
    kind = "plan" if request.dry_run else "backfill"
    given = {name: value for name, value in body.items() if value is not None}
    payload = json.dumps({kind: given}, separators=(",", ":")).encode()
    if len(payload) > MAX_PAYLOAD:
        found = f"{kind}: {len(payload)} bytes are left to do; allowed: {MAX_PAYLOAD}"
        raise Retryable(
            f"{found} in a hand-over. Ask again, as what is done stays done, or by parts"
        )
    return payload


def _rest(ids: tuple[str, ...], cursor: Cursor) -> tuple[str, ...]:
    """The ids of a list that come after the finished ones, in the order they are worked on."""
    return tuple(each for each in sorted(ids) if cursor.after is None or each > cursor.after)


def _selector(selector: Selector) -> dict[str, object]:
    return {
        "instance_ids": list(selector.instance_ids) or None,
        "network_interface_ids": list(selector.network_interface_ids) or None,
        "scaling_group_id": selector.scaling_group_id,
        "vswitch_id": selector.vswitch_id,
        "tags": dict(selector.tags) or None,
        "all": selector.everything or None,
    }


_FIELDS = {
    AskKind.ADDRESSES: "private_ip_addresses",
    AskKind.PREFIXES: "ipv4_prefixes",
    AskKind.PREFIX_COUNT: "ipv4_prefix_count",
}


def _wants(wants: Mapping[str, Ask], selector: Selector) -> dict[str, object]:
    """The explicit wants of the ENIs that are left, under the names of a manual request."""
    found: dict[str, dict[str, object]] = {}
    for eni_id in selector.network_interface_ids:
        if (ask := wants.get(eni_id)) is not None:
            found.setdefault(_FIELDS[ask.kind], {})[eni_id] = list(ask.values) or ask.count
    return dict(found)
