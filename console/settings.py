"""The settings in force, and where they come from: this terminal, or the deployed function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console import screen
from handler.core.settings import read_settings

# How the services are reached, and what is shown: that depends on where the command runs.
OWN = frozenset(
    {"ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT", "FUNCTIONS_ENDPOINT"}
    | {"ENDPOINT_NETWORK", "LOG_LEVEL"}
)
TERMINAL = "the environment of this terminal"
LOCAL = "the made-up function of --local and this terminal"
LONGEST = 200  # characters of one value, as it is shown
_NONE = "none is set there, so all have their defaults"
_NO_TARGET = (
    "Targets then come only from --target and from tags; --function NAME takes the settings of the "
    "deployed function."
)


class _Names(Mapping[str, str]):
    """An empty environment that notes which variables are looked for."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.found.append(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def setting_names() -> tuple[str, ...]:
    """The variables that the function reads, in the order in which it does."""
    names = _Names()
    read_settings(names)
    return tuple(names.found)


@dataclass(frozen=True)
class InForce:
    """The environment that a plan or a backfill works in.

    Attributes:
        environ: settings, credentials and region.
        source: where the settings come from, in words.
    """

    environ: Mapping[str, str]
    source: str

    @property
    def values(self) -> dict[str, str]:
        """The settings that are set, without those about how services are reached."""
        names = [name for name in setting_names() if name not in OWN]
        return {name: self.environ[name] for name in names if self.environ.get(name)}

    def show(self, *, as_json: bool) -> None:
        """Say what is in force, before anything is done."""
        values = self.values
        if as_json:
            screen.json_line(record_type="settings", source=self.source, settings=values)
        say(self.source, values)
        if not any(name.startswith("TARGET_") for name in values):
            screen.note(_NO_TARGET)


def say(source: str, values: Mapping[str, str]) -> None:
    """One line about the settings in force, beside the result."""
    listed = ", ".join(f"{name}={_short(value)}" for name, value in values.items())
    screen.note(f"settings from {source}: {listed or _NONE}")


def deployed_with(
    environ: Mapping[str, str], variables: Mapping[str, str], function: str
) -> InForce:
    """The settings of a function, with the credentials and endpoints of this terminal.

    Args:
        environ: of this terminal.
        variables: what the function is deployed with.
        function: its name, in words.
    """
    theirs = set(setting_names()) - OWN
    ours = {name: value for name, value in environ.items() if name not in theirs}
    taken = {name: value for name, value in variables.items() if name in theirs}
    return InForce(ours | taken, function)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 3] + "..."
