"""Posts to an address of the user's, signed."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from tokenguard import __version__
from tokenguard.notify.notices import Notice
from tokenguard.upstream import Network, UpstreamError, Upstreams

log = logging.getLogger(__name__)

DEADLINE = 5.0
"""Seconds for one try."""
PAUSES = (1.0, 5.0)
"""Seconds between the tries."""

_LATER = (408, 425, 429)
"""Statuses besides those of 500 and more after which another try is worth it."""


class Webhook:
    """Posts notices, one after the other."""

    def __init__(self, upstreams: Upstreams, network: Network, url: str, secret: bytes | None) -> None:
        self._upstreams = upstreams
        self._network = network
        self._url = url
        self._secret = secret

    async def tell(self, told: Notice) -> None:
        """Post it until it is taken, three times at most."""
        delivery = secrets.token_hex(8)
        problem = ""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            problem, again = await self._post(told, delivery)
            if not again:
                break
        if problem:
            # Of the address only the host: many hold a secret in their path.
            log.warning("the webhook at %s was not told of %s: %s", urlsplit(self._url).hostname, told.type, problem)

    async def _post(self, told: Notice, delivery: str) -> tuple[str, bool]:
        """What went wrong, empty if nothing did, and whether another try is worth it."""
        sent_at = int(time.time())
        body = msgspec.json.encode(
            {
                "id": delivery,
                "type": told.type,
                "at": datetime.fromtimestamp(told.at_us / 1_000_000, UTC).isoformat(timespec="milliseconds"),
                "sent_at": sent_at,
                "text": f"{told.title}. {told.text}",
                "data": told.data,
            }
        )
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", f"tokenguard/{__version__}"),
            ("X-Tokenguard-Timestamp", str(sent_at)),
        ]
        if self._secret is not None:
            headers.append(("X-Tokenguard-Signature", f"sha256={hmac.digest(self._secret, body, 'sha256').hex()}"))
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await self._upstreams.send(
                    self._network, self._url, "", method="POST", headers=headers, body=body
                )
        except TimeoutError:
            return f"no answer within {DEADLINE:.0f} s", True
        except UpstreamError as error:
            return error.message, True
        answer.close()
        status = answer.status
        return ("" if 200 <= status < 300 else f"it answered with {status}"), status >= 500 or status in _LATER
