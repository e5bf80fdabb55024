"""What moves on the screen while a run goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from console.screen import counted, foreign

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from console.progress import Progress
    from console.session import Session

BAR = 30
# From this many windows on, what was reached says more than what is allowed.
STEADY = 3
_STOPPING = "stopping: calls in flight are finished and confirmed; Ctrl-C again ends at once"


@dataclass(frozen=True)
class Pace:
    """How fast writes go, and how long the rest will take. A value of a moment.

    Attributes:
        done: writes so far.
        total: writes in all; None when nobody knows.
        windows: throttling windows that the work has seen, the first and the current included.
        minute: the length of such a window, seconds.
        allowed: writes that may be made in one.
    """

    done: int
    total: int | None
    windows: int
    minute: float
    allowed: int

    @property
    def rate(self) -> float:
        """Writes a minute of 60 s; a window that has only begun counts as a whole one."""
        return self.done / self.windows / self.minute * 60

    @property
    def allowed_rate(self) -> float:
        """The most that there may be."""
        return self.allowed / self.minute * 60

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at the rate so far; in the beginning, at the allowed one."""
        if self.total is None:
            return None
        rate = self.rate if self.windows > STEADY else self.allowed_rate
        return max(0, self.total - self.done) / max(rate, 1) * 60


@dataclass
class View:
    """A plan or a backfill that goes on.

    Attributes:
        title: such as "backfill in cn-hangzhou".
        total: how many calls will assign; None: nobody knows, or none will.
    """

    title: str
    progress: Progress
    session: Session
    total: int | None = None
    _began: float = field(default_factory=time.time)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the moment."""
        pace = self.pace(time.time())
        yield self._first_line(pace, "line" if options.ascii_only else "dots")
        yield Text(f"  {self._sums(pace)}")
        if self.session.stop.is_set():
            yield Text(_STOPPING, style="yellow")

    def pace(self, now: float) -> Pace:
        """How fast it goes by now, epoch seconds."""
        session = self.session
        minute = session.settings.minute_seconds
        windows = int(now // minute) - int(self._began // minute) + 1
        return Pace(session.writes, self.total, windows, minute, session.allowance)

    def _first_line(self, pace: Pace, style: str) -> Table:
        grid = Table.grid(padding=(0, 1))
        spinner, title = Spinner(style), foreign(self.title)
        spinner.start_time = 0.0  # it turns by the clock, though each drawing has a new one
        if pace.total:
            bar = ProgressBar(pace.total, pace.done, width=BAR)
            grid.add_row(spinner, title, bar, f"{pace.done}/{pace.total} writes")
        else:
            grid.add_row(spinner, title)
        return grid

    def _sums(self, pace: Pace) -> str:
        progress = self.progress
        said = f"{counted(progress.enis, 'ENI')}, {counted(progress.addresses, 'address')}"
        if pace.done:
            said += f", {pace.rate:.0f} of {pace.allowed_rate:.0f} writes/min"
        said += f", {progress.throttled} throttled" if pace.done or progress.throttled else ""
        return said + (f", {timedelta(seconds=round(pace.left))} left" if pace.left else "")
