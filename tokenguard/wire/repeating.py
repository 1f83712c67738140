"""What a request repeats: which tools the last turn called, with which arguments, and how often it did so in a row.

A turn is what a model says between two results of tools, or between one and a prompt. Only names and arguments are
looked at: ids, signatures, cache marks and the words around a call differ from turn to turn.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Step, Trail
from tokenguard.wire.decoding import FAILURES
from tokenguard.wire.items import Item, is_answer
from tokenguard.wire.steps import Called, bytes_of, step_of, text_of

_WHOLE = 2048
"""Bytes that a fingerprint takes in as a whole; of more, the end, and beside it every 127th."""
_STEP = 127
_MOST_STEPS = 16

_ASIDE = frozenset({"system", "developer"})
_RESULT_ROLES = frozenset({"tool", "function"})


class _Function(Struct, frozen=True):
    name: Raw = Raw()
    arguments: Raw = Raw()
    args: Raw = Raw()
    input: Raw = Raw()


class _ToolCall(Struct):
    type: str | None = None
    function: _Function = _Function()
    custom: _Function = _Function()


_FUNCTION = msgspec.json.Decoder(_Function)
_TOOL_CALLS = msgspec.json.Decoder(list[_ToolCall])


def fingerprint(data: bytes) -> int:
    """Of bytes, in this process. Large ones are sampled: what differs by no more than a few bytes can look the same."""
    if len(data) <= _WHOLE:
        return hash(data)
    return hash((len(data), data[-_WHOLE:], data[::_STEP]))


def repeated(items: list[Item], body: int) -> Trail:
    """The trail of a request with these messages; `body` is its fingerprint."""
    turns = _turns_backwards(items)
    last = next(turns, None)
    if not last:
        return Trail(body, brings_results=brings_results(items))
    calls = fingerprint_of(last)
    repeats = 1
    for turn in turns:
        if not turn or fingerprint_of(turn) != calls:
            break
        repeats += 1
    return Trail(body, name_of(last[0]), calls, repeats, True, steps_of(last))


def brings_results(items: list[Item]) -> bool:
    """Whether a request ends with what tools returned, and not with a prompt."""
    last = next((item for item in reversed(items) if item.role not in _ASIDE), None)
    return last is not None and _is_result(last)


def calls_of(item: Item) -> list[Called]:
    """The tools that a message, or an item, calls."""
    if item.role is None:
        kind = item.type or ""
        if not kind.endswith("_call"):
            return []
        given = item.arguments or item.input or item.action or item.operation
        return [(item.name or kind.removesuffix("_call"), given)]
    calls: list[Called] = []
    if item.tool_calls or item.function_call:
        calls += _of_chat(item)
    for part in item.all_parts():
        if isinstance(part, str):
            continue
        if part.type == "tool_use":
            calls.append((part.name, part.input))
        elif part.functionCall or part.function_call or part.toolUse:
            calls += _of_function(part.functionCall or part.function_call or part.toolUse)
    return calls


def fingerprint_of(calls: list[Called]) -> int:
    """Of calls, whatever their order; not 0, which is for none."""
    each = [hash((bytes_of(name), fingerprint(bytes(given)))) for name, given in calls]
    return hash(tuple(sorted(each))) or 1


def name_of(call: Called) -> str:
    """The name of the tool that is called."""
    return text_of(call[0])


def steps_of(calls: list[Called]) -> tuple[Step, ...]:
    """Calls as steps of the work, the first `_MOST_STEPS` of them."""
    return tuple(step_of(call) for call in calls[:_MOST_STEPS])


def _turns_backwards(items: list[Item]) -> Iterator[list[Called]]:
    """What each turn called, from the last one on that got results back to a prompt."""
    calls: list[Called] = []
    told, answered = False, False
    for item in reversed(items):
        if item.role in _ASIDE:
            continue
        if _is_result(item):
            if told:
                yield calls
            calls, told, answered = [], False, True
        elif is_answer(item) and answered:
            calls, told = calls_of(item) + calls, True
        else:
            break
    if told:
        yield calls


def _is_result(item: Item) -> bool:
    if item.role is None:
        return item.type is not None and item.type.endswith("_output")
    if item.role != "user":
        return item.role in _RESULT_ROLES
    for part in item.all_parts():
        if isinstance(part, str):
            continue
        if part.type == "tool_result" or part.functionResponse or part.function_response or part.toolResult:
            return True
    return False


def _of_chat(item: Item) -> Iterator[Called]:
    if item.function_call:
        yield from _of_function(item.function_call)
    try:
        for call in _TOOL_CALLS.decode(item.tool_calls) if item.tool_calls else ():
            yield call.function.name or call.custom.name, call.function.arguments or call.custom.input
    except FAILURES:
        return


def _of_function(call: Raw) -> Iterator[Called]:
    try:
        function = _FUNCTION.decode(call)
    except FAILURES:
        return
    yield function.name, function.args or function.arguments or function.input
