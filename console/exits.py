"""What the command's exit status means; README has the same table."""

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
        """One line, for --help and README."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.AT_TARGET: "every ENI is, or would be, at its target",
    Exit.FAILED: "something failed or stayed undecided; nothing is lost, ask again",
    Exit.BAD_REQUEST: "the request or a setting cannot be used; nothing was done",
    Exit.SHORT: "some ENIs stay short of their target, for lack of room or quota",
    Exit.DECLINED: "the answer to the question was no; nothing was done",
    Exit.UNKNOWN: "the function does not tell here how every ENI ended or will; its log does",
    Exit.STOPPED: "stopped by Ctrl-C; the printed command goes on, or else the same one",
}
