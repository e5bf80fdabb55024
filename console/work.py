"""A plan or a backfill, watched from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.attend import attended
from console.exits import Exit
from console.limited import left_by_limit
from console.nothing import nothing_done
from console.progress import Progress
from console.session import Session
from console.views import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.calls import Granted
    from console.manual import ManualRequest
    from console.session import Ended, Hear
    from handler.shell.log import Record


@dataclass(frozen=True)
class RunResult:
    """What was asked, what came of it, and what the records say.

    Attributes:
        stopped: whether Ctrl-C was pressed, perhaps too late to leave anything undone.
        planned: what a plan of it had come to, if there was one.
    """

    asked: ManualRequest
    progress: Progress
    ended: Ended
    stopped: bool = False
    planned: Progress | None = None

    @property
    def exit(self) -> Exit:
        """What it means to a shell."""
        if self.ended.unsigned:
            return Exit.BAD_REQUEST
        found = self.progress.exit(self.ended)
        if found is Exit.AT_TARGET and self.nothing:
            return Exit.BAD_REQUEST
        return Exit.SHORT if found is Exit.AT_TARGET and self.limited else found

    @property
    def limited(self) -> str | None:
        """What the request's limit left, of a run that was not stopped or refused."""
        if self.ended.refused or self.ended.rest:
            return None
        return left_by_limit(self.asked.request, self.progress.limited, self.progress.served)

    @property
    def nothing(self) -> str | None:
        """Why nothing was done, where that is so and nothing failed."""
        if self.ended.failure or self.ended.refused or self.ended.rest:
            return None
        return nothing_done(self.asked.request, self.progress.met)


def planned(
    asked: ManualRequest,
    environ: Mapping[str, str],
    rows: int,
    *,
    written: bool = False,
    also: Hear | None = None,
) -> RunResult:
    """Work on a plan.

    Args:
        asked: the plan.
        environ: settings and credentials.
        rows: how many ENIs are kept to be shown, the worst first.
        written: its records go to standard output.
        also: hears every record, too.
    """
    progress = Progress(rows)

    def hear(record: Record) -> None:
        progress.hear(record)
        if also is not None:
            also(record)

    session = Session(environ, hear, written=written)
    view = View(f"plan in {asked.request.region}", progress, session)
    ended = attended(session, asked.payload, view)
    return RunResult(asked, progress, ended, session.stop.is_set())


def backfilled(
    asked: ManualRequest,
    environ: Mapping[str, str],
    rows: int,
    plan: RunResult | None,
    *,
    written: bool = False,
    granted: Granted | None = None,
) -> RunResult:
    """Work on a backfill; a plan of it, if there is one, tells how much there is to do.

    Args:
        asked: the request.
        environ: settings and credentials.
        rows: how many ENIs are kept to be shown, the worst first.
        plan: what there is to do, if that is known.
        written: its records go to standard output.
        granted: counts the calls that assign; it has listened since before the plan.
    """
    progress = Progress(rows)
    session = Session(environ, progress.hear, written=written)
    found = plan.progress if plan else None
    total = found.writes if found else None
    view = View(f"backfill in {asked.request.region}", progress, session, total, granted)
    ended = attended(session, asked.payload, view)
    return RunResult(asked, progress, ended, session.stop.is_set(), found)
