"""What the logs of several agents have in common: times, amounts, and names of providers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from tokenguard.agents.side import identifier
from tokenguard.wire.decoding import nanos_of_usd

_SECONDS, _MILLIS, _MICROS = 10**8, 10**11, 10**14
"""Where numbers begin that can only be an instant in this unit: after 1973, and before the year 5138."""

_LATEST_US = 253_402_300_799_999_999
"""The end of the year 9999, after which no calendar of Python's goes."""

_PROVIDERS = {
    "google": "gemini",
    "google-vertex": "vertex",
    "google-vertex-anthropic": "vertex",
    "vertex_ai": "vertex",
    "vertexai": "vertex",
    "amazon-bedrock": "bedrock",
    "aws-bedrock": "bedrock",
    "bedrock-converse": "bedrock",
    "moonshot": "kimi",
    "moonshotai": "kimi",
    "moonshotai-cn": "kimi",
    "kimi-coding": "kimi",
    "kimi-for-coding": "kimi",
    "x-ai": "xai",
    "openai-codex": "chatgpt",
    "openai-native": "openai",
    "github-copilot": "copilot",
    "mistralai": "mistral",
}
"""Names that agents use -> tokenguard's."""

_BEGINNINGS = (
    (("claude", "opus", "sonnet", "haiku"), "anthropic"),
    (("gpt", "chatgpt", "codex", "o1", "o3", "o4"), "openai"),
    (("gemini", "gemma"), "gemini"),
    (("grok",), "xai"),
    (("deepseek",), "deepseek"),
    (("kimi", "moonshot"), "kimi"),
    (("mistral", "codestral", "devstral", "magistral", "ministral"), "mistral"),
    (("qwen", "qwq"), "qwen"),
)


def instant(value: str | float | None) -> int:
    """Microseconds of an ISO 8601 text (UTC where it names no zone) or of a number of seconds, milli- or microseconds.

    0 where it is no instant.
    """
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return 0
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return max(0, (at - _EPOCH) // _MICROSECOND)
    if value is None or not _SECONDS <= value <= _LATEST_US:
        return 0
    return int(value if value >= _MICROS else value * 1_000 if value >= _MILLIS else value * 1_000_000)


def begun_anew(line: bytes) -> bytes:
    """The last part of a line that begins as the line does: a crash leaves half of one, and the next is added to it.

    Empty where there is none.
    """
    begin = line.rfind(line[:_BEGINNING], 1)
    return line[begin:] if begin > 0 else b""


_BEGINNING = 9
"""Bytes by which the beginning of a line is known: `{"type":"`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution


def nanos(usd: float | str | None) -> int | None:
    """A figure in dollars as nanodollars; None for what no call can cost."""
    try:
        return None if usd is None else nanos_of_usd(Decimal(str(usd)))
    except InvalidOperation:
        return None


def provider_of(model: str) -> str:
    """tokenguard's name of the provider that makes a model; empty where its name does not tell."""
    name = model.rpartition("/")[2].lower()
    return next((provider for begins, provider in _BEGINNINGS if name.startswith(begins)), "")


def provider_named(name: str | None, model: str = "") -> str:
    """tokenguard's name of a provider that an agent names its own way; the model's maker where it names none."""
    if not name:
        return provider_of(model)
    lowered = name.lower()
    return _PROVIDERS.get(lowered, identifier(lowered) or "")
