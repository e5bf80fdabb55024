"""Source rules on a real kernel: the addresses of a second ENI answer from afar, and go on to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.guest import managers, playing
from tests.integration.guest.managers import PRIMARY
from tests.integration.guest.two_enis import ALL, PRIMARY_1, SECONDARY, SECONDARY_1, WAYS

pytestmark = pytest.mark.slow

RULES = sorted([PRIMARY_1, *SECONDARY_1])


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    """What answered when, and which rules there were."""
    reason = managers.why_not("networkd")
    found = playing.play("two_enis", why_not=reason, required="MANAGERS_REQUIRED")
    for way, done in found["ways"].items():
        print(f"\ntwo ENIs: {way}: {done}", end="")  # noqa: T201  (make guest shows it)
    return found


def test_without_rules_they_are_silent_from_afar(played: dict[str, Any]) -> None:
    """Although the interface holds them: answers leave by the other ENI, and are dropped."""
    assert [PRIMARY, SECONDARY, PRIMARY_1] == played["before"]


def test_with_the_program_all_answer(played: dict[str, Any]) -> None:
    """The rules of the primary address of their ENI are copied."""
    assert ALL == played["after"]


@pytest.mark.parametrize("way", WAYS)
def test_rules_that_networkd_takes_come_back(played: dict[str, Any], way: str) -> None:
    """It takes away those that it does not know, whatever it is made to do."""
    done = played["ways"][way]
    assert (RULES, ALL) == (done["rules"], done["heard"])


def test_networkd_takes_rules_away(played: dict[str, Any]) -> None:
    """All of them or none, so that the test above is about something; the page says when."""
    lost = {way: done["lost"] for way, done in played["ways"].items()}
    assert dict(zip(WAYS, ([*SECONDARY_1], [*SECONDARY_1], []), strict=True)) == lost


def test_rule_of_an_address_that_is_gone_goes(played: dict[str, Any]) -> None:
    """The others stay, and so does the administrator's."""
    assert sorted([PRIMARY_1, SECONDARY_1[0]]) == played["left"]
