"""The function itself: how it is deployed, and what its settings say. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from console.doctor.finding import (
    Row,
    deploy_command,
    failure,
    ok,
    unread,
    warning,
)
from console.doctor.seen import LATEST, Unread
from handler.core.errors import BadSettings
from handler.core.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from console.doctor.finding import Finding
    from console.doctor.seen import Seen
    from console.setup.desired import Body

# The rows that GetFunction alone is about.
OF_THE_FUNCTION = (
    *(Row.FUNCTION, Row.RUNTIME, Row.HANDLER, Row.INITIALIZER, Row.TIMEOUT, Row.CONCURRENCY),
    *(Row.SETTINGS, Row.VERSION),
)
RUNTIMES = ("python3.10", "python3.12")
HANDLER, INITIALIZER, PRE_STOP = "index.handler", "index.initialize", "index.pre_stop"
# Minutes of throttling that a timeout should hold, below which the function warns, too; and what it
# does beside its waits: docs/operating.md, Throttled.
LEAST_MINUTES, BESIDE_WAITS = 1.5, 30
# The warm-up waits 2 s, imports and clients take some more.
INITIALIZER_SECONDS = 10
# "(0.1.0)" at the end of the description, as s.yaml writes it.
_VERSION = re.compile(r"\(([0-9][\w.+-]*)\)$")


class _Asked(dict[str, str]):
    """An empty environment that remembers which variables are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        """Note the name; nothing is set."""
        self.names.append(key)
        return default


def environment_of(seen: Seen) -> Mapping[str, str]:
    """The function's environment variables; empty when they cannot be told."""
    row = seen.function.row
    if row is None or isinstance(row, Unread):
        return {}
    return {name: str(it) for name, it in (row.get("environmentVariables") or {}).items()}


def settings_of(seen: Seen) -> Settings:
    """The function's settings; a variable that it could not use counts as unset."""
    environ = dict(environment_of(seen))
    try:
        return read_settings(environ)
    except BadSettings as error:
        bad = {problem.partition(":")[0] for problem in error.problems}
        return read_settings({name: it for name, it in environ.items() if name not in bad})


def waits_of(settings: Settings) -> float:
    """Seconds that a launch may wait for instances, for reads, and for its guests, where asked."""
    guests = settings.guest_seconds if settings.guest_port else 0
    return settings.visibility_seconds + settings.settle_seconds + guests


def function_findings(seen: Seen) -> Iterator[Finding]:
    """Every row about the function."""
    row = seen.function.row
    if row is None:
        yield _not_there(seen)
        return
    yield _reserved(seen)
    if isinstance(row, Unread):
        for each in OF_THE_FUNCTION:
            yield unread(each, "", row)
        return
    yield _state(row, seen)
    yield from _code(row, seen)
    yield _timeout(row, seen)
    yield _instance_concurrency(row, seen)
    yield from _settings(seen)
    yield _version(row, seen)


def _not_there(seen: Seen) -> Finding:
    """The function, or the version or alias of it that triggers invoke."""
    if seen.function.qualifier == LATEST:
        found = f"there is none of this name in {seen.names.region}"
    else:
        found = "its triggers invoke it, and it is not there"
    return failure(Row.FUNCTION, _name(seen), found, deploy_command(seen.names))


def _name(seen: Seen) -> str:
    name, qualifier = seen.names.function, seen.function.qualifier
    if qualifier == LATEST:
        return name
    return f"{name}, {'version' if qualifier.isdecimal() else 'alias'} {qualifier}"


def _state(row: Body, seen: Seen) -> Finding:
    name = _name(seen)
    state, updated = row.get("state") or "Active", row.get("lastUpdateStatus") or "Successful"
    if state == "Active" and updated == "Successful":
        changed = row.get("lastModifiedTime")
        return ok(Row.FUNCTION, name, f"active, changed {changed}" if changed else "active")
    reason = (
        row.get("stateReason") or row.get("lastUpdateStatusReason") or "the reason is not given"
    )
    found = f"state {state}, last update {updated}: {reason}"
    level = warning if updated == "InProgress" or state == "Pending" else failure
    advice = "mend the reason, then: " + deploy_command(seen.names)
    return level(Row.FUNCTION, name, found, advice)


def _code(row: Body, seen: Seen) -> Iterator[Finding]:
    advice = deploy_command(seen.names)
    runtime, entry = row.get("runtime"), row.get("handler")
    if runtime in RUNTIMES:
        yield ok(Row.RUNTIME, "", str(runtime))
    else:
        mend = deploy_command(seen.names, RUNTIME=RUNTIMES[0])
        yield failure(
            Row.RUNTIME, "", f"{runtime}; the package runs on {' and '.join(RUNTIMES)}", mend
        )
    if entry == HANDLER:
        yield ok(Row.HANDLER, "", HANDLER)
    else:
        yield failure(Row.HANDLER, "", f"{entry}, not {HANDLER}", advice)
    yield _initializer(row, seen)


def _initializer(row: Body, seen: Seen) -> Finding:
    cycle = row.get("instanceLifecycleConfig") or {}
    first, last = cycle.get("initializer") or {}, cycle.get("preStop") or {}
    seconds = first.get("timeout") or 0
    advice = deploy_command(seen.names)
    if first.get("handler") != INITIALIZER:
        found = f"{first.get('handler') or 'none'}: the first event finds nothing connected"
        return warning(Row.INITIALIZER, "", found, advice)
    if seconds < INITIALIZER_SECONDS:
        found = f"timeout {seconds} s: it needs some seconds, the manifest gives 60"
        return warning(Row.INITIALIZER, "", found, advice)
    if last.get("handler") != PRE_STOP:
        return warning(Row.INITIALIZER, "", f"{INITIALIZER}, but no {PRE_STOP}", advice)
    return ok(Row.INITIALIZER, "", f"{INITIALIZER}, {seconds} s, and {PRE_STOP}")


def _timeout(row: Body, seen: Seen) -> Finding:
    settings, found = settings_of(seen), row.get("timeout") or 0
    waits = waits_of(settings) + BESIDE_WAITS
    least = int(max(LEAST_MINUTES * settings.minute_seconds, waits))
    if found >= least:
        return ok(Row.TIMEOUT, "", f"{found} s")
    said = f"{found} s: a throttled minute and the function's own waits need {least} s"
    return warning(Row.TIMEOUT, "", said, deploy_command(seen.names, TIMEOUT_SECONDS="600"))


def _instance_concurrency(row: Body, seen: Seen) -> Finding:
    found = row.get("instanceConcurrency") or 1
    if found == 1:
        return ok(Row.CONCURRENCY, "", "1")
    said = f"{found} events share an instance, its memory and its calls a minute"
    return warning(Row.CONCURRENCY, "", said, deploy_command(seen.names))


def _reserved(seen: Seen) -> Finding:
    reserved = seen.function.reserved
    advice = deploy_command(seen.names, RESERVED_CONCURRENCY="10")
    if isinstance(reserved, Unread):
        return unread(Row.RESERVED, "", reserved)
    if reserved is None:
        found = "none: as many instances as the account has, each with its own calls a minute"
        return warning(Row.RESERVED, "", found, advice)
    if reserved == 0:
        return failure(Row.RESERVED, "", "0: the function never runs", advice)
    return ok(Row.RESERVED, "", f"{reserved} instances at most")


def _settings(seen: Seen) -> Iterator[Finding]:
    environ, names = environment_of(seen), seen.names
    found = [*_bad(environ), *_misspelt(environ)]
    for name, said in found:
        advice = f"correct the variable, then: {deploy_command(names, **{name: '...'})}"
        yield failure(Row.SETTINGS, name, said, advice)
    settings = settings_of(seen)
    if settings.guest_port and not _in_a_vpc(seen):
        said = "the function is not in a VPC, and cannot reach any guest"
        network = {"VPC_ID": "vpc-...", "VSWITCH_IDS": "vsw-...", "SECURITY_GROUP_ID": "sg-..."}
        advice = deploy_command(names, **network)
        yield warning(Row.SETTINGS, "GUEST_PORT", said, f"docs/deploying.md, In a VPC: {advice}")
    if settings.dry_run:
        said = "true: it decides and records, assigns nothing, and leaves hooks alone"
        yield warning(Row.SETTINGS, "DRY_RUN", said, deploy_command(names, DRY_RUN="false"))
    elif not found:
        default, rules = settings.policy.default, len(settings.policy.rules)
        target = default.text if default else "unset"
        yield ok(Row.SETTINGS, "", f"target {target}, {rules} rules, tag {settings.policy.tag}")


def _in_a_vpc(seen: Seen) -> bool:
    row = seen.function.row
    return isinstance(row, dict) and bool((row.get("vpcConfig") or {}).get("vpcId"))


def _bad(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    try:
        read_settings(environ)
    except BadSettings as error:
        for problem in error.problems:
            name, _, said = problem.partition(": ")
            yield name, said


def _misspelt(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    asked = _Asked()
    read_settings(asked)
    for name in sorted(set(environ) - set(asked.names)):
        meant = difflib.get_close_matches(name, asked.names, n=1, cutoff=0.85)
        if meant:
            yield name, f"the function knows no such variable; {meant[0]} may be meant"


def _version(row: Body, seen: Seen) -> Finding:
    match = _VERSION.search(row.get("description") or "")
    advice = "deploy this checkout, or look with the one that is deployed: "
    advice += deploy_command(seen.names)
    if match is None:
        found = f"its description does not tell; this checkout is {seen.version}"
        return warning(Row.VERSION, "", found, advice)
    if match[1] != seen.version:
        found = f"{match[1]} is deployed, this checkout is {seen.version}"
        return warning(Row.VERSION, "", found, advice)
    return ok(Row.VERSION, "", f"{match[1]}, as this checkout")
