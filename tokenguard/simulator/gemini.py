"""Gemini generateContent and streamGenerateContent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenguard.simulator.conversation import each_call
from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import SSE, Ask, Block, Call, Event, Json, Rejected, Reply, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, mint, obj, spoken, text, tokens

NAME = "gemini"

PATH = re.compile(r".*/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent|countTokens)")
"""Of the paths that name a model and what to do with it."""

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def read(request: Request) -> Ask:
    path = PATH.fullmatch(request.path)
    contents = [obj(content) for content in arr(request.body.get("contents"))]
    if path is None or not contents:
        raise Rejected(400, "* GenerateContentRequest.contents: contents is not specified")
    said, rounds, result = _conversation(contents)
    config = obj(request.body.get("generationConfig"))
    thinking = obj(config.get("thinkingConfig"))
    return Ask(
        dialect=NAME,
        model=path["model"],
        prompt=prompt(request.body),
        stream=path["verb"] == "streamGenerateContent",
        said=said,
        rounds=rounds,
        result=result,
        tools=_tools(request.body),
        schema=_schema(config),
        max_output=integer(config.get("maxOutputTokens")),
        thinks=bool(thinking) and thinking.get("thinkingBudget") != 0,
        shows_thinking=thinking.get("includeThoughts") is True,
        media_type=SSE if request.query.get("alt") == "sse" else "application/json",
    )


def prompt(body: Json) -> tuple[Block, ...]:
    """The parts of the prompt in the order of caching."""
    parts = [*arr(body.get("tools"))]
    if system := body.get("systemInstruction"):
        parts.append(system)
    blocks = [block(part) for part in parts]
    for content in map(obj, arr(body.get("contents"))):
        blocks += [block({"role": content.get("role")} | obj(part)) for part in arr(content.get("parts"))]
    return tuple(blocks)


def count(request: Request) -> bytes:
    """The answer of the free token counter."""
    body = obj(request.body.get("generateContentRequest")) or request.body
    return encode({"totalTokens": sum(part.tokens for part in prompt(body))})


def identity(key: str) -> str:
    """The id of the response."""
    return mint(key, "", 23)


def whole(reply: Reply) -> bytes:
    answer = reply.answer
    parts = [_thought(answer.thinking)] if answer.thinking and reply.ask.shows_thinking else []
    parts += [_called(key, call) for key, call in each_call(reply)] or [{"text": answer.text}]
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": _reason(reply), "index": 0}
    return encode({"candidates": [candidate], "usageMetadata": _usage(reply, reply.usage.output)} | _tail(reply))


def events(reply: Reply) -> Iterator[Event]:
    answer, size = reply.answer, reply.usage.output
    chunks: list[tuple[Json, int]] = []
    done = tokens(answer.thinking)
    if answer.thinking and reply.ask.shows_thinking:
        chunks.append((_thought(answer.thinking), done))
    for piece, so_far in pieces(answer.text, reply.key):
        chunks.append(({"text": piece}, done + so_far))
    for key, call in each_call(reply):
        chunks.append((_called(key, call), size))
    if not chunks:
        chunks.append(({"text": ""}, size))
    in_events = reply.ask.media_type == SSE
    between, closing = (b"data: ", b"\r\n\r\n") if in_events else (b",\r\n", b"")
    for number, (part, output) in enumerate(chunks, 1):
        last = number == len(chunks)
        candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = _reason(reply)
        usage = _usage(reply, output, provisional=not last)
        data = encode({"candidates": [candidate], "usageMetadata": usage} | _tail(reply))
        opening = b"[" if number == 1 and not in_events else between
        yield Event(opening + data + closing + (b"]" if last and not in_events else b""), output)


def headers(key: str) -> dict[str, str]:
    return {"server-timing": "gfet4t7; dur=7"}


def failure(status: int, message: str, key: str) -> bytes:
    return encode({"error": {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}})


def broken(key: str) -> bytes:
    return b"data: " + failure(503, "The model is overloaded. Please try again later.", key) + b"\r\n\r\n"


def padding(size: int) -> bytes:
    return b'data: {"candidates":[],"padding":"' + b"x" * size + b'"}\r\n\r\n'


def _conversation(contents: list[Json]) -> tuple[str, int, str]:
    """What a person said last, the tool rounds since, and the result of the last one."""
    said, rounds, result = "", 0, ""
    for content in contents:
        parts = [obj(part) for part in arr(content.get("parts"))]
        results = [obj(part["functionResponse"]) for part in parts if "functionResponse" in part]
        if content.get("role") == "model":
            continue
        if results:
            returned = obj(results[-1].get("response"))
            rounds, result = rounds + len(results), text(returned.get("output")) or encode(returned).decode()
        elif own := spoken([text(part.get("text")) for part in parts]):
            said, rounds, result = own, 0, ""
    return said, rounds, result


def _tools(body: Json) -> tuple[Tool, ...]:
    declared = [obj(one) for tool in arr(body.get("tools")) for one in arr(obj(tool).get("functionDeclarations"))]
    return tuple(
        Tool(text(one.get("name")), obj(one.get("parametersJsonSchema")) or obj(one.get("parameters")))
        for one in declared
    )


def _schema(config: Json) -> Json | None:
    if config.get("responseMimeType") != "application/json":
        return None
    given = obj(config.get("responseJsonSchema")) or obj(config.get("responseSchema"))
    return given or {"type": "object"}


def _thought(thinking: str) -> Json:
    return {"text": thinking, "thought": True}


def _called(key: str, call: Call) -> Json:
    function: Json = {"name": call.tool.name, "args": call.arguments}
    return {"functionCall": function, "thoughtSignature": mint(key, "Ci", 64)}


def _tail(reply: Reply) -> Json:
    return {"modelVersion": reply.model, "responseId": identity(reply.key)}


def _reason(reply: Reply) -> str:
    return "MAX_TOKENS" if reply.answer.limited else "STOP"


def _usage(reply: Reply, output: int, *, provisional: bool = False) -> Json:
    usage = reply.usage
    # Until its last chunk, a stream reports a prompt that is somewhat too large.
    prompt = usage.prompt + (usage.prompt // 16 if provisional else 0)
    thoughts = min(output, usage.reasoning)
    said = output - thoughts
    counts: Json = {"promptTokenCount": prompt}
    if said:
        counts["candidatesTokenCount"] = said
    counts["totalTokenCount"] = prompt + output
    if usage.cache_read:
        counts["cachedContentTokenCount"] = usage.cache_read
        counts["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": usage.cache_read}]
    counts["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return counts | {"serviceTier": "standard"}
