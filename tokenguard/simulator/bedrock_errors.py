"""What Bedrock's two protocols have in common besides their bodies."""

from __future__ import annotations

import re
from hashlib import blake2b
from uuid import UUID

from tokenguard.simulator import event_stream
from tokenguard.simulator.shape import Rejected, Request
from tokenguard.simulator.values import encode

_PATH = re.compile(r".*/model/(?P<model>[^/]+)/(?P<verb>[a-z-]+)")


def named(request: Request) -> tuple[str, str]:
    """The model in a path, and what to do with it. Raises `Rejected`."""
    path = _PATH.fullmatch(request.path)
    if path is None:
        raise Rejected(400, "The provided model identifier is invalid.")
    return path["model"], path["verb"]


def identity(key: str) -> str:
    """The id of the request: answers name none of their own."""
    return str(UUID(bytes=blake2b(key.encode(), digest_size=16).digest()))


def headers(key: str) -> dict[str, str]:
    """Headers that name the request."""
    return {"x-amzn-requestid": identity(key)}


def failure(status: int, message: str, key: str) -> bytes:
    """An error as a JSON document; `key` is not used, the id stands in the headers."""
    return encode({"message": message})


def broken(key: str) -> bytes:
    """An error in the middle of a stream."""
    return event_stream.exception("modelStreamErrorException", "The system encountered an unexpected error.")
