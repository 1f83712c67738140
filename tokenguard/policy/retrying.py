"""What agents take for a reason to try again, and how texts are kept free of it.

Agents run patterns over the whole body of an error and take some words and digit runs for a passing fault; they then
send the request again, up to thirty times, or pay for a compaction. The list was found with fifteen real agents.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from hashlib import sha256

from tokenguard.policy.naming import printable

_RETRY_DIGITS = ("429", "500", "502", "503", "504", "524", "529")
_RETRY_WORDS = (
    "rate limit",
    "too many requests",
    "overloaded",
    "server error",
    "internal error",
    "unavailable",
    "resource exhausted",
    "timeout",
    "timed out",
    "terminated",
    "try again later",
    "context length",
    "exceeds the limit of",
    "too many tokens",
    "token limit",
    "prompt is too long",
)
"""Also as one word, and with underscores or dashes in place of the blanks, as types and codes of errors have them."""

_HIT = re.compile(
    "|".join((*_RETRY_DIGITS, *(words.replace(" ", "[ _-]?") for words in _RETRY_WORDS))),
    re.IGNORECASE,
)
PLAINEST = "tokenguard stopped this request. See tokenguard status"


def is_safe(text: str) -> bool:
    """Whether no agent that we know takes the text for a reason to try again."""
    return _HIT.search(text) is None and '"' not in text


def harmless(text: str, put: Callable[[str], bytes]) -> str:
    """The text, or the plainest one where what `put` makes of it would make agents try again.

    `put` gives the whole body: what surrounds the text in it, and how its characters are written there, counts too.
    """
    said = printable(text)
    body = put(said).decode("utf-8", "replace")
    return said if is_safe(said) and _HIT.search(body) is None else PLAINEST


def safe_label(label: str) -> str:
    """The label of a slot, or an opaque id of letters where the label itself would make agents try again.

    `tokenguard budget raise` takes either.
    """
    return label if is_safe(label) and label.isprintable() else _opaque(label)


def safe_argument(label: str) -> str:
    """The label as a shell takes it; the opaque id where quotes would have to stand around it that do harm."""
    quoted = shlex.quote(safe_label(label))
    return quoted if is_safe(quoted) else _opaque(label)


def _opaque(label: str) -> str:
    digest = sha256(label.encode("utf-8", "surrogatepass")).digest()
    return "id-" + "".join(chr(ord("a") + byte % 26) for byte in digest[:6])
