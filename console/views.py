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

    from console.calls import Granted
    from console.progress import Progress
    from console.session import Session

BAR = 30
_STOPPING = "stopping: calls in flight are finished and confirmed; Ctrl-C again ends at once"


@dataclass(frozen=True)
class Pace:
    """How fast a backfill goes, and how long the rest will take. A value of a moment.

    Attributes:
        done: ENIs that got what they were to get.
        total: ENIs to do in all; None when nobody knows.
        before: how many were done when each throttling window began, the current one included.
        minute: the length of such a window, seconds.
        allowed: writes that may be made in one.
    """

    done: int
    total: int | None
    before: tuple[int, ...]
    minute: float
    allowed: int

    @property
    def rate(self) -> float:
        """ENIs a minute of 60 s: of the windows that are over; in the first, what is allowed.

        The first window had begun before the work did: it counts only while no other is over.
        """
        over = self.before[1:] if len(self.before) > 2 else self.before
        windows = len(over) - 1
        finished = over[-1] - over[0]
        reached = finished / windows / self.minute * 60 if finished else self.allowed_rate
        return min(reached, self.allowed_rate)  # a moment is drawn a little late

    @property
    def allowed_rate(self) -> float:
        """The most that there may be."""
        return self.allowed / self.minute * 60

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at this pace."""
        if self.total is None:
            return None
        return max(0, self.total - self.done) / max(self.rate, 1) * 60


@dataclass
class View:
    """A plan or a backfill that goes on.

    Attributes:
        title: such as "backfill in cn-hangzhou".
        total: how many ENIs a call will be made for; None: nobody knows, or none is.
        granted: the calls that assign; the records of their ENIs come when reads confirm them.
    """

    title: str
    progress: Progress
    session: Session
    total: int | None = None
    granted: Granted | None = None
    _windows: dict[int, int] = field(default_factory=dict)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the moment."""
        pace = self.pace(time.time())
        yield self._first_line(pace, "line" if options.ascii_only else "dots")
        yield Text(f"  {self._sums(pace)}")
        if self.session.stop.is_set():
            yield Text(_STOPPING, style="yellow")

    def pace(self, now: float) -> Pace:
        """How fast it goes by now, epoch seconds; windows begin at multiples of their length."""
        session, done = self.session, max(self.progress.served, self._granted)
        minute = session.settings.minute_seconds
        current = int(now // minute)
        for window in range(max(self._windows, default=current - 1) + 1, current + 1):
            self._windows[window] = done
        before = tuple(self._windows.values())
        return Pace(done, self.total, before, minute, session.allowance)

    @property
    def _granted(self) -> int:
        return self.granted.count if self.granted is not None else 0

    def _first_line(self, pace: Pace, style: str) -> Table:
        grid = Table.grid(padding=(0, 1))
        spinner, title = Spinner(style), foreign(self.title)
        spinner.start_time = 0.0  # it turns by the clock, though each drawing has a new one
        if pace.total:
            bar = ProgressBar(pace.total, pace.done, width=BAR)
            grid.add_row(spinner, title, bar, f"{min(pace.done, pace.total)}/{pace.total} ENIs")
        else:
            grid.add_row(spinner, title)
        return grid

    def _sums(self, pace: Pace) -> str:
        progress = self.progress
        said = counted(progress.addresses, "address")
        said = f"{said} confirmed" if self.total else f"{counted(progress.enis, 'ENI')}, {said}"
        if pace.done:
            said += f", {pace.rate:.0f} of {pace.allowed_rate:.0f} ENIs/min"
        said += f", {progress.throttled} throttled" if pace.done or progress.throttled else ""
        return said + (f", {timedelta(seconds=round(pace.left))} left" if pace.left else "")
