"""What the simulated model answers, and what that makes of the request's tokens. The same for every dialect."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tokenguard.simulator import pricing
from tokenguard.simulator.markers import Directions
from tokenguard.simulator.prompt_cache import PromptCache
from tokenguard.simulator.prose import prose
from tokenguard.simulator.schema import delegate, delegate_arguments, example, shell, shell_arguments
from tokenguard.simulator.shape import Answer, Ask, Block, Call, Leg, Reply, Tool, Usage
from tokenguard.simulator.values import encode, obj, tokens

ADVISOR = "claude-opus-5-5"
"""The model that `[sim:advisor]` consults."""
SEARCH_TOKENS = 2_000
"""What the results of one web search add to the input."""
_QUOTED = 200
_CLAUDES = ("anthropic-messages", "vertex-anthropic", "bedrock-converse", "bedrock-invoke")
"""Dialects in which the client says what of its prompt is cached."""
_GEMINIS = ("gemini", "code-assist")


def reply(ask: Ask, directions: Directions, key: str, cache: PromptCache) -> Reply:
    """Answer a request; the cache remembers its prompt."""
    answer = answer_to(ask, directions, Random(key))
    model = f"{ask.model}-unreleased" if directions.unknown_model else pricing.snapshot(ask.model)
    tier = ask.tier if ask.tier in pricing.tiers(model) else "default"
    usage = _usage(ask, answer, model, cache, cold=directions.cold)
    fees = {"web_search": answer.searches} if answer.searches else {}
    legs = [Leg(model, usage, fees=fees, tier=tier, geo=ask.geo)]
    if directions.advisor and ask.dialect == "anthropic-messages":
        legs.insert(0, Leg(ADVISOR, Usage(input=usage.prompt, output=120), "advisor_message", geo=ask.geo))
    served = model if directions.unknown_model or ask.called is None else ask.called
    return Reply(ask, answer, key, served, tuple(legs))


def answer_to(ask: Ask, directions: Directions, rng: Random) -> Answer:
    """The content of the answer, no longer than the request allows."""
    if not ask.generates:
        return Answer()
    if ask.schema is not None:
        return _fit(Answer(encode(example(ask.schema)).decode()), ask.max_output)
    thinking = directions.thinking
    if thinking is None:
        thinking = rng.randint(16, 64) if ask.thinks else 0
    thought = prose(rng, thinking, "I look at what was asked.") if thinking else ""
    rounds = ask.rounds // directions.parallel
    if calls := tuple(_calls(ask.tools, directions, rounds)):
        answer = Answer("", thought, calls)
    else:
        quoted = f"The command printed: {ask.result.strip()[:_QUOTED]}" if rounds else "Here is the answer:"
        length = directions.output if directions.output is not None else rng.randint(40, 120) + tokens(quoted)
        answer = Answer(prose(rng, length, quoted), thought)
    searches = directions.search if ask.dialect in ("anthropic-messages", "openai-responses") else 0
    return _fit(Answer(answer.text, thought, answer.calls, searches), ask.max_output)


def output_of(answer: Answer) -> int:
    """Output tokens of an answer, thinking included."""
    return tokens(answer.thinking) + tokens(answer.text) + sum(map(call_tokens, answer.calls))


def call_tokens(call: Call) -> int:
    """Output tokens of a tool call."""
    return tokens(call.tool.name.encode() + encode(call.arguments))


def each_call(reply: Reply) -> Iterator[tuple[str, Call]]:
    """The tool calls of an answer, each with what its ids derive from."""
    for number, call in enumerate(reply.answer.calls):
        yield (f"{reply.key}/{number}" if number else reply.key), call


def _calls(tools: tuple[Tool, ...], directions: Directions, rounds: int) -> Iterator[Call]:
    """The tool calls of an answer after so many others that called tools."""
    if directions.use:
        named = [tool for tool in tools if tool.name.endswith(directions.use)]
        yield from (Call(tool, obj(example(tool.schema))) for tool in named[: not rounds])
        return
    kind = directions.delegate
    turns = 1 if kind else max(directions.turns, directions.loop)
    tool = delegate(tools) if kind else shell(tools)
    if tool is None or rounds >= turns:
        return
    step = 1 if rounds < directions.loop else rounds + 1
    for number in range(1, directions.parallel + 1):
        beside = f" beside {number}" if number > 1 else ""
        if kind:
            yield Call(tool, delegate_arguments(tool, f"say hello{beside}", kind))
        else:
            yield Call(tool, shell_arguments(tool, f"echo simulated-step-{step}{beside}"))


def _fit(answer: Answer, limit: int | None) -> Answer:
    if limit is None or output_of(answer) <= limit:
        return answer
    thinking = _cut(answer.thinking, limit)
    rest = limit - tokens(thinking)
    spoken = answer.text or "I was about to call a tool."
    return Answer(_cut(spoken, rest), thinking, (), answer.searches, limited=True)


def _cut(content: str, limit: int) -> str:
    return content.encode()[: limit * 4].decode(errors="ignore")


def _usage(ask: Ask, answer: Answer, model: str, cache: PromptCache, *, cold: bool) -> Usage:
    sent = _prompt_usage(ask.dialect, model, ask.prompt, cache, cold=cold)
    found = Usage(input=answer.searches * SEARCH_TOKENS)
    return sent + found + Usage(output=output_of(answer), reasoning=tokens(answer.thinking))


def _prompt_usage(dialect: str, model: str, prompt: tuple[Block, ...], cache: PromptCache, *, cold: bool) -> Usage:
    if dialect == "ollama":
        return Usage(input=sum(block.tokens for block in prompt))
    if dialect in _CLAUDES:
        return cache.explicit(model, prompt, cold=cold)
    if dialect in _GEMINIS:
        return cache.automatic(model, prompt, cold=cold, step=1, writes=False)
    return cache.automatic(model, prompt, cold=cold, step=128, writes=pricing.writes_cost(model))
