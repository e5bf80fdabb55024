"""A local Function Compute: the functions of the world, each run in processes of its own.

A world's ``functions`` are objects with these fields:

- ``name``: unique in the world; ``service``: given, the function lives on FC 2.0 and is invoked
  by ``POST /2016-08-15/services/{service[.qualifier]}/functions/{name}/invocations``; left out, it
  lives on FC 3.0: ``POST /2023-03-30/functions/{name}/invocations?qualifier=``.
- ``code``: a folder, relative to the working directory of the local cloud; ``handler`` and
  ``initializer``: ``file.function`` in it. ``pre_stop`` of the handler's file is called if present.
- ``runtime``: ``python3.10`` or ``python3.12`` (FC 3.0 only). It decides the shape of the context
  and where credentials stand; the interpreter is always the one that runs the local cloud.
- ``timeout``: seconds of the machine, because a function reads the machine's clock; ``env``.
- ``grace``: seconds for which a function may go on after its timeout (0, as in Function Compute).
  It lets a test of what a function does about its timeout pass on a machine that stalls.
- ``retries`` of asynchronous invocations (3) and ``on_failure``: the name of another function, or
  ``mns:QUEUE``, a queue that ``localcloud.queues`` serves and ``/_localcloud/state`` shows.
- ``instances``: how many may run at a time (100); ``qualifiers``: what it can be invoked as besides
  LATEST.

Of the environment of the local cloud a function sees PATH, HOME and LANG. It gets temporary keys
like any role, and ``ECS_ENDPOINT``, ``VPC_ENDPOINT``, ``ESS_ENDPOINT`` and ``FUNCTIONS_ENDPOINT``
lead back to the local cloud, unless its ``env`` says otherwise.

Where the pages are silent, this is decided here:

- Function errors of asynchronous invocations are retried after 0.5, 1, 2 ... seconds, as throttled
  ones are; a minute that is shorter than 60 seconds shortens these waits alike.
- The initializer has the same timeout as the handler. If it fails, so does the invocation, and the
  instance is discarded.
- A row of the log ends where its write ended; a line break at its end, and rows that are nothing
  else, are dropped.
- A failure record of more than 64 KB cannot be sent to a queue and is lost, with a row in the log.
"""
