"""What a request says of whom it is from and what it is for, as far as agents write that beside their prompts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from tokenguard.wire.decoding import FAILURES

_LONGEST = 1 << 16
"""Bytes: what is longer says nothing that anybody has to know."""

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_TEXT = msgspec.json.Decoder(str)


def told(metadata: Raw, **beside: Raw) -> Mapping[str, str]:
    """The strings in an object such as `metadata`, and those `beside` it, by name; whatever is none is left out."""
    members = {**_object(metadata), **beside}
    try:
        return {name: _TEXT.decode(value) for name, value in members.items() if bytes(value)[:1] == b'"'}
    except FAILURES:
        return {}


def wanted(form: Raw, *path: str) -> tuple[str, ...]:
    """Names of the properties of the JSON schema at a path of nested objects; empty where there is none."""
    for name in (*path, "properties"):
        form = _object(form).get(name, Raw())
    return tuple(_object(form))


def _object(value: Raw) -> dict[str, Raw]:
    if not 2 < len(bytes(value)) <= _LONGEST:
        return {}
    try:
        return _OBJECT.decode(value)
    except FAILURES:
        return {}
