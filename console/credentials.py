"""What an operator is told whose credentials are missing or refused."""

from __future__ import annotations

import re

# In the order of the SDK's default chain, as far as a laptop has any of it.
NONE_FOUND = (
    "no credentials: found neither the variables ALIBABA_CLOUD_ACCESS_KEY_ID and "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET, nor a profile in ~/.aliyun/config.json or "
    "~/.alibabacloud/credentials.ini. Set the variables (of temporary credentials, "
    "ALIBABA_CLOUD_SECURITY_TOKEN too), or run: aliyun configure."
)
TRY_LOCAL = "To try the command without an account, add --local."
WHOSE = "The calls were made with your own credentials, not with the function's role."
# Security tokens and signatures are longer than this, and hold neither colon nor blank.
_SECRET = re.compile(r"[A-Za-z0-9+/=%_-]{40,}")


def redacted(text: str) -> str:
    """What a service said, without what may be a token or signature that it quotes."""
    return _SECRET.sub("***", text)
