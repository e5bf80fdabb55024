"""`make run`: one event through `index.handler` against a local cloud, shown to a person.

The event is delivered twice, because that is what happens in production; the second delivery must
write nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from handler.core.errors import BadSettings
from localcloud.testing import LocalCloud
from tests.stage import environment, forget_proxies

WORLD = Path(__file__).parents[1] / "localcloud/worlds/demo.json"
SETTINGS = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "2", "VISIBILITY_SECONDS": "4"}
EVENT = "events/ess-lifecycle-hook-scale-out.json"
# Columns of a terminal on which an ENI and its instance stand side by side.
WIDE = 110
WRITE = "AssignPrivateIpAddresses"
STYLES = {"short": "yellow", "failed": "red", "deferred": "yellow", "skipped": "dim"}

Result = dict[str, Any]


def main(file: str) -> int:
    """Deliver the file twice and say what happened."""
    forget_proxies()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, emoji=False)
    try:
        event = Path(file).read_bytes()
    except OSError as error:
        console.print(f"EVENT: found {file}, {error.strerror}; allowed: a file such as {EVENT}")
        return 2
    with LocalCloud(json.loads(WORLD.read_text())) as cloud:
        # Settings of your own are kept: TARGET_SECONDARY_IPS=12 make run.
        os.environ |= SETTINGS | dict(os.environ) | environment(cloud.url)
        import index  # noqa: PLC0415  (after its environment)

        try:
            index.initialize(context("demo-start"))
        except BadSettings as error:
            console.print(str(error))
            return 2
        for number in (1, 2):
            written = len(cloud.calls(WRITE))
            console.rule(f"delivery {number} of {file}")
            raised = deliver(index.handler, event, f"demo-{number}", console)
            calls = cloud.calls(WRITE)[written:]
            console.print(f"{WRITE}: {len(calls)} calls in delivery {number}")
        index.pre_stop(None)
    return 1 if raised else 0


def context(request_id: str) -> SimpleNamespace:
    """What the runtime hands over, as far as it matters; the timeout is that of `s.yaml`."""
    return SimpleNamespace(request_id=request_id, function=SimpleNamespace(timeout=600))


def deliver(handler: Any, event: bytes, request_id: str, console: Console) -> bool:
    """One delivery; True when it must be delivered again."""
    records = io.StringIO()
    try:
        with contextlib.redirect_stdout(records):
            result = handler(event, context(request_id))
    except Exception as error:  # noqa: BLE001  (whatever it is, a person is shown it)
        rows = [json.loads(line) for line in records.getvalue().splitlines()]
        show_enis([row for row in rows if row["record_type"] == "eni_result"], console)
        console.print(f"[red]must be delivered again[/]: {type(error).__name__}: {error}")
        return True
    for one in result.get("results", [result]):
        show(one, console)
    return False


def show(result: Result, console: Console) -> None:
    """A result: its ENIs and its hook, or why nothing was done."""
    console.print(f"{result['source']} in {result['region']}: [bold]{result['action']}[/]")
    if result["reason"]:
        console.print(f"  {result['reason']}")
    show_enis(result["enis"], console)
    if hook := result["lifecycle"]:
        told = f"{hook['result']}, {'completed' if hook['completed'] else 'not completed'}"
        why = "" if hook["reason"] == "completed" else f" ({hook['reason']})"
        console.print(f"lifecycle hook {hook['hook_id']}: [bold]{told}[/]{why}")


def show_enis(enis: list[Result], console: Console) -> None:
    """What happened to each ENI, and why."""
    if not enis:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    stacked = console.width < WIDE
    for name in ("ENI, instance",) if stacked else ("ENI", "instance"):
        table.add_column(name, no_wrap=True)
    for name in ("had", "target", "has", "outcome", "why", "got"):
        table.add_column(name, overflow="fold")
    for row in enis:
        why = row["reason"] + (f" ({row['code']})" if row["code"] else "")
        source = f" ({row['target_source']})" if row["target_source"] else ""
        ids = [str(row["network_interface_id"] or "-"), str(row["instance_id"] or "-")]
        table.add_row(
            *(["\n  ".join(ids)] if stacked else ids),
            text(row["before"]),
            text(row["target"]) + source,
            text(row["after"]),
            f"[{STYLES.get(row['outcome'], 'green')}]{row['outcome']}[/]",
            why,
            got(row),
        )
    console.print(table)


def got(row: Result) -> str:
    """How many addresses or prefixes, and from which to which; of a plan, how many it would be."""
    if row["outcome"] == "planned":
        return text(row["requested"])
    found = row["addresses"] or row["prefixes"]
    if len(found) < 2:
        return "".join(found) or "-"
    return f"{len(found)}: {found[0]} .. {found[-1]}"


def text(value: object) -> str:
    """A number as it is; nothing as a dash."""
    return "-" if value is None else str(value)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
