"""The keys that may sign: those of the world, and the temporary ones that STS has handed out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from localcloud.model import AccessKey

if TYPE_CHECKING:
    from collections.abc import Iterable


class KeyRing:
    """Every key by its id; expired ones stay, because they are refused in their own way."""

    def __init__(self, keys: Iterable[AccessKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def get(self, key_id: str) -> AccessKey | None:
        """Return a key if it was ever valid."""
        return self._keys.get(key_id)

    def issue(self, expires: float) -> AccessKey:
        """Hand out a new temporary key."""
        key = AccessKey(
            id=f"STS.{secrets.token_hex(12)}",
            secret=secrets.token_hex(20),
            security_token=secrets.token_urlsafe(48),
            expires=expires,
        )
        self._keys[key.id] = key
        return key
