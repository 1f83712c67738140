"""Several tool calls in one answer, and tasks for sub-agents, in every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.support import PATHS, Client, request
from tokenguard.simulator import Simulator

COMMANDS = ["echo simulated-step-1", "echo simulated-step-1 beside 2", "echo simulated-step-1 beside 3"]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
TASK = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("description", "prompt", "subagent_type")},
    "required": ["description", "prompt", "subagent_type"],
}


def offered(dialect: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Part of a request that offers one tool."""
    function: dict[str, Any] = {"name": name, "parameters": schema}
    match dialect:
        case "anthropic-messages" | "vertex-anthropic" | "bedrock-invoke":
            return {"tools": [{"name": name, "input_schema": schema}]}
        case "gemini" | "code-assist":
            return {"tools": [{"functionDeclarations": [function]}]}
        case "bedrock-converse":
            return {"toolConfig": {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": schema}}}]}}
        case "openai-responses":
            return {"tools": [{"type": "function", **function}]}
        case _:
            return {"tools": [{"type": "function", "function": function}]}


def called(dialect: str, answer: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """(id, arguments) of the tool calls of an answer; ids are None where calls have none."""
    match dialect:
        case "anthropic-messages" | "vertex-anthropic" | "bedrock-invoke":
            return [(part["id"], part["input"]) for part in answer["content"]]
        case "gemini" | "code-assist":
            content = answer.get("response", answer)["candidates"][0]["content"]
            return [(None, part["functionCall"]["args"]) for part in content["parts"]]
        case "bedrock-converse":
            content = answer["output"]["message"]["content"]
            return [(part["toolUse"]["toolUseId"], part["toolUse"]["input"]) for part in content]
        case "openai-responses":
            return [(item["call_id"], json.loads(item["arguments"])) for item in answer["output"]]
        case "openai-chat":
            calls = answer["choices"][0]["message"]["tool_calls"]
            return [(call["id"], json.loads(call["function"]["arguments"])) for call in calls]
        case _:
            return [(None, call["function"]["arguments"]) for call in answer["message"]["tool_calls"]]


@pytest.mark.parametrize("dialect", PATHS)
async def test_calls_of_one_answer(sim: Simulator, client: Client, dialect: str) -> None:
    words = "[sim:tool][sim:parallel=3]"
    answer = await client.say(dialect, words, **offered(dialect, "bash", SCHEMA))
    calls = called(dialect, answer.json)
    assert [arguments["command"] for _, arguments in calls] == COMMANDS
    ids = [call_id for call_id, _ in calls if call_id is not None]
    assert len(set(ids)) == len(ids)
    streamed = await client.say(dialect, words, stream=True, **offered(dialect, "bash", SCHEMA))
    whole, stream = sim.bill().calls
    assert streamed.status == 200 and whole.usage.output == stream.usage.output > 3 * 8


async def test_chat_streams_them_by_their_index(client: Client) -> None:
    more = offered("openai-chat", "bash", SCHEMA)
    answer = await client.say("openai-chat", "[sim:tool][sim:parallel=3]", stream=True, **more)
    written = ["", "", ""]
    *chunks, done = [data for _, data in answer.events]
    assert done == "[DONE]"
    for call in [call for chunk in chunks for one in chunk["choices"] for call in one["delta"].get("tool_calls", ())]:
        written[call["index"]] += call["function"]["arguments"]
    assert [json.loads(arguments)["command"] for arguments in written] == COMMANDS


async def test_all_results_together_are_one_turn(client: Client) -> None:
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": "bash", "arguments": "{}"}} for n in range(3)]
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": f"printed {n}"} for n in range(3)]
    asked = {"role": "user", "content": "[sim:turns=2][sim:parallel=3]"}
    messages = [asked, {"role": "assistant", "tool_calls": calls}, *results]
    more = offered("openai-chat", "bash", SCHEMA)
    second = called("openai-chat", (await client.say("openai-chat", "", messages=messages, **more)).json)
    assert second[0][1] == {"command": "echo simulated-step-2"}
    messages += messages[1:]
    last = (await client.say("openai-chat", "", messages=messages, **more)).json["choices"][0]["message"]["content"]
    assert last.startswith("The command printed: printed 2")


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-chat", "gemini"])
async def test_tasks_for_sub_agents(client: Client, dialect: str) -> None:
    words = "[sim:delegate=general-purpose][sim:parallel=2]"
    answer = await client.say(dialect, words, **offered(dialect, "Task", TASK))
    tasks = [(arguments["prompt"], arguments["subagent_type"]) for _, arguments in called(dialect, answer.json)]
    assert tasks == [("say hello", "general-purpose"), ("say hello beside 2", "general-purpose")]


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-chat", "gemini"])
async def test_a_tool_by_the_end_of_its_name(client: Client, dialect: str) -> None:
    answer = await client.say(dialect, "[sim:use=get_budget]", **offered(dialect, "mcp__x__get_budget", TASK))
    ((_, arguments),) = called(dialect, answer.json)
    assert set(arguments) == set(TASK["required"])


@pytest.mark.parametrize("words", ["[sim:delegate=general]", "[sim:use=get_budget]"])
async def test_without_such_a_tool_there_is_an_answer(client: Client, words: str) -> None:
    answer = await client.say("openai-chat", words, **offered("openai-chat", "bash", SCHEMA))
    assert answer.json["choices"][0]["message"]["content"].startswith("Here is the answer:")


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_fault_that_passes(sim: Simulator, client: Client, dialect: str) -> None:
    path, body = request(dialect, "Hello [sim:error=429][sim:fails=2]")
    answers = [await client.post(path, body) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert len(sim.bill().calls) == 1
    path, body = request(dialect, "Hello [sim:midstream-error][sim:fails=1]", stream=True)
    for _ in range(2):
        await client.post(path, body)
    assert [call.outcome for call in sim.bill().calls[1:]] == ["error", "completed"]
