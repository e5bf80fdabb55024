"""Numbers on the command line: the bounds count, and a refusal says what was found and allowed."""

from __future__ import annotations

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from console.main import app
from console.numbers import seconds, whole

OPTIONS = [
    f"{name} {option.opts[0]}"
    for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
    for option in command.params
    if option.metavar in {"N", "SECONDS", "DAYS"}
]


@pytest.mark.parametrize("given", ["1", 5, "5"])
def test_whole_number_within_its_bounds(given: object) -> None:
    """Text of a command line, or a default."""
    assert int(str(given)) == whole(1, 5)(given)


@pytest.mark.parametrize("given", ["0", "6", "-1", "x", "", "1.0", "1e1", "1_0", " 1", "٣", "nan"])
def test_what_is_no_whole_number_within_its_bounds(given: str) -> None:
    """What was found and what is allowed."""
    with pytest.raises(typer.BadParameter) as refused:
        whole(1, 5)(given)
    assert f"found {given!r}; allowed: a whole number, 1 to 5" == refused.value.message


def test_whole_number_without_an_upper_bound() -> None:
    """As large as anybody writes, and no larger."""
    assert 10**17 == whole(0)(f"1{17 * '0'}")
    with pytest.raises(typer.BadParameter, match="a whole number, 0 or more"):
        whole(0)(5000 * "9")


@pytest.mark.parametrize(("given", "value"), [("0.05", 0.05), ("2", 2.0), (604800.0, 604800.0)])
def test_seconds_within_their_bounds(given: object, value: float) -> None:
    """With or without decimals."""
    assert value == seconds(0.05, 604800)(given)


@pytest.mark.parametrize("given", ["0.04", "604801", "nan", "inf", "-1", "2s", "1e3", ""])
def test_what_are_no_seconds_within_their_bounds(given: str) -> None:
    """NaN is smaller and larger than nothing, and refused all the same."""
    with pytest.raises(typer.BadParameter) as refused:
        seconds(0.05, 604800)(given)
    assert f"found {given!r}; allowed: seconds, 0.05 to 604800" == refused.value.message


def test_numbers_of_all_commands_are_found() -> None:
    """So that the next test is about something."""
    assert {"plan", "backfill", "invoke", "redeliver", "setup", "doctor", "report"} == {
        name.split()[0] for name in OPTIONS
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_every_number_is_refused_in_the_same_words(name: str) -> None:
    """No option leaves it to the library, whose words say neither."""
    done = CliRunner().invoke(app, [*name.split(), "x"], env={"TERMINAL_WIDTH": "200"})
    assert (2, True) == (done.exit_code, "found 'x'; allowed: " in done.output), done.output
