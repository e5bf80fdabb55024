"""What `initialize` does besides building clients, so that the first event does not pay for it.

The first call to a host costs more than those after it: authorities are loaded (some 40 ms of CPU
for the first host), and the SDK connects and shakes hands. One harmless read to each host makes it
do all that. They are made one after the other, because the SDK's pool of connections has no lock:
side by side, callers of one host would each build one, and all but one would be thrown away.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING

from handler.cloud.ports import EniQuery
from handler.core.errors import CloudFault

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from handler.cloud.ports import Cloud

# Nothing has these ids: an answer is empty or a refusal, and warms up as any other does.
NO_ENI, NO_VSWITCH, NO_GROUP = "eni-warmup", "vsw-warmup", "asg-warmup"
# An initializer has little time; FC 2.0 gives it 3 s unless told otherwise.
SECONDS = 2.0


def warm_up(cloud: Cloud, threads: Executor) -> None:
    """Make the calls on a thread, which no event may need, and wait `SECONDS` for them at most.

    No failure matters here, and none is recorded: what is not reachable or not permitted is
    reported by the first event that needs it.
    """
    with suppress(TookTooLong):  # it goes on, and may still be done before the first event
        threads.submit(copy_context().run, _call_each_host, cloud).result(SECONDS)


def _call_each_host(cloud: Cloud) -> None:
    for read in (
        lambda: cloud.ecs.network_interfaces(EniQuery(ids=(NO_ENI,))),
        lambda: cloud.vpc.available_addresses(NO_VSWITCH),
        lambda: cloud.ess.scaling_instances(NO_GROUP),
    ):
        with suppress(CloudFault):
            read()
