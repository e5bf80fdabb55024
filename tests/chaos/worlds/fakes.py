"""The ports of the function, over the books of a region: every call is two turns.

One turn passes before the call reaches the cloud and one before its reply is back, so that others
can act in between. What goes wrong with a call stands in the story, or is drawn nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from handler.cloud import ports
from handler.cloud.faults import HOOK_ENDED, NO_ANSWER
from handler.cloud.limits import allowed
from handler.cloud.ports import Cloud, HookSettings, LifecycleAction, Page
from handler.core.errors import CloudFault
from tests.chaos.worlds.region import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from handler.cloud.ports import EniQuery, InstanceQuery
    from handler.core.model import Answer, Ask, Eni, Hook, Instance
    from tests.chaos.worlds.play import Delivery, FunctionInstance, World

T = TypeVar("T")

# Until a call counts as not answered, seconds.
CALL_SECONDS = 10.0
# Until a lost reply is given up, seconds, by the name of a trouble: a connection may break at once.
LOST = {"lost": CALL_SECONDS, "reset": 0.0}
PAGE = 3
# Codes of refusals by the name of a trouble.
REFUSALS = {
    "busy": ("ServiceUnavailable", 503),
    "conflict": ("OperationConflict", 409),
    "throttled": ("Throttling.User", 400),
    "odd": ("Odd.Refusal", 500),
    "unknown": ("Odd.Refusal", 400),
    "denied": ("Forbidden.RAM", 403),
    "rejected": ("InvalidOperation.Unsupported", 403),
    "gone": ("InvalidEniId.NotFound", 404),
    "burnt": ("IdempotentFailed", 400),
}


class Wire:
    """How the calls of one function instance travel."""

    from_environment = False

    def __init__(self, instance: FunctionInstance) -> None:
        self.world = instance.world
        self._instance = instance

    @property
    def delivery(self) -> Delivery:
        """What the instance works on."""
        return self._instance.delivery

    def call(self, operation: str, about: str, perform: Callable[[], T]) -> T:
        """Make a call, and let others go on before and after it."""
        return _Call(self.world, self.delivery, operation, about).made(perform)

    # --- credentials ---------------------------------------------------------------------------

    def use(self, context: object) -> None:
        """There is nothing to take."""

    def secrets(self) -> list[str]:
        """None."""
        return []


class _Call:
    """One call on its way, with what goes wrong with it; it may last as long as its caller says."""

    def __init__(self, world: World, delivery: Delivery, operation: str, about: str) -> None:
        trouble = world.trouble(operation)
        self._world = world
        self._delivery = delivery
        self._operation = operation
        self._about = about
        self._kind = trouble.kind if trouble else ""
        self._seconds = trouble.seconds if trouble else 0.0
        self._ends = world.turns.now + allowed()
        delivery.calls_made += 1

    def made(self, perform: Callable[[], T]) -> T:
        """What came of it."""
        self._travels(self._seconds if self._kind == "slow" else 0.0)
        if self._kind == "unsent":
            self._unanswered("is not sent, and gets no answer", CALL_SECONDS)
        if self._kind in REFUSALS:
            code, status = REFUSALS[self._kind]
            self._tell(f"is refused: {code}")
            self._travels(0.0)
            raise refusal(self._operation, code, status)
        try:
            self._world.region.count(self._operation)
            found = perform()
        except Exception as error:
            self._tell(f"is refused: {getattr(error, 'code', error)}")
            self._replied()
            raise
        self._tell(f"gives {_short(found)}")
        self._replied()
        return found

    def _replied(self) -> None:
        if self._kind in LOST:
            self._unanswered("loses its reply", LOST[self._kind])
        self._travels(self._seconds if self._kind == "late" else 0.0)

    def _travels(self, seconds: float) -> None:
        """So long, or until its caller waits no longer."""
        if seconds > self._ends - self._world.turns.now:
            self._unanswered("is given up", seconds)
        self._world.travel(self._delivery, seconds)

    def _unanswered(self, what: str, seconds: float) -> NoReturn:
        self._tell(what)
        left = max(0.0, self._ends - self._world.turns.now)
        self._world.travel(self._delivery, min(seconds, left))
        raise refusal(self._operation, NO_ANSWER, None) from None

    def _tell(self, what: str) -> None:
        operation = self._operation.partition(":")[2]
        self._world.tell(self._delivery.name, f"{operation} {self._about} {what}")


def _short(found: Any) -> str:
    if isinstance(found, Page):
        return ", ".join(map(_short, found.items)) or "nothing"
    if hasattr(found, "addresses"):
        return ", ".join(found.addresses)
    if hasattr(found, "secondary"):
        return f"{found.id} with {len(found.secondary)}"
    return str(getattr(found, "id", found))


class EcsFake:
    """`ports.Ecs`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._region = wire.world.region

    def network_interfaces(self, query: EniQuery, token: str | None = None) -> Page[Eni]:
        """DescribeNetworkInterfaces, a few a page where ids are not given."""
        about = ", ".join(query.ids) or query.instance_id or query.vswitch_id or "all"
        audit, delivery = self._wire.world.audit, self._wire.delivery
        audit.reads(delivery)
        page = self._wire.call(ports.DESCRIBE_ENIS, about, lambda: self._enis(query, token))
        audit.shows(delivery, (row.id for row in page.items))
        return page

    def _enis(self, query: EniQuery, token: str | None) -> Page[Eni]:
        region = self._region
        ids = query.ids or sorted(region.enis)
        rows = []
        for each in ids:
            row, whole = region.shown_eni(each) if each in region.enis else (None, True)
            rows += [row] if row else []
            if not whole:
                self._wire.world.audit.part_shown(self._wire.delivery, each)
        fit = [
            row
            for row in rows
            if query.instance_id in {None, row.instance_id}
            and query.vswitch_id in {None, row.vswitch_id}
            and (row.instance_id or not query.attached)
        ]
        if query.ids or query.instance_id:
            return Page(tuple(fit))
        return _page(fit, token, region.draws)

    def instances(self, query: InstanceQuery, token: str | None = None) -> Page[Instance]:
        """DescribeInstances."""
        about = ", ".join(query.ids) or str(dict(query.tags))
        page = self._wire.call(
            ports.DESCRIBE_INSTANCES, about, lambda: self._instances(query, token)
        )
        named = (each for row in page.items for each in (row.id, *row.eni_ids))
        self._wire.world.audit.shows(self._wire.delivery, named)
        return page

    def _instances(self, query: InstanceQuery, token: str | None) -> Page[Instance]:
        region = self._region
        ids = query.ids or sorted(region.instances)
        rows = [
            row for each in ids if each in region.instances and (row := region.shown_instance(each))
        ]
        wanted = set(query.tags)
        fit = [row for row in rows if wanted <= set(row.tags.items())]
        return Page(tuple(fit)) if query.ids else _page(fit, token, region.draws)

    def addresses_per_eni(self, types: Sequence[str]) -> Mapping[str, int]:
        """DescribeInstanceTypes."""
        known = self._region.catalogue
        return self._wire.call(
            ports.DESCRIBE_TYPES,
            ", ".join(types),
            lambda: {each: known[each] for each in types if each in known},
        )

    def assign(self, eni_id: str, ask: Ask, client_token: str) -> Answer:
        """AssignPrivateIpAddresses."""
        world, delivery = self._wire.world, self._wire.delivery
        world.audit.writes(delivery, eni_id)

        def perform() -> Answer:
            try:
                answer = self._region.assign(ports.ASSIGN, eni_id, ask, client_token)
            except CloudFault as fault:
                world.audit.write_refused(eni_id, fault.code)
                raise
            world.audit.written(delivery, eni_id)
            return answer

        wanted = ", ".join(ask.values) or str(ask.count)
        about = f"{wanted} to {eni_id} under {client_token[:6]}"
        try:
            return self._wire.call(ports.ASSIGN, about, perform)
        except CloudFault as fault:
            world.audit.write_failed(delivery, eni_id, fault)
            raise


def _page(rows: list[Any], token: str | None, draws: Random) -> Page[Any]:
    """Some of the rows, sorted by id, after the one that the token names; perhaps none of them."""
    after, _, number = (token or " 0").partition(" ")
    rest = [row for row in rows if row.id > after]
    size = draws.choice([PAGE, PAGE, 1, 0])
    if len(rest) <= size:
        return Page(tuple(rest))
    last = rest[size - 1].id if size else after
    return Page(tuple(rest[:size]), f"{last} {int(number) + 1}")


class VpcFake:
    """`ports.Vpc`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def available_addresses(self, vswitch_id: str) -> int:
        """DescribeVSwitches."""
        region = self._wire.world.region
        return self._wire.call(
            ports.DESCRIBE_VSWITCHES, vswitch_id, lambda: region.shown_room(vswitch_id)
        )


class EssFake:
    """`ports.Ess`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._region = wire.world.region

    def complete(self, hook: Hook, result: str | None, client_token: str) -> None:
        """CompleteLifecycleAction."""
        told = result or "DEFAULT"

        def perform() -> None:
            found = self._region.waiting(hook.hook_id, hook.token, ports.COMPLETE)
            if found.told is not None:
                if found.told[1] != client_token:
                    raise refusal(ports.COMPLETE, HOOK_ENDED, 404)
                return
            found.told = (told, client_token)
            self._wire.world.audit.completed(self._wire.delivery, found.action, told)

        self._wire.call(ports.COMPLETE, f"{hook.hook_id} with {told}", perform)

    def heartbeat(self, hook: Hook, seconds: int) -> None:
        """RecordLifecycleActionHeartbeat."""

        def perform() -> None:
            found = self._region.waiting(hook.hook_id, hook.token, ports.HEARTBEAT)
            if found.told is not None:
                raise refusal(ports.HEARTBEAT, HOOK_ENDED, 404)
            ends = self._region.now() + seconds
            self._wire.world.audit.heartbeat(found.action, found.ends, ends)
            found.ends = ends

        self._wire.call(ports.HEARTBEAT, f"{hook.hook_id}, {seconds} s", perform)

    def lifecycle_hook(self, hook_id: str) -> HookSettings | None:
        """DescribeLifecycleHooks."""
        found = [each.action for each in self._region.actions if each.action.hook_id == hook_id]
        shown = HookSettings(found[0].name, found[0].timeout) if found else None
        return self._wire.call(ports.DESCRIBE_HOOKS, hook_id, lambda: shown)

    def lifecycle_actions(
        self,
        scaling_activity_id: str,
        token: str | None = None,
    ) -> Page[LifecycleAction]:
        """DescribeLifecycleActions."""
        if token is not None:
            raise AssertionError(f"{token}: there is one page")
        return self._wire.call(
            ports.DESCRIBE_ACTIONS,
            scaling_activity_id,
            lambda: Page(
                tuple(
                    LifecycleAction(each.action.token, self._wire.world.listed())
                    for each in self._region.actions
                )
            ),
        )

    def scaling_instances(
        self,
        scaling_group_id: str | None,
        scaling_activity_id: str | None = None,
        page: int = 1,
    ) -> Page[str]:
        """DescribeScalingInstances."""
        if page != 1:
            raise AssertionError(f"{page}: there is one page")
        return self._wire.call(
            ports.DESCRIBE_SCALING_INSTANCES,
            str(scaling_group_id or scaling_activity_id),
            lambda: Page(self._wire.world.listed(), None, len(self._wire.world.listed())),
        )


class FunctionsFake:
    """`ports.Functions`: the function itself, asynchronously."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def invoke_later(self, payload: bytes, task_id: str) -> bool:
        """Take it, if the task id is new."""
        world = self._wire.world
        return self._wire.call(
            ports.INVOKE, task_id, lambda: world.taken_later(self._wire.delivery, payload, task_id)
        )


class ConnectorFake:
    """`ports.Connector` of one function instance."""

    def __init__(self, wire: Wire) -> None:
        self.credentials = wire
        self._cloud = Cloud(EcsFake(wire), VpcFake(wire), EssFake(wire), FunctionsFake(wire), wire)

    def cloud(self, region: str, place: object = None) -> Cloud:  # noqa: ARG002  (there is one)
        """The services."""
        return self._cloud
