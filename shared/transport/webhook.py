"""The webhook: a signed POST to the one address that the settings name.

The signature is that of Standard Webhooks (standardwebhooks.com, specification 1.0): `webhook-id`,
`webhook-timestamp` (seconds since 1970), and `webhook-signature`, which is `v1,` and the base64 of an
HMAC-SHA256 over `<id>.<timestamp>.<body>`. The secret is `whsec_` and the base64 of its 24 to 64 bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from shared.transport.answer import AnswerLimits, AnswerTooLarge

_PREFIX = "whsec_"
# What a receiver may take, and write: nothing of its words is wanted.
_LIMITS = AnswerLimits(bytes=64 * 1024, seconds=10.0)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to post, and the key to sign with."""

    url: str = field(repr=False)  # it may hold a secret of the receiver
    key: bytes = field(repr=False)

    def headers(self, key: str, at: datetime, body: bytes) -> Mapping[str, str]:
        """Return the headers that prove who sent a body, and when."""
        timestamp = str(int(at.timestamp()))
        signed = b".".join((key.encode(), timestamp.encode(), body))
        signature = base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest())
        return {
            "Content-Type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature.decode()}",
        }

    async def post(
        self, http: httpx.AsyncClient, key: str, at: datetime, body: bytes
    ) -> str | None:
        """Post a body; return None when the receiver took it, else what it answered in a word or two."""
        headers = dict(self.headers(key, at, body))
        try:
            answer = await http.post(
                self.url,
                content=body,
                headers=headers,
                timeout=_LIMITS.seconds,
                extensions={"answer": _LIMITS},
            )
            status = answer.status_code
        except AnswerTooLarge as error:
            status = error.status_code  # which says whether it took the body
        except httpx.RequestError as error:
            return type(error).__name__  # its text may hold the address
        return None if httpx.codes.is_success(status) else str(status)


def open_webhook(url: str, secret: str) -> Webhook | None:
    """Return the webhook of the settings, None without an address; raise ValueError for a bad secret."""
    if not url:
        return None
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("WEBHOOK_SECRET must be whsec_ and the base64 of 24 to 64 random bytes.")
    return Webhook(url, key)
