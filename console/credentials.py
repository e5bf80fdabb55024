"""What an operator reads whose credentials are missing or refused."""

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
    "no credentials in variables, ~/.aliyun/config.json or ~/.alibabacloud/credentials.ini: set "
    "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (for temporary credentials "
    "ALIBABA_CLOUD_SECURITY_TOKEN, too), or run `aliyun configure`"
)
TRY_LOCAL = "or add --local to try the command without an account"
WHOSE = "The calls were made with your own credentials, not with the function's role."
_EXPIRED = "Get new temporary credentials, and set all three variables."
_KEYS = "Check the AccessKey pair, or --profile."
NETWORK = "Check this machine's network access to the endpoint, its proxy and DNS."
# Security tokens and signatures are longer than this, and hold neither colon nor blank.
_SECRET = re.compile(r"[A-Za-z0-9+/=%_-]{40,}")


def redacted(text: str) -> str:
    """What a service said, without what may be a token or signature that it quotes."""
    return _SECRET.sub("***", text)


# Advice is written for the function; here a person is at work on a machine of their own.
_FOR_OPERATORS = (
    ("Check the function's network access to the endpoint.", NETWORK),
    ("between the function and the endpoint", "between this machine and the endpoint"),
    ("to the function's role", "to your RAM user or role"),
    ("Allow the RAM action named in the record to the role.", "Allow it to your RAM user or role."),
    ("Check the role or the AccessKey pair in use.", _KEYS),
    ("Give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID.", "Set one, or --profile."),
    ("Deploy to a region that offers this operation.", "Check --region: it does not offer this."),
    ("Nothing in Function Compute: a fresh instance has fresh credentials.", _EXPIRED),
    ("Set the clock, when run outside Function Compute.", "Set this machine's clock."),
)
# Function Compute and MNS have words of their own for a key that is wrong.
_OF_KEYS = ("Signature", "AccessKey", "AccessId")


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
        return no_credentials()
    whose = WHOSE if fault.treatment is Treatment.CREDENTIALS else ""
    return " ".join(filter(None, (f"{fault}.", _advice(fault), whose)))


def no_credentials(without: str = TRY_LOCAL) -> str:
    """One sentence for whoever has none, with what can be done `without` any."""
    return f"{NONE_FOUND}, {without}"


def _advice(fault: CloudFault) -> str:
    if fault.code in FAULTS:
        return for_operators(advice_on(fault.code, fault.operation))
    return _KEYS if any(word in fault.code for word in _OF_KEYS) else ""
