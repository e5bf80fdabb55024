"""What an operator is told whose credentials are missing or refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from console.exits import Exit
from handler.cloud.faults import FAULTS, NO_CREDENTIALS, advice_on
from handler.core.model import Treatment

if TYPE_CHECKING:
    from handler.core.errors import CloudFault

# In the order of the SDK's default chain, as far as a laptop has any of it.
NONE_FOUND = (
    "no credentials: found neither the variables ALIBABA_CLOUD_ACCESS_KEY_ID and "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET, nor a profile in ~/.aliyun/config.json or "
    "~/.alibabacloud/credentials.ini. Set the variables (of temporary credentials, "
    "ALIBABA_CLOUD_SECURITY_TOKEN too), or run: aliyun configure, and name what it made with "
    "--profile."
)
TRY_LOCAL = "To try the command without an account, add --local."
WHOSE = "The calls were made with your own credentials, not with the function's role."
_NETWORK = "Check this machine's network access to the endpoint, its proxy and DNS."
# Security tokens and signatures are longer than this, and hold neither colon nor blank.
_SECRET = re.compile(r"[A-Za-z0-9+/=%_-]{40,}")


def redacted(text: str) -> str:
    """What a service said, without what may be a token or signature that it quotes."""
    return _SECRET.sub("***", text)


# Advice is written for the function; here a person is at work on a machine of their own.
_FOR_OPERATORS = (
    ("Check the function's network access to the endpoint.", _NETWORK),
    ("between the function and the endpoint", "between this machine and the endpoint"),
    ("to the function's role", "to your RAM user or role"),
    ("Allow the RAM action named in the record to the role.", "Allow it to your RAM user or role."),
    ("Check the role or the AccessKey pair in use.", "Check the AccessKey pair, or --profile."),
    ("Give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID.", "Set one, or --profile."),
)


def for_operators(text: str) -> str:
    """A text with advice in it, for whoever runs the command instead of the function."""
    for of_function, of_operator in _FOR_OPERATORS:
        text = text.replace(of_function, of_operator)
    return text


def status_of(fault: CloudFault) -> Exit:
    """What a refusal means to a shell: without credentials, no call was made."""
    return Exit.BAD_REQUEST if fault.code == NO_CREDENTIALS else Exit.FAILED


def explained(fault: CloudFault) -> str:
    """What was refused, in the words of an operator."""
    if fault.code == NO_CREDENTIALS:
        return f"{NONE_FOUND} {TRY_LOCAL}"
    if fault.treatment is Treatment.CREDENTIALS:
        return f"{fault}. {WHOSE}"
    advice = for_operators(advice_on(fault.code, fault.operation)) if fault.code in FAULTS else ""
    return f"{fault}. {advice}".strip()
