"""CPU of reading requests and metering responses: `python -m tests.bench.bench_wire`.

Medians over 25 rounds. A request has about 76 kB; a stream has 200 content events, fed one at a time.
"""

from __future__ import annotations

import json
import statistics
import time
import timeit
from collections.abc import Callable

from tokenguard import wire
from tokenguard.records import Facts

ROUNDS = 25
EVENTS = 200

ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-sonnet-4-5","id":"msg_1","type":'
    b'"message","role":"assistant","content":[],"usage":{"input_tokens":20000,"cache_read_input_tokens":7,"cache_creation'
    b'_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}}\n\n',
    *[
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
        b'"text":"Some words %d and \\"more\\""}     }\n\n' % n
        for n in range(EVENTS)
    ],
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":'
    b'20000,"cache_read_input_tokens":7,"cache_creation_input_tokens":0,"output_tokens":900}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
CHAT_CHUNK = (
    b'data: {"id":"chatcmpl-DPTDlDZ0BKtfYBoFvFq4m1HcXHL2r","object":"chat.completion.chunk","created":1774962897,'
    b'"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_1","choices":%s,"usage":%s}\n\n'
)
CHAT = [
    *[
        CHAT_CHUNK % (b'[{"index":0,"delta":{"content":" word %d"},"logprobs":null,"finish_reason":null}]' % n, b"null")
        for n in range(EVENTS)
    ],
    CHAT_CHUNK % (b"[]", b'{"prompt_tokens":20000,"completion_tokens":900,"total_tokens":20900}'),
    b"data: [DONE]\n\n",
]
RESPONSE = b'"response":{"id":"resp_1","object":"response","status":"%s","model":"gpt-5","output":[],"usage":%s}}\n\n'
RESPONSES = [
    b'event: response.created\ndata: {"type":"response.created",' + RESPONSE % (b"in_progress", b"null"),
    *[
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%d,"item_id":'
        b'"msg_68c0d3c4b1a48191a2c3d4e5f607","output_index":0,"content_index":0,"delta":" words","logprobs":[]}\n\n' % n
        for n in range(EVENTS)
    ],
    b'event: response.completed\ndata: {"type":"response.completed",'
    + RESPONSE % (b"completed", b'{"input_tokens":20000,"output_tokens":900,"total_tokens":20900}'),
]
GEMINI = [
    b'data: {"candidates": [{"content": {"parts": [{"text": "Some words %d"}],"role": "model"},"index": 0}],'
    b'"usageMetadata": {"promptTokenCount": 20000,"candidatesTokenCount": %d,"totalTokenCount": %d},'
    b'"modelVersion": "gemini-2.5-pro"}'
    b"\r\n\r\n" % (n, n, 20000 + n)
    for n in range(EVENTS)
]
GEMINI[-1] = GEMINI[-1].replace(b'"index"', b'"finishReason": "STOP","index"')
STREAMS = {"anthropic-messages": ANTHROPIC, "openai-chat": CHAT, "openai-responses": RESPONSES, "gemini": GEMINI}
PATHS = {
    "anthropic-messages": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "gemini": "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
}


def request(dialect: str) -> bytes:
    """An agent's request of 80 kB: some tools, a long conversation."""
    text = 'Lorem ipsum dolor sit amet, \n\t"consectetur" adipiscing elit. ' * 30
    schema = {"type": "object", "properties": {"path": {"type": "string", "description": "where"}}}
    if dialect == "gemini":
        tools: object = [{"functionDeclarations": [{"name": f"tool{n}", "description": text[:600]} for n in range(20)]}]
        body = {"contents": [{"role": "user", "parts": [{"text": text}]}] * 30, "tools": tools}
    else:
        tools = [
            {"type": "function" if "openai" in dialect else None, "name": f"tool{n}", "description": text[:600]}
            | {"input_schema": schema}
            for n in range(20)
        ]
        turns = [{"role": "user", "content": [{"type": "text", "text": text}]}] * 30
        body = {"model": "a-model", "stream": True, "tools": tools}
        body |= {"input" if dialect == "openai-responses" else "messages": turns}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def median(function: Callable[[], object], number: int = 20) -> float:
    function()
    spent = timeit.repeat(function, timer=time.process_time, number=number, repeat=ROUNDS)
    return statistics.median(spent) / number * 1e6


def main() -> None:
    for name, stream in STREAMS.items():
        facts_us, stream_us = measured(wire.DIALECTS[name], PATHS[name], request(name), stream)
        size = sum(map(len, stream))
        print(f"{name:20} facts {facts_us:6.1f} us    stream of {len(stream)} events, {size:,} B {stream_us:6.1f} us")
    chat = wire.DIALECTS["openai-chat"]
    body = request("openai-chat")
    facts = Facts("a-model", stream=True)
    print(f"{'openai-chat':20} inject {median(lambda: wire.inject(chat, body, facts)):6.1f} us", end="")
    print(f"    filter of {len(CHAT)} events {median(lambda: strip(chat, body, facts)):6.1f} us")


def measured(dialect: wire.Dialect, path: str, body: bytes, stream: list[bytes]) -> tuple[float, float]:
    facts = dialect.facts(path, body)

    def metered() -> None:
        meter = dialect.meter(facts, "openai", stream=True)
        feed = meter.feed
        for event in stream:
            feed(event)
        assert meter.reading(ended=True).state == "final"

    return median(lambda: dialect.facts(path, body)), median(metered)


def strip(chat: wire.Dialect, body: bytes, facts: Facts) -> None:
    injected = wire.inject(chat, body, facts)
    assert injected is not None
    for event in CHAT:
        injected[1].feed(event)


if __name__ == "__main__":
    main()
