"""What is said when a run has ended: tables, sums, what went wrong, and how to go on."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console import credentials, screen
from console.exits import Exit
from console.nothing import not_shown
from console.tables import eni_table, room_table, totals
from handler.core.errors import NotPermitted
from handler.core.model import Guest, Outcome

if TYPE_CHECKING:
    from console.attend import AtOnce
    from console.manual import ManualRequest
    from console.progress import Progress
    from console.work import RunResult


# How this command is started: what is printed to be pasted begins so.
PROGRAM = ("python", "-m", "console")
_PLAN = "A plan, nothing is written. got, has and missing: as a backfill would leave it."
_GUESTS = tuple(each.value for each in Guest)
_GONE = "The local cloud ended with the command: nothing is left to resume."


def conclude(
    worked: RunResult, *, as_json: bool = False, kept: bool = True, tables: bool = True
) -> Exit:
    """Say how a run ended, for people or as the last JSON line.

    Args:
        worked: the run.
        as_json: JSON instead of tables.
        kept: whether what is left is kept for another time; a local cloud has none.
        tables: whether people are shown the rows; else only the sums, beside the result.
    """
    ended, status = worked.ended, worked.exit
    resume = saved(ended.rest, worked.asked.verb) if ended.rest and kept else None
    if as_json:
        last_line(worked, status, resume)
    elif worked.progress.enis and tables:
        show(worked)
    elif worked.progress.enis:
        screen.note(f"{totals(worked.progress)}; {_addresses(worked)}")
    _say_what_was_not_found(worked)
    if worked.limited is not None:
        screen.note(worked.limited, whole=True)
    error = _error(worked)
    if error is not None and status is not Exit.STOPPED:
        screen.error(error)
    if status is Exit.STOPPED:
        screen.note(_stopped(worked))
        if not kept:
            screen.note(_GONE)
    if resume is not None:
        go_on(resume)
    return status


def go_on(resume: str) -> None:
    """Show the command that does what is left."""
    screen.note("what is left is in a file; go on with:")
    screen.command_line(resume)


def _stopped(worked: RunResult) -> str:
    """What a stop has left, and what it has not even reached."""
    read_only = worked.asked.request.dry_run
    in_flight = "nothing was assigned" if read_only else "what was in flight is confirmed"
    done = worked.progress.enis - worked.progress.counts[Outcome.DEFERRED.value]
    if worked.planned is None:
        how = "looked at" if read_only else "done"
        enis = f"{screen.counted(done, 'ENI')} {how}"
        return f"stopped; {in_flight}; {enis}, the rest was not reached"
    left = max(0, worked.planned.enis - done)
    enis = screen.counted(worked.planned.enis, "ENI")
    return f"stopped; {in_flight}; {done} of {enis} done, {left} not reached"


def stopped_at_once(ending: AtOnce, asked: ManualRequest, *, kept: bool) -> AtOnce:
    """What is said after the second Ctrl-C: the request as a whole is left, and a way to it."""
    ending.said = "stopped at once; the next run finds whether the calls in flight were made"
    if kept:
        ending.resume = saved(asked.payload, asked.verb)
    return ending


def _say_what_was_not_found(worked: RunResult) -> None:
    """Ids that do not exist are no success in silence, though others were there."""
    missed = not_shown(worked.asked.request, worked.progress.met)
    if missed is not None and worked.nothing is None:
        screen.note(missed)


def _error(worked: RunResult) -> str | None:
    """What was refused, is undecided or came to nothing, in the words of an operator."""
    ended = worked.ended
    if ended.refused is not None or ended.failure is None:
        return ended.refused or worked.nothing
    if not isinstance(ended.failure, NotPermitted):
        return credentials.for_operators(str(ended.failure))
    if ended.unsigned:
        return credentials.no_credentials()
    return f"{credentials.for_operators(str(ended.failure))} {credentials.WHOSE}"


def show(worked: RunResult, *, stderr: bool = False) -> None:
    """The worst rows, the sums, and what vSwitches have left."""
    console, progress = screen.console(stderr=stderr), worked.progress
    rows = progress.worst()
    if rows:
        if worked.asked.request.dry_run:
            console.print(_PLAN, style="dim")
        console.print(eni_table(rows, console.width, stopped=worked.stopped))
        if left_out := progress.enis - len(rows):
            more = screen.counted(left_out, "more ENI")
            console.print(f"{more}, the worst are listed first; --rows N lists more", style="dim")
        console.print()
    if progress.rooms:
        console.print(room_table(progress))
        console.print()
    console.print(totals(progress))
    console.print(_addresses(worked))
    if progress.guests:
        console.print(_guests(progress))


def _guests(progress: Progress) -> str:
    """What the guests of those ENIs did that were asked."""
    asked = screen.counted(progress.guests.total(), "guest")
    said = [f"{progress.guests[each]} {each}" for each in _GUESTS if progress.guests[each]]
    silent = screen.counted(progress.silent, "address")
    return f"asked {asked}: {', '.join(said)}; {silent} without an answer"


def _addresses(worked: RunResult) -> str:
    progress = worked.progress
    addresses = screen.counted(progress.addresses, "address")
    what = f"{addresses} in {screen.counted(progress.writes, 'call')}"
    said = f"would assign {what}" if worked.asked.request.dry_run else f"assigned {what}"
    if progress.throttled and not worked.asked.request.dry_run:
        said += f", {progress.throttled} throttled"
    if not progress.below:
        return said
    enis = screen.counted(progress.below, "ENI")
    lacking = screen.counted(progress.missing, "address")
    return f"{said}; {enis} below target, {lacking} missing"


def last_line(worked: RunResult, status: Exit, resume: str | None = None) -> None:
    """The JSON line that tells a script how the command ended."""
    progress = worked.progress
    keys = ("vswitch_id", "room_before", "given", "room_after", "reserve")
    screen.json_line(
        record_type="command",
        exit_status=int(status),
        meaning=status.meaning,
        region=worked.asked.request.region,
        counts=dict(progress.counts),
        enis=progress.enis,
        short=progress.short,
        addresses=progress.addresses,
        missing=progress.missing,
        calls=progress.writes,
        throttled=progress.throttled,
        vswitches=[dict(zip(keys, each, strict=True)) for each in progress.vswitches()],
        error=_error(worked),
        resume=resume,
    )


def saved(rest: bytes, verb: str) -> str:
    """The command that goes on with what is left, which is kept in a file."""
    try:
        path = Path(_write(rest, verb, str(Path.cwd()))).name
    except OSError:
        path = _write(rest, verb, None)
    return shlex.join([*PROGRAM, verb, path])


def _write(rest: bytes, verb: str, folder: str | None) -> str:
    with tempfile.NamedTemporaryFile(
        prefix=f"{verb}-rest-", suffix=".json", dir=folder, delete=False
    ) as file:
        file.write(rest)
    return file.name
