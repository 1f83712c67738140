"""Which headers pass, and how: everything but what belongs to one connection (RFC 9110, 7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.proxy.encoding import acceptable

RawHeaders = tuple[tuple[bytes, bytes], ...]

SESSION = "x-tokenguard-session"
"""By which a client without a token names its session. Meant for us, it goes no further."""

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The client library names the upstream's own host; a body that was expected has been read already.
_NOT_FORWARDED = _HOP_BY_HOP | {b"host", b"expect", SESSION.encode()}
# A question beside the call must not be taken for the call, nor does it want a stream.
_OF_THE_CALL = frozenset({"accept", "idempotency-key"})


def request_headers(
    raw: RawHeaders, length: int, *, metered: bool, rewritten: bool, filtered: bool = False
) -> list[tuple[str, str]]:
    """Headers of the request upstream, in their order and spelling.

    `length` is the body's, which is not encoded any more if it was `rewritten`. For a `metered` call only encodings are
    accepted that the meter can undo; where the answer will be `filtered`, none.
    """
    dropped = _dropped(raw, _NOT_FORWARDED)
    spelled: dict[bytes, str] = {}
    headers: list[tuple[str, str]] = []
    for raw_name, raw_value in raw:
        lower = raw_name.lower()
        if lower in dropped:
            continue
        value = _text(raw_value)
        if lower == b"content-length":
            value = str(length)
        elif lower == b"accept-encoding" and metered:
            value = "identity" if filtered else acceptable(value)
        elif lower == b"content-encoding" and rewritten:
            continue
        # Of duplicates that differ in case, aiohttp would lose all but the last.
        headers.append((spelled.setdefault(lower, raw_name.decode("latin-1")), value))
    if filtered and b"accept-encoding" not in spelled:
        headers.append(("Accept-Encoding", "identity"))
    return headers


def question_headers(raw: RawHeaders, length: int) -> list[tuple[str, str]]:
    """Headers of a question of our own, with a body of that length, in the name of a request with these headers."""
    headers = request_headers(raw, length, metered=True, rewritten=True, filtered=True)
    own = [header for header in headers if header[0].lower() not in _OF_THE_CALL]
    return [*own, ("Accept", "application/json")]


def upgrade_headers(raw: RawHeaders) -> list[tuple[str, str]]:
    """Headers of the request for a WebSocket upstream, which has a handshake of its own."""
    return _own_handshake(request_headers(raw, 0, metered=False, rewritten=False))


def upgraded_headers(raw: RawHeaders) -> list[tuple[str, str]]:
    """Headers of the answer that opened a WebSocket upstream, for the answer to the client."""
    dropped = _dropped(raw, _HOP_BY_HOP)
    return _own_handshake((_text(name), _text(value)) for name, value in raw if name.lower() not in dropped)


def response_head(status: int, reason: str, raw: RawHeaders, added: tuple[bytes, ...], *, keep_length: bool) -> bytes:
    """The head of the answer to the client: the upstream's, and the lines `added`, which say how the body ends."""
    dropped = _dropped(raw, _HOP_BY_HOP if keep_length else _HOP_BY_HOP | {b"content-length"})
    lines = [b"HTTP/1.1 %d %b" % (status, reason.encode("utf-8", "surrogateescape"))]
    lines += [b"%b: %b" % header for header in raw if header[0].lower() not in dropped]
    return b"\r\n".join((*lines, *added, b"\r\n"))


def _dropped(raw: RawHeaders, always: frozenset[bytes]) -> frozenset[bytes]:
    listed = [value for name, value in raw if name.lower() == b"connection"]
    if not listed:
        return always
    return always | {name.strip().lower() for name in b",".join(listed).split(b",")}


def _own_handshake(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [header for header in headers if not header[0].lower().startswith("sec-websocket-")]


def _text(value: bytes) -> str:
    # aiohttp writes headers as UTF-8. Bytes that are not (Node sends Latin-1) keep their characters that way.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
