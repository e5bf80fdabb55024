"""The cursor of a chain and the request that carries it: what goes out is what comes in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.errors import Retryable
from handler.core.model import CURSOR_VERSION, Request, Selector
from handler.core.target import parse_target
from handler.core.value import replace
from handler.events import parse
from handler.shell.continuation import MAX_PAYLOAD, Cursor, cursor_of, payload_for
from tests.unit.builders import TARGETS, addresses, cidrs, names, prefix_count, prefixes, request

ENIS = tuple(f"eni-{letter}" for letter in "abcdef")
SELECTORS = st.sampled_from(
    [
        Selector(everything=True),
        Selector(vswitch_id="vsw-a"),
        Selector(scaling_group_id="asg-a"),
        Selector(tags=(("env", ""), ("team", "batch"))),
        Selector(instance_ids=("i-a", "i-b", "i-c")),
        Selector(network_interface_ids=ENIS),
    ]
)
PRINTED = st.characters(min_codepoint=32, max_codepoint=126)
CURSORS = st.builds(
    Cursor,
    chain=st.text(PRINTED, min_size=1, max_size=200),
    hop=st.integers(1, 10_000),
    remaining=st.none() | st.integers(0, 10**6),
    page=st.none() | st.text(PRINTED, max_size=300),
)


def read(payload: bytes) -> Request:
    """The request that the next invocation gets."""
    found = parse(payload, home_region="cn-hangzhou")
    assert isinstance(found, Request)
    return found


@given(
    SELECTORS,
    CURSORS,
    st.sampled_from([None, *TARGETS]),
    st.none() | st.integers(1, 10**6),
    st.booleans(),
    st.booleans(),
)
def test_next_invocation_gets_the_same_request(
    selector: Selector,
    cursor: Cursor,
    target: str | None,
    limit: int | None,
    dry: bool,
    ask_guests: bool,
) -> None:
    """Selector, target, limit, dry run and the guests stay; the cursor is read as it was written.

    A chain has not more left to change than it began with.
    """
    remaining = limit if cursor.remaining is None else min(cursor.remaining, limit or 0)
    cursor = replace(cursor, remaining=None if limit is None else remaining)
    given = request(
        selector=selector,
        scaling_group_id=selector.scaling_group_id,
        target=parse_target(target) if target else None,
        limit=limit,
        dry_run=dry,
        ask_guests=ask_guests,
    )
    found = read(payload_for(given, cursor))
    assert given == replace(found, cursor=None)
    assert cursor == cursor_of(found, "another invocation")


def test_finished_ids_and_their_wants_are_left_out() -> None:
    """Ids are worked on in the order of their letters; what stands up to `after` is finished."""
    wants = {
        "eni-b": names(*addresses(2)),
        "eni-c": names(*addresses(3)),
        "eni-d": cidrs(*prefixes(2)),
        "eni-e": prefix_count(4),
    }
    given = request(selector=Selector(network_interface_ids=ENIS[::-1]), wants=wants)
    found = read(payload_for(given, Cursor("chain", 1, after="eni-b")))
    assert ("eni-c", "eni-d", "eni-e", "eni-f") == found.selector.network_interface_ids
    assert {name: ask for name, ask in wants.items() if name != "eni-b"} == found.wants


FOREIGN: list[Any] = [
    None,
    {},
    {"version": CURSOR_VERSION + 1, "chain": "abc", "hop": 3},
    {"version": CURSOR_VERSION, "hop": 3},
    {"version": CURSOR_VERSION, "chain": "abc"},
    {"version": CURSOR_VERSION, "chain": 7, "hop": "3"},
]


@pytest.mark.parametrize("cursor", FOREIGN)
def test_cursor_that_nobody_here_wrote_begins_anew(cursor: Any) -> None:
    """The work is idempotent: beginning anew under an id of its own costs reads only."""
    assert Cursor("req-1", remaining=5) == cursor_of(request(cursor=cursor, limit=5), "req-1")


@pytest.mark.parametrize("remaining", [None, "x", True, 7])
def test_cursor_does_not_raise_a_limit(remaining: object) -> None:
    """Whoever writes a cursor by hand: the limit of the request holds."""
    cursor = {"version": CURSOR_VERSION, "chain": "abc", "hop": 3, "remaining": remaining}
    assert 5 == cursor_of(request(cursor=cursor, limit=5), "req-1").remaining


def test_task_id_takes_only_what_function_compute_takes() -> None:
    """Letters, digits, `_` and `-`, at most 128 of them, whatever the first request was called."""
    assert "bf_1-5f_a_b__12" == Cursor("1-5f/a:b.", 12).task_id
    assert len(Cursor("x" * 500, 99_999).task_id) <= 128


@pytest.mark.parametrize(
    ("selector", "done"),
    [
        (Selector(instance_ids=tuple(f"i-{n:020}" for n in range(4_000))), 100),
        (Selector(network_interface_ids=tuple(f"eni-{n:020}" for n in range(4_000))), 400),
    ],
)
def test_as_many_ids_as_a_request_takes_fit_into_a_hand_over(selector: Selector, done: int) -> None:
    """4 000 ids of the usual length, as soon as the first few hundred are finished."""
    given, ids = request(selector=selector), selector.instance_ids + selector.network_interface_ids
    assert len(payload_for(given, Cursor("chain", 1, after=ids[done - 1]))) <= MAX_PAYLOAD
    with pytest.raises(Retryable):
        payload_for(given, Cursor("chain", 1))
