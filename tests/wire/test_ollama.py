from __future__ import annotations

import json

import pytest

from tests.wire.support import body, read, unweighed
from tokenguard.records import Facts, Reading, Usage
from tokenguard.wire import ollama

TEXT = {"model": "llama3", "message": {"role": "assistant", "content": "hello"}, "done": False}
LAST = {"model": "llama3", "message": {"content": ""}, "done": True, "prompt_eval_count": 17, "eval_count": 50}


def lines(*values: object, ended: bool = True) -> Reading:
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    return read(ollama, data.rstrip(b"\n"), stream=False, ended=ended)


def test_the_last_line_is_the_bill() -> None:
    reading = lines(TEXT, TEXT, LAST)
    assert (reading.state, reading.legs[0].model, reading.legs[0].usage) == ("final", "llama3", Usage(17, output=50))
    assert reading.output_bytes == 10
    assert lines(TEXT, LAST, ended=False).state == "none"
    assert lines(TEXT, LAST | {"done": False}).state == "none"


def test_an_answer_in_one_piece_is_a_single_line() -> None:
    assert lines(LAST).legs[0].usage == Usage(17, output=50)


@pytest.mark.parametrize(
    ("missing", "usage", "mark"),
    [
        ("prompt_eval_count", Usage(output=50), "prompt-count-missing"),
        ("eval_count", Usage(17), "output-count-missing"),
    ],
)
def test_a_count_that_is_missing_is_marked(missing: str, usage: Usage, mark: str) -> None:
    reading = lines(LAST | {missing: None})
    assert (reading.legs[0].usage, reading.marks) == (usage, (mark,))


def test_an_error_is_named() -> None:
    assert lines({"error": "model not found"}).error == "error"


def test_a_request_streams_unless_it_says_otherwise() -> None:
    data = body({"model": "llama3", "options": {"num_predict": 5}, "tools": [{"type": "function"}]})
    expected = Facts("llama3", stream=True, max_output=5, body_bytes=len(data), has_tools=True)
    assert unweighed(ollama.facts("/api/chat", data)) == expected
    other = ollama.facts("/api/chat", b'{"model":"m","stream":false,"options":{"num_predict":-1}}')
    assert (other.stream, other.max_output) == (False, None)
    with pytest.raises(ValueError, match="JSON object"):
        ollama.facts("/api/chat", b"[]")
