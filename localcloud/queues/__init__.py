"""The queues of Simple Message Queue (MNS), as far as whoever takes failed events out needs them.

A world's ``queues`` are lists of messages by the name of the queue: a text is the body as it
stands, anything else its JSON. Function Compute puts failure records into them. ReceiveMessage,
ChangeMessageVisibility and DeleteMessage are served under ``/queues/NAME/messages``, with MNS's own
signature and XML. Sources: the pages of these actions in "Simple Message Queue, API reference", and
the SDK `aliyun-mns-sdk` 1.3.0.

Where the pages are silent, this is decided here: every queue hides a received message for 30 s, the
documented default, and messages come in the order in which they became visible.
"""
