"""`redeliver`: what failed in every try, delivered to the function again."""

from __future__ import annotations

import contextlib
import os
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console import deployed, invoke, numbers, options, screen
from console.credentials import explained, status_of
from console.exits import Exit
from console.fleet import FAILURE_QUEUE, FUNCTION
from console.local import check, environment, home_region
from console.manual import ANY_REGION, NO_REGION, BadRequest, problem_in, together
from console.redeliver.delivery import HIDDEN_SECONDS, End, Redelivery, Row
from console.redeliver.records import read
from console.sending import PATIENCE_SECONDS
from handler.cloud.ports import Place
from handler.core.errors import CloudFault
from handler.core.settings import read_settings
from handler.core.value import replace
from handler.events.fields import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from console.redeliver.queue import FailureQueue

ENDPOINT = "QUEUE_ENDPOINT"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")
_WHAT = "What is delivered"
_MISSING = (
    "redeliver needs the SDK of MNS: python -m pip install --require-hashes -r requirements.txt "
    "-r requirements-operator.txt -r requirements-setup.txt"
)
_BLIND = (
    "Function Compute shows no task of a delivery: the function's task mode (asyncTask) is off. "
    "What became of the event is in the function's log. Its record is left, and nothing more was "
    "delivered."
)
_WORDS = {
    End.SETTLED: ("settled, deleted", "green"),
    End.WOULD_DELIVER: ("would be delivered", "yellow"),
    End.HOPELESS: ("left, hopeless", "red"),
    End.FAILED_AGAIN: ("left, failed again", "red"),
    End.UNKNOWN: ("left, end unknown", "red"),
    End.UNDER_WAY: ("under way", ""),
}
_MEANINGS = {
    Exit.AT_TARGET: "what was taken out of the queue has settled",
    Exit.SHORT: "some failed events stay in the queue: they are hopeless, or failed again",
}

QueueName = Annotated[
    str,
    typer.Option(
        "--queue",
        envvar="FAILURE_QUEUE",
        metavar="NAME",
        help="MNS queue of failed events.",
        rich_help_panel=_WHAT,
    ),
]
FunctionName = Annotated[
    str,
    typer.Option(
        "--function",
        envvar="FUNCTION_NAME",
        metavar="NAME",
        help="Name of the function.",
        rich_help_panel=deployed.PANEL,
    ),
]
Limit = Annotated[
    Optional[int],  # noqa: UP045  (typer reads it, on Python 3.10 too)
    typer.Option(
        "--limit",
        metavar="N",
        parser=numbers.whole(1),
        help="Take at most so many failed events.",
        rich_help_panel=_WHAT,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show them; deliver nothing.", rich_help_panel=_WHAT),
]


def redeliver(
    queue: QueueName = FAILURE_QUEUE,
    limit: Limit = None,
    dry_run: DryRun = False,
    function: FunctionName = FUNCTION,
    service: deployed.Service = None,
    qualifier: deployed.Qualifier = None,
    account: deployed.Account = None,
    region: options.Region = None,
    poll: invoke.Poll = 2.0,
    patience: invoke.Patience = PATIENCE_SECONDS,
    as_json: options.AsJson = False,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Deliver failed events to the function again; delete what settled, leave what is hopeless."""
    named = Place(account or "", function, service or "", qualifier or "")
    home = _checked(queue, region, named, local)
    with environment(local, local_enis, region) as environ:
        place = deployed.placed(named, environ)
        with _queue(home, place, queue, environ) as failures:
            run = Redelivery(
                failures,
                deployed.remote_of(home, place, environ),
                partial(read, region=home, place=place),
                limit,
                dry_run,
                poll,
                patience,
                time.sleep,
                time.monotonic,
                lambda: None,
            )
            status = _watched(run, queue)
    _tell(run.rows.values(), status, queue, as_json=as_json)
    raise typer.Exit(status)


def _checked(queue: str, region: str | None, named: Place, local: bool) -> str:
    """The region, when all else is right too; what is wrong is said at once."""
    home = region or home_region(local)
    together(
        problem_in(lambda: _check_queue(queue)),
        problem_in(lambda: _region(home)),
        problem_in(lambda: deployed.placed(named, os.environ, local=local)),
        problem_in(lambda: check(region) if local else _url(ANY_REGION, named, os.environ)),
    )
    return _region(home)


def _check_queue(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadRequest(f"--queue: found {name!r}; allowed: letters, digits and -")


def _region(name: str | None) -> str:
    """A region that may stand in the name of a host."""
    if name is None:
        raise BadRequest(NO_REGION)
    if not re.fullmatch(REGION, name):
        raise BadRequest(f"--region: found {name!r}; allowed: a region such as cn-hangzhou")
    return name


@contextlib.contextmanager
def _queue(
    region: str, place: Place, name: str, environ: Mapping[str, str]
) -> Iterator[FailureQueue]:
    """The queue, for the time of the command."""
    try:
        from console.redeliver.queue import FailureQueue  # noqa: PLC0415  (an optional install)
    except ModuleNotFoundError as error:
        raise BadRequest(f"{error.name} is not installed. {_MISSING}") from None
    from handler.cloud.credentials import RoleCredentials  # noqa: PLC0415  (the SDKs, when needed)

    queue = FailureQueue(_url(region, place, environ), name, RoleCredentials(environ))
    try:
        yield queue
    finally:
        queue.close()


def _url(region: str, place: Place, environ: Mapping[str, str]) -> str:
    if given := environ.get(ENDPOINT):
        return given
    account = deployed.account_of(place, environ)
    network = read_settings(environ).endpoints.network
    return url_of(region, replace(place, account_id=account), network)


def url_of(region: str, place: Place, network: str) -> str:
    """Where the queues of an account are. Raises BadRequest."""
    if not place.account_id:
        raise BadRequest(deployed.NO_ACCOUNT)
    internal = "-internal" if network == "vpc" else ""
    return f"https://{place.account_id}.mns.{region}{internal}.aliyuncs.com"


def _watched(run: Redelivery, queue: str) -> Exit:
    """Do it, shown on the terminal while it lasts."""
    console = screen.console(stderr=True)
    live = Live(console=console, transient=True, auto_refresh=False)
    run.changed = lambda: live.update(table_of(run.rows.values()), refresh=console.is_terminal)
    try:
        with live if console.is_terminal else contextlib.nullcontext():
            run.run()
    except KeyboardInterrupt:
        return Exit.STOPPED
    except CloudFault as fault:
        if fault.code == "QueueNotExist":
            allowed = "a queue of this account and region"
            raise BadRequest(f"--queue: found {queue!r}; allowed: {allowed}") from None
        screen.error(explained(fault))
        return status_of(fault)
    return exit_of(run.rows.values())


def exit_of(rows: Iterable[Row]) -> Exit:
    """What the ends of all failed events mean to a shell."""
    ends = {row.end for row in rows}
    if End.UNKNOWN in ends:
        return Exit.FAILED
    return Exit.SHORT if any(end.left for end in ends) else Exit.AT_TARGET


def _tell(rows: Iterable[Row], status: Exit, queue: str, *, as_json: bool) -> None:
    found = list(rows)
    counts = {end.value: sum(row.end is end for row in found) for end in End}
    if as_json:
        for row in found:
            screen.json_line(**line_of(row))
        meaning = _MEANINGS.get(status, status.meaning)
        end = {"exit_status": int(status), "meaning": meaning, "queue": queue, "counts": counts}
        screen.json_line(record_type="command", **end)
    elif found:
        screen.console().print(table_of(found))
    if not as_json and (found or status is Exit.AT_TARGET):
        screen.console().print(screen.foreign(_sum(counts, queue)))
    if counts[End.UNKNOWN.value]:
        screen.error(_BLIND)
    if counts[End.UNDER_WAY.value]:
        screen.note(
            f"What is under way goes on by itself. Its records are in the queue, hidden for up to "
            f"{HIDDEN_SECONDS} s; the next run follows it, and deletes what has settled."
        )


def line_of(row: Row) -> dict[str, object]:
    """As a JSON line."""
    return {
        "record_type": "failed_event",
        "message_id": row.event.message_id,
        "failed_at": row.event.when,
        "event": row.event.event,
        "error": row.event.why,
        "end": row.end.value,
        "reason": row.reason or None,
        "task_id": row.task_id,
    }


def _sum(counts: dict[str, int], queue: str) -> str:
    total = sum(counts.values())
    words = [f"{counts[end.value]} {_WORDS[end][0]}" for end in End if counts[end.value]]
    events = screen.counted(total, "failed event")
    return f"{events} in {queue}" + (f": {'; '.join(words)}" if words else "")


def table_of(rows: Iterable[Row]) -> Table:
    """One row per failed event."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column("failed at (UTC), event", overflow="fold", ratio=5)
    table.add_column("why", overflow="fold", ratio=4)
    table.add_column("now", overflow="fold", ratio=4)
    for row in rows:
        word, style = _WORDS[row.end]
        event = Text("\n").join([screen.foreign(row.event.when), screen.foreign(row.event.event)])
        now = Text("\n").join(
            [Text(word, style), *([screen.foreign(row.reason)] if row.reason else [])]
        )
        table.add_row(event, screen.foreign(row.event.why), now)
    return table
