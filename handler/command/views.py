"""What moves on the screen while a run goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from handler.command.progress import Progress
    from handler.command.session import Session

BAR = 30
_STOPPING = "stopping: calls in flight are finished and confirmed; Ctrl-C again ends at once"


@dataclass
class Pace:
    """How fast writes go, and how long the rest will take. A value of a moment.

    Attributes:
        done: writes so far.
        total: writes in all; None when nobody knows.
        seconds: since the beginning.
        minute: the length of a throttling window, seconds.
        allowed: writes that may be made in one.
    """

    done: int
    total: int | None
    seconds: float
    minute: float
    allowed: int

    @property
    def rate(self) -> float:
        """Writes a minute of 60 s; the first window counts as a whole one."""
        return self.done / max(self.seconds, self.minute) * 60

    @property
    def allowed_rate(self) -> float:
        """The most that there may be."""
        return self.allowed / self.minute * 60

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at the allowed rate, or at the slower one of so far."""
        if self.total is None:
            return None
        full_windows = self.seconds > self.minute
        rate = min(self.rate, self.allowed_rate) if full_windows else self.allowed_rate
        return max(0, self.total - self.done) / max(rate, 1) * 60


@dataclass
class View:
    """A plan or a backfill that goes on.

    Attributes:
        title: such as "backfill in cn-hangzhou".
        total_enis: how many will be recorded; None: not known.
        total_writes: how many calls will assign; None: not known.
        writes: whether writes are made at all.
    """

    title: str
    progress: Progress
    session: Session
    total_enis: int | None = None
    total_writes: int | None = None
    writes: bool = True
    _began: float = field(default_factory=time.monotonic)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the moment."""
        style = "line" if options.ascii_only else "dots"
        yield Group(self._first_line(Spinner(style)), self._second_line())
        if self.session.stop.is_set():
            yield Text(_STOPPING, style="yellow")

    def _first_line(self, spinner: Spinner) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        spinner.start_time = self._began
        if self.total_enis is None:
            grid.add_row(spinner, self.title, Text(f"{self.progress.enis} ENIs"))
            return grid
        bar = ProgressBar(self.total_enis, self.progress.enis, width=BAR)
        grid.add_row(spinner, self.title, bar, f"{self.progress.enis}/{self.total_enis} ENIs")
        return grid

    def _second_line(self) -> Text:
        progress = self.progress
        if not self.writes:
            return Text(f"  would assign {progress.addresses} addresses")
        pace = self.pace(time.monotonic() - self._began)
        left = "" if pace.left is None else f", {timedelta(seconds=round(pace.left))} left"
        return Text(
            f"  {progress.addresses} addresses, {pace.rate:.0f} of {pace.allowed_rate:.0f}"
            f" writes/min, {progress.throttled} throttled{left}"
        )

    def pace(self, seconds: float) -> Pace:
        """How fast it goes, so long after the beginning."""
        settings = self.session.settings
        allowed = max(1, int(settings.assign_per_minute * settings.backfill_share))
        done, minute = self.progress.writes, settings.minute_seconds
        return Pace(done, self.total_writes, seconds, minute, allowed)
