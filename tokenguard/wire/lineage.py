"""What shows that a request repeats all that an earlier one sent: fingerprints of its messages and of what is beside.

They are made of the bytes as they stand: where those are the same, so are the tokens, whatever they say. Left out is
only what is known to be no part of a prompt: limits, sampling, ids of callers, and the cache marks that agents move on
with every turn. A prompt that the provider cuts, and may cut differently the next time, has no lineage.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import msgspec
from msgspec import Raw

from tokenguard.records import Lineage
from tokenguard.wire.decoding import FAILURES

_ENVELOPE = "request"
"""Member of Code Assist's body that holds Gemini's."""

_HEAD = frozenset(
    {
        "functions",
        "instructions",
        "system",
        "systemInstruction",
        "system_instruction",
        "tools",
    }
)
"""Members that a prompt begins with. One that changes does not change what the others and the messages take."""

_BESIDE = frozenset(
    {
        "cache_control",
        "client_metadata",
        "contents",
        "input",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "previous_response_id",
        "project",
        "prompt_cache_key",
        "requestMetadata",
        "safety_identifier",
        "session_id",
        "stop_sequences",
        "stream",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
        "user",
        "user_prompt_id",
    }
)
"""Members that are no part of the prompt, and the messages themselves. Any other has to stay the same: one that lets
tools be used, or asks for thoughts, can bring back what the provider had left out of the prompt.
"""

_EDITS = re.compile(rb'"type":\s*"(?!clear_thinking_)')
"""Of `context_management`. The thoughts that a provider drops, it drops in every later turn as well."""

_MARK = re.compile(rb'"(?:cache_control|prompt_cache_breakpoint|cachePoint)":\s*\{[^{}]{0,80}\}')
_AS_LIST = b'{"role":"user","content":[{"type":"text","text":"', b'"}]}'
_AS_TEXT = b'{"role":"user","content":"', b'"}'
"""Claude Code writes a text that bears a mark as a list, and as a text again when the mark has moved on."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_BLOCKS = msgspec.json.Decoder(list[Raw])


def lineage_of(
    body: bytes,
    name: str,
    messages: list[Raw],
    sent: bytes,
    *,
    leading: int,
    marks: list[int],
    media: list[int],
    defers: bool,
) -> Lineage:
    """The lineage of a request whose messages are its member `name`, and `sent` as compact JSON.

    `leading` of them are system prompts. `marks` and `media` are where in `sent` cache marks and media stand. `defers`
    says that there are tools whose definitions the provider keeps out of the prompt until they are needed.
    """
    members = _members(body, name, sent)
    if not members or _is_cut(members):
        return Lineage()
    texts = list(map(bytes, messages))
    places = _places(messages, media)
    if marks:
        texts = _unmarked(texts, _places(messages, marks))
    if places and places[0] < leading:
        return Lineage()
    head = [(hash(part), len(part)) for part in _parts(members)]
    if leading:
        head += [(hash(text), len(text)) for text in texts[:leading]]
        texts, messages = texts[leading:], messages[leading:]
    terms = [(key, hash(bytes(value))) for key, value in members.items() if key not in _HEAD and key not in _BESIDE]
    return Lineage(
        hash(tuple(terms)) or 1,
        tuple(head),
        tuple(map(hash, texts)),
        tuple(accumulate(map(len, messages))),
        tuple(place - leading for place in places),
        _deferred_bytes(members["tools"]) if defers else 0,
    )


def _members(body: bytes, name: str, sent: bytes) -> dict[str, Raw]:
    """All members of a request, by name. The messages, most of its bytes, are cut out where they are found at once."""
    key = b'"%b":' % name.encode()
    start = body.find(key) + len(key)
    if start >= len(key) and body.startswith(sent, start):
        body = body[:start] + b"0" + body[start + len(sent) :]
    try:
        members = _MEMBERS.decode(body)
        if _ENVELOPE in members:
            members |= _MEMBERS.decode(members.pop(_ENVELOPE))
    except FAILURES:
        return {}
    return members


def _is_cut(members: dict[str, Raw]) -> bool:
    """Whether the provider may leave out older messages, and more or fewer of them the next time."""
    return (
        bytes(members.get("truncation", b"")) == b'"auto"'
        or bytes(members.get("transforms", b"")).strip(b"[] \t\r\n") not in (b"", b"null")
        or _EDITS.search(bytes(members.get("context_management", b""))) is not None
    )


def _parts(members: dict[str, Raw]) -> Iterable[bytes]:
    for name in _HEAD.intersection(members):
        value = bytes(members[name])
        if name == "system" and value.startswith(b"["):
            yield from map(bytes, _BLOCKS.decode(value))
        else:
            yield value


def _deferred_bytes(tools: Raw) -> int:
    return sum(len(tool) for tool in _BLOCKS.decode(tools) if b'"defer_loading"' in bytes(tool))


def _unmarked(texts: list[bytes], marked: list[int]) -> list[bytes]:
    for place in marked:
        for mark in reversed(list(_MARK.finditer(texts[place]))):
            texts[place] = _cut_out(texts[place], mark.start(), mark.end())
    (begin, end), (new_begin, new_end) = _AS_LIST, _AS_TEXT
    return [
        new_begin + text[len(begin) : -len(end)] + new_end if text.startswith(begin) and text.endswith(end) else text
        for text in texts
    ]


def _cut_out(text: bytes, start: int, end: int) -> bytes:
    """Without a member that stands there, or without the whole object if it is the only one."""
    before, after = text[:start].rstrip(), text[end:].lstrip()
    if before.endswith(b"{") and after.startswith(b"}"):
        before, after = before[:-1].rstrip(), after[1:].lstrip()
    if before.endswith(b","):
        return before[:-1] + after
    return before + after.removeprefix(b",")


def _places(messages: list[Raw], positions: list[int]) -> list[int]:
    """Which messages stand at these positions of their list, in order."""
    if not positions:
        return []
    ends = list(accumulate((len(message) + 1 for message in messages), initial=1))
    return sorted({bisect_right(ends, position) - 1 for position in positions})
