"""OpenAI Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.simulator.conversation import call_tokens, each_call
from tokenguard.simulator.openai_errors import failure as failure
from tokenguard.simulator.openai_errors import headers as headers
from tokenguard.simulator.pricing import writes_cost
from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import CREATED, Ask, Call, Event, Json, Rejected, Reply, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, mint, obj, spoken, text, tokens

NAME = "openai-chat"
_MISTRAL = ("mistral-", "ministral-", "magistral-", "codestral-", "devstral-")


def read(request: Request) -> Ask:
    body = request.body
    messages = [obj(message) for message in arr(body.get("messages"))]
    if not messages:
        raise Rejected(400, "Missing required parameter: 'messages'.")
    said, rounds, result = _conversation(messages)
    form = obj(body.get("response_format"))
    limit = integer(body.get("max_completion_tokens"))
    return Ask(
        dialect=NAME,
        model=text(body.get("model")),
        prompt=tuple(block(part) for part in (*arr(body.get("tools")), *messages)),
        stream=body.get("stream") is True,
        said=said,
        rounds=rounds,
        result=result,
        tools=tuple(_tool(obj(tool)) for tool in arr(body.get("tools"))),
        schema=obj(obj(form.get("json_schema")).get("schema")) if form.get("type") == "json_schema" else None,
        max_output=limit if limit is not None else integer(body.get("max_tokens")),
        thinks="reasoning_effort" in body and body["reasoning_effort"] != "none",
        tier=text(body.get("service_tier")) or "auto",
        include_usage=obj(body.get("stream_options")).get("include_usage") is True,
    )


def count(request: Request) -> bytes:
    """OpenAI counts tokens through its other protocol only."""
    raise Rejected(404, "Unknown request URL")


def identity(key: str) -> str:
    """The id of the response."""
    return mint(key, "chatcmpl-", 29)


def whole(reply: Reply) -> bytes:
    message: Json = {"role": "assistant", "content": reply.answer.text or None, "refusal": None}
    if reply.answer.calls:
        message["tool_calls"] = [_called(key, call) for key, call in each_call(reply)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(reply)}
    return encode(_head(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply)})


def events(reply: Reply) -> Iterator[Event]:
    answer = reply.answer
    done = tokens(answer.thinking)
    for index, (key, call) in enumerate(each_call(reply)):
        called = _called(key, call)
        function = obj(called["function"])
        opened: Json = called | {"index": index, "function": function | {"arguments": ""}}
        first: Json = {} if index else {"role": "assistant", "content": None}
        size = call_tokens(call)
        if _is_mistral(reply):
            yield _chunk(reply, first | {"tool_calls": [called | {"index": index}]}, None, done + size)
            done += size
            continue
        yield _chunk(reply, first | {"tool_calls": [opened]}, None, done)
        for piece, so_far in pieces(text(function["arguments"]), key):
            delta: Json = {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            yield _chunk(reply, delta, None, done + min(so_far, size))
        done += size
    if not answer.calls:
        yield _chunk(reply, {"role": "assistant", "content": "", "refusal": None}, None, done)
        for piece, so_far in pieces(answer.text, reply.key):
            yield _chunk(reply, {"content": piece}, None, done + so_far)
    yield _chunk(reply, {}, _reason(reply), reply.usage.output)
    if reply.ask.include_usage and not _is_mistral(reply):
        report: Json = {"choices": [], "usage": _usage(reply)}
        last = _head(reply, "chat.completion.chunk") | report
        yield Event(b"data: " + encode(last) + b"\n\n", reply.usage.output)
    yield Event(b"data: [DONE]\n\n", reply.usage.output)


def broken(key: str) -> bytes:
    return b"data: " + failure(500, "The server had an error while processing your request.", key) + b"\n\n"


def padding(size: int) -> bytes:
    return (
        b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":null}],'
        b'"obfuscation":"' + b"x" * size + b'"}\n\n'
    )


def _conversation(messages: list[Json]) -> tuple[str, int, str]:
    """What a person said last, the tool results since, and the last of them."""
    said, rounds, result = "", 0, ""
    for message in messages:
        content = message.get("content")
        words = [content] if isinstance(content, str) else [text(obj(part).get("text")) for part in arr(content)]
        if message.get("role") == "tool":
            rounds, result = rounds + 1, "\n".join(words)
        elif message.get("role") == "user" and (own := spoken(words)):
            said, rounds, result = own, 0, ""
    return said, rounds, result


def _tool(tool: Json) -> Tool:
    function = obj(tool.get("function"))
    return Tool(text(function.get("name")), obj(function.get("parameters")))


def _called(key: str, call: Call) -> Json:
    function: Json = {"name": call.tool.name, "arguments": encode(call.arguments).decode()}
    return {"id": mint(key, "call_", 24), "type": "function", "function": function}


def _head(reply: Reply, kind: str) -> Json:
    return {
        "id": identity(reply.key),
        "object": kind,
        "created": CREATED,
        "model": reply.model,
        "service_tier": reply.legs[-1].tier,
        "system_fingerprint": "fp_simulated",
    }


def _chunk(reply: Reply, delta: Json, reason: str | None, output: int) -> Event:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    chunk = _head(reply, "chat.completion.chunk") | {"choices": [choice]}
    if _is_mistral(reply):
        if reason:
            chunk["usage"] = _usage(reply)
    elif reply.ask.include_usage:
        chunk["usage"] = None
    return Event(b"data: " + encode(chunk) + b"\n\n", output)


def _is_mistral(reply: Reply) -> bool:
    """Whether Mistral serves it: a tool call comes in one piece there, and usage with the last chunk, asked or not."""
    return reply.model.startswith(_MISTRAL)


def _reason(reply: Reply) -> str:
    return "length" if reply.answer.limited else "tool_calls" if reply.answer.calls else "stop"


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    prompt = {"cached_tokens": usage.cache_read, "audio_tokens": 0}
    if writes_cost(reply.model):
        prompt["cache_write_tokens"] = usage.cache_write_5m
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }
