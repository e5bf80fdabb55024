"""The failure queue through its SDK: the one adapter for messages.

The SDK asks for credentials at every call, and once more by itself when a connection is closed
without an answer. It honours neither HTTP_PROXY nor a read timeout for HTTPS: the latter is set
here. Bodies are left as they are: they may be plain or base64.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mns.account import Account
from mns.mns_exception import MNSClientNetworkException, MNSExceptionBase

from console.calls import Call, by_small_letters, tell
from console.credentials import redacted
from console.redeliver.records import Message
from handler.cloud.credentials import NoCredentialsError
from handler.cloud.faults import NO_ANSWER, NO_CREDENTIALS
from handler.core.errors import CloudFault
from handler.core.model import Treatment

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.credentials import RoleCredentials

T = TypeVar("T")

RECEIVE, HIDE = "mns:ReceiveMessage", "mns:ChangeMessageVisibility"
DELETE = "mns:DeleteMessage"
SECONDS = 20.0  # of one answer
# No message is visible, or a handle is good for none any more ("Error codes" of MNS).
NO_MESSAGE = "MessageNotExist"
_HANDLE_IS_OLD = frozenset({NO_MESSAGE, "ReceiptHandleError"})
NO_QUEUE = "QueueNotExist"
_TRANSIENT = frozenset({"InternalError", "InternalServerError", "ServiceUnavailable", "TimeOut"})
_TRANSIENT |= {"QpsLimitExceeded", "Throttling"}
_WHO = ("AccessDenied", "Signature", "AccessKey", "AccessId", "SecurityToken", "InvalidToken")


class _Keys:
    """One set of credentials as the SDK takes them: no token is an empty text."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401  (the SDK is untyped)
        self.get_access_key_id = found.get_access_key_id
        self.get_access_key_secret = found.get_access_key_secret
        self._token = found.get_security_token() or ""

    def get_security_token(self) -> str:
        return self._token


class _Provider:
    def __init__(self, credentials: RoleCredentials) -> None:
        self._credentials = credentials

    def get_credentials(self) -> _Keys:
        return _Keys(self._credentials.get_credentials())


class FailureQueue:
    """One queue of MNS.

    Args:
        url: of the account's queues in the region.
        name: of the queue.
        credentials: asked for every call.
    """

    def __init__(self, url: str, name: str, credentials: RoleCredentials) -> None:
        account = Account(url, credentials_provider=_Provider(credentials))
        self._http = account.mns_client.http
        # The first is what HTTPS heeds, the second what the SDK's plain HTTP does.
        self._http.conn.timeout = self._http.conn.connection_timeout = SECONDS
        self._http.send_request = partial(_sent, self._http.send_request)
        self._queue = account.get_queue(name)
        self._queue.set_encoding(False)

    def receive(self, wait: int) -> Message | None:
        """The next message, hidden for as long as the queue says; None when none is visible.

        Raises:
            CloudFault: it was refused, or not answered.
        """
        try:
            found = _asked(RECEIVE, lambda: self._queue.receive_message(wait))
        except CloudFault as fault:
            if fault.code == NO_MESSAGE:
                return None
            raise
        handle, enqueued = found.receipt_handle, found.enqueue_time
        return Message(found.message_id, found.message_body, handle, enqueued)

    def hide(self, handle: str, seconds: int) -> str | None:
        """Hide a message for so long from now; its new handle, or None if the old one is too old.

        Raises:
            CloudFault: it was refused, or not answered.
        """
        try:
            changed = _asked(HIDE, lambda: self._queue.change_message_visibility(handle, seconds))
        except CloudFault as fault:
            if fault.code in _HANDLE_IS_OLD:
                return None
            raise
        return str(changed.receipt_handle)

    def delete(self, handle: str) -> bool:
        """Take a message out; False if the handle is too old.

        Raises:
            CloudFault: it was refused, or not answered.
        """
        try:
            _asked(DELETE, lambda: self._queue.delete_message(handle))
        except CloudFault as fault:
            if fault.code in _HANDLE_IS_OLD:
                return False
            raise
        return True

    def close(self) -> None:
        """Close the connection."""
        self._http.conn.close()


def _sent(send: Callable[[Any], Any], request: Any) -> Any:  # noqa: ANN401  (the SDK is untyped)
    """Send a request as the SDK does, and tell of the call."""
    begun = time.monotonic()
    answer = send(request)
    sent, answered = by_small_letters(request.header), by_small_letters(answer.header)
    seconds, body = time.monotonic() - begun, answer.data.encode()
    tell(Call(request.method, request.uri, sent, int(answer.status), answered, body, seconds))
    return answer


def _asked(operation: str, call: Callable[[], T]) -> T:
    """One call; what it says of a refusal holds no secret. Raises CloudFault."""
    try:
        return call()
    except MNSClientNetworkException:
        # Its text may hold the whole answer.
        raise CloudFault(operation, NO_ANSWER, Treatment.TRANSIENT) from None
    except MNSExceptionBase as error:
        raise _refused(operation, str(error.type), str(error.message)) from None
    except NoCredentialsError:
        raise CloudFault(operation, NO_CREDENTIALS, Treatment.CREDENTIALS) from None


def _refused(operation: str, code: str, message: str) -> CloudFault:
    if code in _TRANSIENT:
        return CloudFault(operation, code, Treatment.TRANSIENT)
    if any(word in code for word in _WHO):
        # Errors about signatures quote what was signed.
        return CloudFault(operation, redacted(code), Treatment.CREDENTIALS)
    fault = CloudFault(operation, code, Treatment.REJECTED, message)
    fault.hide(redacted)
    return fault
