"""Signatures of requests as in the Standard Webhooks specification: HMAC-SHA256 over id, timestamp and body."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping, Sequence

from ._codec import Buffer

TOLERANCE = 300
"""Seconds by which the clocks of both sides may differ."""


class Verifier:
    """Checks signatures with each of several secrets, so that they can be rotated. Thread-safe."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if isinstance(secrets, str):
            raise TypeError("signing_secrets is a str: it must be a sequence of them")
        self._keys = [_key(secret, index) for index, secret in enumerate(secrets)]

    def complaint(self, headers: Mapping[str, str], body: Buffer) -> str | None:
        """What is wrong with the signature of a request; None if it is right. Names of headers are in lower case."""
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        signatures = headers.get("webhook-signature", "")
        if not (message_id and timestamp and signatures):
            return "the signature is missing: set the signing secret in the sidecar"
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
            return "webhook-timestamp is not a number of seconds since 1970"
        if abs(time.time() - int(timestamp)) > TOLERANCE:
            return f"webhook-timestamp is more than {TOLERANCE} s away from this clock: set both clocks"
        if not self._matches(f"{message_id}.{timestamp}.".encode(), body, signatures.split()):
            return "the signature is wrong: give the app and the sidecar the same secret"
        return None

    def _matches(self, start: bytes, body: Buffer, signatures: list[str]) -> bool:
        given = [signature[3:].encode() for signature in signatures if signature.startswith("v1,")]
        for key in self._keys:
            digest = hmac.new(key, start, "sha256")
            digest.update(body)
            expected = base64.b64encode(digest.digest())
            if any([hmac.compare_digest(expected, signature) for signature in given]):  # noqa: C419 in constant time
                return True
        return False


def _key(secret: str, index: int) -> bytes:
    try:
        key = base64.b64decode(secret[len("whsec_") :] if secret.startswith("whsec_") else secret, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"signing_secrets[{index}] is not whsec_ followed by standard base64")
    return key
