"""Clients that nobody here wrote are answered alike, and as the scenario says."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.clients.client import CLIENTS
from tests.integration.clients.conftest import REGION, reset, target
from tests.integration.clients.scenario import differences, load_steps, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.clients.client import Client, Target
    from tests.integration.clients.scenario import Entry

STEPS = load_steps()
GIVEN = {"region": REGION, "eni": "eni-busy", "run": "clients"}

Transcript = tuple["Entry", ...]


@pytest.fixture(scope="module")
def transcript_of(
    server: str, connect: Callable[[str, Target], Client]
) -> Callable[[str], Transcript]:
    """Plays the scenario with a client, from the beginning of the world, once."""

    @cache
    def transcript(name: str) -> Transcript:
        reset(server)
        with connect(name, target(server)) as client:
            return tuple(play(STEPS, client.perform, GIVEN))

    return transcript


@pytest.mark.parametrize("name", CLIENTS)
def test_every_answer_is_the_one_expected(
    name: str, transcript_of: Callable[[str], Transcript]
) -> None:
    """Status, code and values are those of the scenario."""
    assert [text for entry in transcript_of(name) for text in differences(entry, local=True)] == []


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "current"])
def test_clients_are_answered_alike(name: str, transcript_of: Callable[[str], Transcript]) -> None:
    """Whole answers are the same, whoever asks and however it is signed."""
    assert said(transcript_of("current")) == said(transcript_of(name))


def said(transcript: Transcript) -> list[tuple[str, dict[str, Any]]]:
    """Return what of a transcript must not depend on the client."""
    return [(entry.step.name, entry.comparable) for entry in transcript]
