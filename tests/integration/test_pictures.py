"""The pictures of the documentation are what the project makes now: made again, and compared."""

from __future__ import annotations

import re
import struct
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from tests.demo import WRITE
from tests.pictures import page, sequence, terminal
from tests.pictures.__main__ import DIGEST, FOLDER, README, ROOT, TERMINAL, between, block

if TYPE_CHECKING:
    from pathlib import Path

STALE = "it is stale; run: make pictures"
LARGEST = 200_000
# Of text that is read (WCAG 2.2, AA).
CONTRAST = 4.5


def test_the_sequence_is_what_the_function_does() -> None:
    """The calls in the README are those in the journal of the local cloud."""
    shown = between(README.read_text(encoding="utf-8"))
    assert block(sequence.drawn()) == shown, f"README.md, the sequence: {STALE}"


def test_asking_guests_changes_no_call() -> None:
    """What stands under `opt` is all that `GUEST_PORT` adds to `make run`."""
    with_guests = [
        [call for call in part.calls if call.to != sequence.GUESTS]
        for part in sequence.played(**sequence.ASKED)
    ]
    plain = [part.calls for part in sequence.played()]
    assert plain == with_guests
    assert {WRITE} == {call.name for call in plain[1] if call.eni}


def test_nothing_is_left_out_of_the_sequence() -> None:
    """Every operation that was called stands in the picture, in the order of the calls."""
    calls = [call.name for part in sequence.played(**sequence.ASKED) for call in part.calls]
    lines = [line for line in sequence.drawn().splitlines() if "F->>" in line]
    shown = [
        re.sub(r" (CONTINUE|ABANDON)$|, once$", "", name)
        for line in lines
        for name in line.partition(": ")[2].split("<br/>")
    ]
    named = [name for name in shown if not name.startswith("once for each")]
    assert [name for name, _ in groupby(calls)] == [name for name, _ in groupby(named)]


def test_the_terminal_is_what_the_command_prints() -> None:
    """Letter by letter."""
    name = TERMINAL.relative_to(ROOT)
    assert terminal.drawn() == TERMINAL.read_text(encoding="utf-8"), f"{name}: {STALE}"


def test_the_terminal_loads_nothing() -> None:
    """No font, no script and no image from elsewhere; the one URL is the name of the format."""
    svg = TERMINAL.read_text(encoding="utf-8")
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\s\"')]+", svg))
    assert [] == re.findall(r"@font-face|@import|<script|<image|href=", svg)


def test_the_terminal_can_be_read() -> None:
    """Each colour of text on the window's own background, so on a light page as on a dark one."""
    svg = TERMINAL.read_text(encoding="utf-8")
    colours = set(re.findall(r"\{ fill: (#[0-9a-f]{6})", svg))
    back = "#{:02x}{:02x}{:02x}".format(*terminal.BACKGROUND)
    assert f'<rect fill="{back}"' in svg
    assert [] == [each for each in colours if _contrast(each, back) < CONTRAST]
    assert len(colours) > 2


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_light(one), _light(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _light(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_fleet_page_is_that_of_its_pictures() -> None:
    """By the digest beside them, because pixels differ from browser to browser."""
    name = DIGEST.relative_to(ROOT)
    assert page.digest(page.page()) == DIGEST.read_text(encoding="utf-8").strip(), (
        f"{name}, and the pictures beside it: {STALE}"
    )


@pytest.mark.parametrize("scheme", page.SCHEMES)
def test_pictures_of_the_fleet_page_are_small(scheme: str) -> None:
    """As wide as a screen, and not heavy."""
    picture = (FOLDER / f"fleet-{scheme}.png").read_bytes()
    assert b"\x89PNG\r\n\x1a\n" == picture[:8]
    width, height = struct.unpack(">II", picture[16:24])
    assert (page.WIDTH, True) == (width, height > page.HEIGHT)
    assert len(picture) < LARGEST


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_pictures_name_nothing_of_this_machine(path: Path) -> None:
    """Neither a folder of it, nor a port, nor its name stands in what is published."""
    assert path in {TERMINAL, DIGEST, *(FOLDER / f"fleet-{each}.png" for each in page.SCHEMES)}
    text = between(README.read_text(encoding="utf-8")) + TERMINAL.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert [] == re.findall(r"127\.0\.0\.1|localhost|/home/|/tmp/", text)
