"""Serving HTTPS: a certificate and its key, as files."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from localcloud.schema import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


def read_certificate(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what the server needs, or raise InvalidInput if the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one too
        raise InvalidInput(f"{certificate}, {key}: {error}") from error
    return context
