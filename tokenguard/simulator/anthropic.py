"""Anthropic Messages."""

from __future__ import annotations

from tokenguard.simulator.anthropic_answer import events as events
from tokenguard.simulator.anthropic_answer import identity as identity
from tokenguard.simulator.anthropic_answer import whole as whole
from tokenguard.simulator.shape import Ask, Block, Json, Rejected, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, mint, obj, spoken, text

NAME = "anthropic-messages"

TOOL_PROMPT = Block(b"tool prompt", 346)
"""Offering tools makes Anthropic add a prompt of its own, of this many tokens."""

TURN = Block(b"turn", 4)
"""What opens the model's turn stands behind every prompt, and is never cached."""

_LEAST_THINKING = 1_024

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def read(request: Request) -> Ask:
    body = request.body
    limit = integer(body.get("max_tokens"))
    if limit is None or limit < 1:
        raise Rejected(400, "max_tokens: Field required")
    messages = [obj(message) for message in arr(body.get("messages"))]
    if not messages:
        raise Rejected(400, "messages: at least one message is required")
    said, rounds, result = _conversation(messages)
    thinking = obj(body.get("thinking"))
    _check_thinking(thinking, limit)
    return Ask(
        dialect=NAME,
        model=text(body.get("model")),
        prompt=prompt(body),
        stream=body.get("stream") is True,
        said=said,
        rounds=rounds,
        result=result,
        tools=tuple(
            Tool(text(tool.get("name")), obj(tool.get("input_schema")))
            for tool in map(obj, arr(body.get("tools")))
            if "input_schema" in tool
        ),
        schema=_schema(body),
        max_output=limit,
        thinks=thinking.get("type") in ("enabled", "adaptive"),
        shows_thinking=thinking.get("display") != "omitted",
        tier="fast" if body.get("speed") == "fast" else "default",
        geo=text(body.get("inference_geo")) or "global",
    )


def prompt(body: Json) -> tuple[Block, ...]:
    """The parts of the prompt in the order of caching: tools, system, messages."""
    tools = arr(body.get("tools"))
    parts = [*tools, *filter(_is_prompt, _content(body.get("system")))]
    blocks = [*([TOOL_PROMPT] if tools else []), *map(_block, parts)]
    for message in map(obj, arr(body.get("messages"))):
        role = text(message.get("role"))
        blocks += [_block({"role": role} | obj(part)) for part in _content(message.get("content"))]
    if blocks and (automatic := _lifetime(body)):
        blocks[-1] = Block(blocks[-1].digest, blocks[-1].tokens, automatic)
    return (*blocks, TURN)


def headers(key: str) -> dict[str, str]:
    return {"request-id": mint(key, "req_01"), "anthropic-organization-id": "simulated-organization"}


def failure(status: int, message: str, key: str) -> bytes:
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return encode({"type": "error", "error": error, "request_id": mint(key, "req_01")})


def broken(key: str) -> bytes:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return b"event: error\ndata: " + encode({"type": "error", "error": error}) + b"\n\n"


def padding(size: int) -> bytes:
    return b'event: ping\ndata: {"type":"ping","padding":"' + b"x" * size + b'"}\n\n'


def count(request: Request) -> bytes:
    """The answer of the free token counter."""
    return encode({"input_tokens": sum(block.tokens for block in prompt(request.body))})


def _conversation(messages: list[Json]) -> tuple[str, int, str]:
    """What a person said last, the tool rounds since, and the result of the last one."""
    said, rounds, result = "", 0, ""
    for message in messages:
        parts = [obj(part) for part in _content(message.get("content"))]
        if message.get("role") != "user":
            continue
        results = [part for part in parts if part.get("type") == "tool_result"]
        if results:
            rounds, result = rounds + len(results), _plain(results[-1].get("content"))
            continue
        if words := spoken([text(part.get("text")) for part in parts]):
            said, rounds, result = words, 0, ""
    return said, rounds, result


def _check_thinking(thinking: Json, limit: int) -> None:
    budget = integer(thinking.get("budget_tokens")) or 0
    if thinking.get("type") != "enabled":
        return
    if budget < _LEAST_THINKING:
        raise Rejected(400, f"thinking.enabled.budget_tokens: must be at least {_LEAST_THINKING}")
    if budget >= limit:
        raise Rejected(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _content(value: object) -> list[object]:
    return [{"type": "text", "text": value}] if isinstance(value, str) else arr(value)


def _plain(content: object) -> str:
    return "\n".join(text(obj(part).get("text")) for part in _content(content))


def _is_prompt(part: object) -> bool:
    """Not what Claude Code says about itself first: it differs in every request, and caching works all the same."""
    return not text(obj(part).get("text")).startswith("x-anthropic-billing-header:")


def _block(value: object) -> Block:
    fields = dict(obj(value))
    lifetime = _lifetime(fields)
    fields.pop("cache_control", None)
    return block(fields, cache=lifetime)


def _lifetime(fields: Json) -> str | None:
    control = fields.get("cache_control")
    return (text(obj(control).get("ttl")) or "5m") if control else None


def _schema(body: Json) -> Json | None:
    form = obj(obj(body.get("output_config")).get("format")) or obj(body.get("output_format"))
    return obj(form.get("schema")) if form.get("type") == "json_schema" else None
