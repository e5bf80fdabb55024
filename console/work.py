"""A plan or a backfill, watched from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.attend import attended
from console.progress import Progress
from console.session import Session
from console.views import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.asked import Asked
    from console.exits import Exit
    from console.session import Ended


@dataclass(frozen=True)
class Worked:
    """What was asked, what came of it, and what the records say.

    Attributes:
        stopped: whether Ctrl-C was pressed, perhaps too late to leave anything undone.
    """

    asked: Asked
    progress: Progress
    ended: Ended
    stopped: bool = False

    @property
    def exit(self) -> Exit:
        """What it means to a shell."""
        return self.progress.exit(self.ended)


def planned(
    asked: Asked, environ: Mapping[str, str], rows: int, *, written: bool = False
) -> Worked:
    """Work on a plan; `written`: its records go to standard output."""
    progress = Progress(rows)
    session = Session(environ, progress.hear, written=written)
    view = View(f"plan in {asked.request.region}", progress, session)
    ended = attended(session, asked.payload, view)
    return Worked(asked, progress, ended, session.stop.is_set())


def backfilled(
    asked: Asked,
    environ: Mapping[str, str],
    rows: int,
    plan: Worked | None,
    *,
    written: bool = False,
) -> Worked:
    """Work on a backfill; a plan of it, if there is one, tells how much there is to do."""
    progress = Progress(rows)
    session = Session(environ, progress.hear, written=written)
    total = plan.progress.writes if plan else None
    view = View(f"backfill in {asked.request.region}", progress, session, total)
    ended = attended(session, asked.payload, view)
    return Worked(asked, progress, ended, session.stop.is_set())
