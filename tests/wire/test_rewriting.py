"""What is rewritten, what must stay, and what cannot be done."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.spelling import KEYS, VALUES, spelled
from tokenguard.wire import DIALECTS
from tokenguard.wire.rewriting import rewrite

PATHS = {
    "anthropic-messages": "/v1/messages",
    "vertex-anthropic": "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4@1:streamRawPredict",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "gemini": "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
    "code-assist": "/v1internal:streamGenerateContent",
    "bedrock-converse": "/model/us.anthropic.claude-opus-4-v1%3A0/converse-stream",
    "bedrock-invoke": "/model/us.anthropic.claude-opus-4-v1%3A0/invoke",
    "ollama": "/api/chat",
}
CHEAP = {
    "vertex-anthropic": "claude-haiku-4@2",
    "gemini": "gemini-2.5-flash",
    "bedrock-converse": "amazon.nova-lite-v1:0",
    "bedrock-invoke": "eu.anthropic.claude-haiku-4-v1:0",
}
PLACE = 918273645546372819
"""Stands where a value will be."""

LIMITED: dict[str, dict[str, Any]] = {
    "anthropic-messages": {"model": "m", "max_tokens": 900},
    "vertex-anthropic": {"max_tokens": 900},
    "openai-chat": {"model": "m", "max_tokens": 900},
    "openai-responses": {"model": "m", "max_output_tokens": 900},
    "gemini": {"generationConfig": {"temperature": 1, "maxOutputTokens": 900}},
    "code-assist": {"model": "m", "request": {"generationConfig": {"maxOutputTokens": 900}}},
    "bedrock-converse": {"inferenceConfig": {"maxTokens": 900}},
    "bedrock-invoke": {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 900},
    "ollama": {"model": "m", "options": {"num_predict": 900}},
}


def put(dialect: str, request: Any, path: str | None = None, **new: Any) -> Any:
    """The request as it is sent on: (path, parsed body), or None."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    found = rewrite(dialect, path or PATHS[dialect], body, model=new.get("model"), max_output=new.get("max_output"))
    return found and (found[0], json.loads(found[1]))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_takes_another_model_and_a_lower_limit(dialect: str) -> None:
    module, model = DIALECTS[dialect], CHEAP.get(dialect, "a-cheaper-one")
    body = json.dumps({**LIMITED[dialect], "messages": []}).encode()
    rewritten = rewrite(dialect, PATHS[dialect], body, model=model, max_output=100)
    assert rewritten is not None
    before, after = module.facts(PATHS[dialect], body), module.facts(*rewritten)
    assert (before.max_output, after.max_output, after.model, after.stream) == (900, 100, model, before.stream)
    assert module.claims("POST", rewritten[0])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_lower_limit_stays(dialect: str) -> None:
    body = json.dumps(LIMITED[dialect]).encode()
    assert rewrite(dialect, PATHS[dialect], body, model=None, max_output=900) == (PATHS[dialect], body)


@pytest.mark.parametrize("dialect", sorted(DIALECTS.keys() - {"bedrock-invoke"}))
@pytest.mark.parametrize("limit", [b"", b"null"])
def test_a_limit_is_put_where_there_is_none(dialect: str, limit: bytes) -> None:
    body = json.dumps(LIMITED[dialect]).encode()
    bare = body.replace(b"900", limit) if limit else json.dumps({"model": "m", "request": {}}).encode()
    rewritten = rewrite(dialect, PATHS[dialect], bare, model=None, max_output=100)
    assert rewritten is not None
    assert DIALECTS[dialect].facts(*rewritten).max_output == 100


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"no", b'{"model":NaN}', b'\xff{"model":1}', b'{"a":1}{}'])
def test_what_is_no_object_is_not_rewritten(dialect: str, body: bytes) -> None:
    assert rewrite(dialect, PATHS[dialect], body, model="b", max_output=None) is None
    assert rewrite(dialect, PATHS[dialect], body, model=None, max_output=5) is None


def test_an_unknown_dialect_is_not_rewritten() -> None:
    assert rewrite("another", "/v1/messages", b'{"model":"a"}', model="b", max_output=None) is None


@given(st.dictionaries(KEYS, VALUES, max_size=6), VALUES, st.text(min_size=1, max_size=12), st.randoms())
def test_only_the_value_s_bytes_change(request: dict[str, object], old: object, model: str, random: Random) -> None:
    others = [(key, value) for key, value in request.items() if key != "model"]
    others.insert(random.randrange(len(others) + 1), ("model", PLACE))
    head, tail = spelled(dict(others), random).split(b"%d" % PLACE)
    body = head + spelled(old, random).strip() + tail
    rewritten = rewrite("anthropic-messages", "/v1/messages", body, model=model, max_output=None)
    new = json.dumps(model, ensure_ascii=False).encode()
    assert rewritten is not None
    assert rewritten[1].startswith(head) and rewritten[1].endswith(tail)
    assert json.loads(rewritten[1][len(head) : len(rewritten[1]) - len(tail)]) == json.loads(new) == model
    assert json.loads(rewritten[1]) == {**request, "model": model}


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.integers(0, 10**6), st.integers(1, 10**6), st.randoms())
def test_a_parser_sees_a_lower_limit_and_nothing_else(
    request: dict[str, object], old: int, new: int, random: Random
) -> None:
    request["max_tokens"] = old
    rewritten = rewrite("anthropic-messages", "/v1/messages", spelled(request, random), model=None, max_output=new)
    assert rewritten is not None
    assert json.loads(rewritten[1]) == {**request, "max_tokens": min(old, new)}


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=6), st.randoms())
def test_a_parser_sees_a_limit_deep_inside_and_nothing_else(
    request: dict[str, object], config: dict[str, object], random: Random
) -> None:
    config = {key: value for key, value in config.items() if key not in ("maxOutputTokens", "max_output_tokens")}
    request["request"] = {"generationConfig": config}
    rewritten = rewrite(
        "code-assist", "/v1internal:generateContent", spelled(request, random), model=None, max_output=7
    )
    assert rewritten is not None
    request["request"] = {"generationConfig": {**config, "maxOutputTokens": 7}}
    assert json.loads(rewritten[1]) == request


def test_what_is_said_is_not_taken_for_a_key() -> None:
    said = b' { "messages" : [{"model":"a", "content":"\\"model\\":\\"a\\""}],\n'
    body = said + b'"mod\\u0065l" :  "a" , "x":{"model":"a"}}\n'
    assert rewrite("anthropic-messages", "/v1/messages", body, model='b"\u00e9', max_output=None) == (
        "/v1/messages",
        body.replace(b':  "a"', ':  "b\\"\u00e9"'.encode()),
    )


def test_a_key_that_comes_twice_is_replaced_twice() -> None:
    body = b'{"model":"a","max_tokens":9,"model":"b","max_tokens":3}'
    assert rewrite("anthropic-messages", "/v1/messages", body, model="c", max_output=2) == (
        "/v1/messages",
        b'{"model":"c","max_tokens":2,"model":"c","max_tokens":2}',
    )


@pytest.mark.parametrize(
    "further", [{"fallbacks": [{"model": "claude-opus-5"}]}, {"models": ["anthropic/claude-opus-5"]}, {"models": "x"}]
)
def test_a_request_that_names_further_models_keeps_its_own(further: dict[str, Any]) -> None:
    for dialect in ("anthropic-messages", "openai-chat"):
        assert put(dialect, {"model": "m", **further}, model="b") is None
        assert put(dialect, {"model": "m", **further}, max_output=5) is not None
        assert put(dialect, {"model": "m", **{key: list[str]() for key in further}}, model="b") is not None


def test_a_model_is_never_added() -> None:
    assert put("anthropic-messages", {}, model="b") is None
    assert put("anthropic-messages", {"model": "a"}, model="") is None
    assert put("gemini", {"model": "models/gemini-2.5-pro"}, model="b") is None


def test_models_in_paths_are_encoded() -> None:
    assert put("gemini", {}, model="a/b:c") == ("/v1beta/models/a%2Fb%3Ac:streamGenerateContent", {})
    path = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent"
    assert put("gemini", {}, path, model="gemini-x") == (path.replace("gemini-2.5-pro", "gemini-x"), {})
    assert put("vertex-anthropic", {}, model="claude-haiku-4@2")[0].endswith(
        "/models/claude-haiku-4@2:streamRawPredict"
    )
    assert put("bedrock-converse", {}, model="x.y-v1:0") == ("/model/x.y-v1%3A0/converse-stream", {})
    assert put("gemini", {}, "/v1beta/tunedModels/x:generateContent", model="b") is None


@pytest.mark.parametrize(
    ("old", "new", "done"),
    [
        ("us.anthropic.claude-opus-4-v1%3A0", "anthropic.claude-haiku-4-v1:0", True),
        (
            "arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fus.anthropic.claude-3",
            "anthropic.claude-haiku-4-v1:0",
            True,
        ),
        ("us.anthropic.claude-opus-4-v1%3A0", "amazon.nova-lite-v1:0", False),
        ("amazon.titan-text-express-v1", "amazon.nova-lite-v1:0", False),
        ("arn%3Aaws%3Abedrock%3A%3A1%3Aapplication-inference-profile%2Fabc", "anthropic.claude-haiku-4-v1:0", False),
    ],
)
def test_a_body_in_the_words_of_a_maker_stays_with_that_maker(old: str, new: str, done: bool) -> None:
    assert (put("bedrock-invoke", {"messages": []}, f"/model/{old}/invoke", model=new) is not None) is done


@pytest.mark.parametrize(
    "request_",
    [{"max_gen_len": 9}, {"textGenerationConfig": {"maxTokenCount": 9}}, {"inferenceConfig": {"max_new_tokens": 9}}],
)
def test_every_maker_s_limit_is_lowered(request_: dict[str, Any]) -> None:
    rewritten = put("bedrock-invoke", request_, max_output=4)
    assert rewritten[1] == json.loads(json.dumps(request_).replace("9", "4"))
    assert put("bedrock-invoke", {"prompt": "hi"}, max_output=4) is None


def test_deployments_are_models() -> None:
    path = "/openai/deployments/my%20gpt/chat/completions"
    new = "/openai/deployments/mini/chat/completions"
    assert put("openai-chat", {"n": 1}, path, model="mini") == (new, {"n": 1})
    assert put("openai-chat", {"model": "my gpt"}, path, model="mini") == (new, {"model": "mini"})
    assert put("openai-chat", {"model": "another"}, path, model="mini") is None
    assert put("openai-chat", {"max_tokens": 9}, path, max_output=5) == (path, {"max_tokens": 5})
    assert put("openai-chat", {}, path, max_output=5) is None


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("gpt-5.5", "max_completion_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("gpt-oss-120b", "max_tokens"),
        ("openai/gpt-5.5", "max_tokens"),
        ("mistral-large", "max_tokens"),
        (None, "max_tokens"),
    ],
)
def test_a_chat_gets_the_limit_that_its_model_takes(model: str | None, key: str) -> None:
    assert put("openai-chat", {"model": model, "max_tokens": None}, max_output=5)[1][key] == 5
    assert put("openai-chat", {"model": model}, max_output=5)[1] == {"model": model, key: 5}
    moved = put("openai-chat", {"model": "x"}, model=model or "y", max_output=5)
    assert moved[1][key] == 5


def test_both_limits_of_a_chat_are_lowered_and_one_that_is_null_stays() -> None:
    limits = {"model": "m", "max_tokens": 9, "max_completion_tokens": 7}
    assert put("openai-chat", limits, max_output=5)[1] == {**limits, "max_tokens": 5, "max_completion_tokens": 5}
    limits = {"model": "m", "max_tokens": None, "max_completion_tokens": 7}
    assert put("openai-chat", limits, max_output=5)[1] == {**limits, "max_completion_tokens": 5}


@pytest.mark.parametrize("written", [-1, -2, "900", 900.0, 1e30, True, []])
def test_what_is_no_limit_becomes_one(written: object) -> None:
    assert put("ollama", {"options": {"num_predict": written}}, max_output=5)[1] == {"options": {"num_predict": 5}}


def test_answers_share_their_limit() -> None:
    assert put("openai-chat", {"model": "m", "n": 3, "max_tokens": 900}, max_output=100)[1]["max_tokens"] == 33
    generation = {"candidate_count": 2, "max_output_tokens": 900}
    assert put("gemini", {"generation_config": generation}, max_output=100)[1] == {
        "generation_config": {**generation, "max_output_tokens": 50}
    }
    assert put("openai-chat", {"model": "m", "n": 300, "max_tokens": 900}, max_output=100) is None
    assert put("anthropic-messages", {"max_tokens": 900}, max_output=0) is None


def test_no_limit_is_put_where_it_would_be_refused() -> None:
    for path in ("/responses", "/v1/responses/compact"):
        assert put("openai-responses", {"model": "m"}, path, max_output=5) is None
        assert put("openai-responses", {"model": "m", "max_output_tokens": 9}, path, max_output=5) is not None


def test_a_limit_has_no_place_beside_something_else() -> None:
    assert put("ollama", {"options": 7}, max_output=5) is None
    assert put("gemini", {"generationConfig": []}, max_output=5) is None


def test_a_message_over_a_socket_is_a_body() -> None:
    message: dict[str, Any] = {"type": "response.create", "model": "gpt-5.5", "input": [], "previous_response_id": "r"}
    rewritten = put("openai-responses", message, model="gpt-5.5-mini", max_output=50)
    assert rewritten[1] == {**message, "model": "gpt-5.5-mini", "max_output_tokens": 50}
