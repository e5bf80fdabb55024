"""What the command's exit status means; docs/command.md has the same table."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of every subcommand."""

    AT_TARGET = 0
    FAILED = 1
    BAD_REQUEST = 2
    SHORT = 3
    DECLINED = 4
    UNKNOWN = 5
    STOPPED = 130

    @property
    def meaning(self) -> str:
        """One line, for --help and docs/command.md."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.AT_TARGET: "every ENI is, or would be, at its target",
    Exit.FAILED: "something failed or stayed undecided; nothing is lost, ask again",
    Exit.BAD_REQUEST: "nothing was done: nothing matched, or what was asked for cannot be used",
    Exit.SHORT: "some ENIs stay short: too little room or quota, or left by --limit",
    Exit.DECLINED: "the answer to the question was no; nothing was done",
    Exit.UNKNOWN: "how ENIs ended or will end is not known here, but in the function's log",
    Exit.STOPPED: "stopped by Ctrl-C; the printed command goes on, or the same command again",
}


class GivenUp(Exception):
    """The command cannot go on; the text says why, and what to do."""

    def __init__(self, status: Exit, text: str) -> None:
        super().__init__(text)
        self.status = status
