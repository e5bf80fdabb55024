"""What `redeliver` says, and what its ends mean to a shell."""

from __future__ import annotations

import pytest
from rich.console import Console

from console.exits import Exit
from console.manual import BadRequest
from console.redeliver.command import exit_of, table_of, url_of
from console.redeliver.delivery import End, Row
from console.redeliver.records import FailedEvent
from handler.cloud.ports import Place


def rows(*ends: End) -> list[Row]:
    """Events with these ends."""
    return [Row(FailedEvent(f"M-{number}", ""), end) for number, end in enumerate(ends)]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([], Exit.AT_TARGET),
        ([End.SETTLED, End.SETTLED], Exit.AT_TARGET),
        ([End.WOULD_DELIVER], Exit.AT_TARGET),
        ([End.SETTLED, End.HOPELESS], Exit.SHORT),
        ([End.FAILED_AGAIN, End.SETTLED], Exit.SHORT),
        ([End.UNKNOWN, End.HOPELESS, End.SETTLED], Exit.FAILED),
    ],
)
def test_worst_end_decides(ends: list[End], expected: Exit) -> None:
    """0: nothing stays; 3: something stays for a person; 1: an end is not known."""
    assert expected == exit_of(rows(*ends))


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("public", "https://1690700000000030.mns.cn-hangzhou.aliyuncs.com"),
        ("vpc", "https://1690700000000030.mns.cn-hangzhou-internal.aliyuncs.com"),
    ],
)
def test_host_is_the_accounts_in_the_region(network: str, expected: str) -> None:
    """Over HTTPS, in either network."""
    assert expected == url_of("cn-hangzhou", Place("1690700000000030", "f"), network)


def test_host_needs_the_account() -> None:
    """Its id stands in the name."""
    with pytest.raises(BadRequest, match=r"--account: not given; allowed: "):
        url_of("cn-hangzhou", Place("", "f"), "public")


def test_what_others_wrote_is_shown_as_it_is() -> None:
    """Neither markup nor what a terminal obeys, in any column, at 80 columns."""
    odd = FailedEvent("M", "[b]w\x1b", "[i]e\x1b", "[u]y\x1b")
    screen = Console(width=80, force_terminal=False)
    with screen.capture() as shown:
        screen.print(table_of([Row(odd, End.HOPELESS, reason="[s]r\x1b")]))
    text = shown.get()
    assert [True] * 4 == [part in text for part in ("[b]w?", "[i]e?", "[u]y?", "[s]r?")]
    assert 80 >= max(map(len, text.splitlines()))
