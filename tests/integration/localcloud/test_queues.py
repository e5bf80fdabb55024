"""Queues, through the SDK that the command takes: what is hidden, for how long, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mns.account import Account
from mns.mns_exception import MNSExceptionBase

from localcloud.clock import ManualClock
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "failures"
WORLD = {"region": "cn-hangzhou", "queues": {NAME: [{"<a>": "& 1"}, "text & <b>"], "empty": []}}


@pytest.fixture
def clock() -> ManualClock:
    """The time of the cloud."""
    return ManualClock()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[LocalCloud]:
    """A region with a queue of two messages, and an empty one."""
    with LocalCloud(WORLD, clock=clock) as running:
        yield running


@pytest.fixture
def queue(cloud: LocalCloud) -> Iterator[Any]:
    """The queue, as the SDK sees it."""
    account = Account(cloud.url, DEFAULT_KEY.id, DEFAULT_KEY.secret)
    found = account.get_queue(NAME)
    found.set_encoding(False)
    yield found
    account.mns_client.close_connection()


def refusal(call: Callable[[], object]) -> str:
    """The code that a call is refused with."""
    with pytest.raises(MNSExceptionBase) as found:
        call()
    return str(found.value.type)


def test_messages_are_hidden_for_a_time(queue: Any, clock: ManualClock) -> None:
    """A received one comes again when nobody has deleted it, with a count."""
    first, second = queue.receive_message(0), queue.receive_message(0)
    assert ['{"<a>": "& 1"}', "text & <b>"] == [first.message_body, second.message_body]
    assert "MessageNotExist" == refusal(lambda: queue.receive_message(1))
    clock.advance(31)
    again = queue.receive_message(0)
    assert (first.message_id, 2) == (again.message_id, again.dequeue_count)


def test_handle_is_good_until_the_message_is_visible(queue: Any, clock: ManualClock) -> None:
    """Hidden for longer, a message has a new handle, and the old one opens nothing."""
    first = queue.receive_message(0)
    longer = queue.change_message_visibility(first.receipt_handle, 120)
    assert "MessageNotExist" == refusal(lambda: queue.delete_message(first.receipt_handle))
    clock.advance(121)
    assert "MessageNotExist" == refusal(lambda: queue.delete_message(longer.receipt_handle))


def test_deleted_message_is_gone(cloud: LocalCloud, queue: Any) -> None:
    """The state of the world shows what is left, hidden or not."""
    queue.delete_message(queue.receive_message(0).receipt_handle)
    queue.receive_message(0)
    assert ["text & <b>"] == cloud.queue(NAME)
    assert {NAME: ["text & <b>"], "empty": []} == cloud.state()["queues"]


@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ((DEFAULT_KEY.id, "another"), NAME, "SignatureDoesNotMatch"),
        (("LTAIother", DEFAULT_KEY.secret), NAME, "InvalidAccessKeyId.NotFound"),
        ((DEFAULT_KEY.id, DEFAULT_KEY.secret, "token"), NAME, "InvalidSecurityToken.Malformed"),
        ((DEFAULT_KEY.id, DEFAULT_KEY.secret), "none", "QueueNotExist"),
    ],
)
def test_who_may_not_is_refused(
    cloud: LocalCloud, key: tuple[str, ...], name: str, code: str
) -> None:
    """Signature, key and token are checked, and a queue must be there."""
    account = Account(cloud.url, *key)
    assert code == refusal(lambda: account.get_queue(name).receive_message(0))
    account.mns_client.close_connection()


def test_what_is_not_served_is_refused(queue: Any) -> None:
    """Other operations and bad values; stricter than the cloud."""
    handle = queue.receive_message(0).receipt_handle
    assert "InvalidArgument" == refusal(lambda: queue.change_message_visibility(handle, 0))
    assert "InvalidArgument" == refusal(queue.peek_message)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"fault": "error", "code": "InternalError", "status": 500}, "InternalError"),
        ({"fault": "reset_before", "times": 2}, "NetWorkException"),
        ({"fault": "http", "status": 502, "body": "<html>"}, "RespDataDamaged"),
    ],
)
def test_faults_apply(cloud: LocalCloud, queue: Any, fault: dict[str, Any], said: str) -> None:
    """As for every operation; the SDK itself asks once more where there is no reply."""
    cloud.faults([{"action": "ReceiveMessage"} | fault])
    assert said == refusal(lambda: queue.receive_message(0))
    assert '{"<a>": "& 1"}' == queue.receive_message(0).message_body


def test_message_whose_reply_is_lost_is_hidden(cloud: LocalCloud, queue: Any) -> None:
    """What the SDK's second try gets is the next one."""
    cloud.faults([{"action": "ReceiveMessage", "fault": "no_reply"}])
    assert "text & <b>" == queue.receive_message(0).message_body
