"""The stand-in that speaks everything else, against the simulated providers, without tokenguard between them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from io import StringIO

import pytest

from tokenguard import simulator
from tokenguard.cli.demo import scripted_babel
from tokenguard.cli.demo.scripted_babel import WAYS
from tokenguard.simulator import Process


@pytest.fixture(scope="module")
def providers() -> Iterator[Process]:
    with simulator.spawn() as running:
        yield running


def run(base: str, *ways: str) -> subprocess.CompletedProcess[str]:
    """Start it as `tokenguard run` would, with its session at `base`."""
    return subprocess.run(
        [sys.executable, scripted_babel.__file__],
        input="".join(f"{way}\n" for way in ways),
        env={**os.environ, "OPENAI_BASE_URL": f"{base}/openai/v1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_speaks_every_protocol_in_both_forms(providers: Process) -> None:
    providers.reset()
    done = run(f"{providers.url}/s/token", *WAYS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "".join(f"> {way}\n" for way in WAYS), "")
    calls = providers.bill().calls
    forms = Counter((call.dialect, call.stream) for call in calls)
    # Over WebSocket both answers are streams.
    assert forms.pop(("openai-responses", True)) == 3
    dialects = "openai-chat code-assist vertex-anthropic bedrock-invoke bedrock-converse ollama".split()
    assert forms == dict.fromkeys(
        [("openai-responses", False), *((one, stream) for one in dialects for stream in (True, False))], 1
    )
    assert {call.outcome for call in calls} == {"completed"}
    read = {call.dialect for call in calls if call.usage.cache_read}
    assert read == {*dialects, "openai-responses"} - {"ollama"}


def test_what_is_whose_is_told_by_the_path(providers: Process) -> None:
    providers.reset()
    run(f"{providers.url}/s/token", *WAYS)
    named = {seen.path.split("/")[3] for seen in providers.requests()}
    assert named == {way.provider for way in WAYS.values()}
    sent = [seen.method for seen in providers.requests() if seen.path == "/s/token/openai/v1/responses"]
    assert Counter(sent) == {"POST": 2, "GET": 1, "response.create": 2}


@pytest.mark.parametrize("way", ["Bedrock Converse", "OpenAI Responses over WebSocket"])
def test_a_refusal_ends_it(
    providers: Process, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scripted_babel, "QUESTIONS", ("x [sim:error=400]", "y"))
    monkeypatch.setattr("sys.stdin", StringIO(f"{way}\nOllama on this machine\n"))
    monkeypatch.setattr("sys.argv", ["babel"])
    monkeypatch.setenv("OPENAI_BASE_URL", f"{providers.url}/s/token/openai/v1")
    assert scripted_babel.main() == 1
    prompt, told = capsys.readouterr().out.splitlines()
    assert prompt == f"> {way}" and "simulated error" in told


def test_no_socket_is_a_refusal_too(
    providers: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    way = "OpenAI Responses over WebSocket"
    monkeypatch.setitem(WAYS, way, WAYS[way]._replace(path="/v1/realtime"))
    monkeypatch.setattr("sys.stdin", StringIO(f"{way}\n"))
    monkeypatch.setattr("sys.argv", ["babel"])
    monkeypatch.setenv("OPENAI_BASE_URL", f"{providers.url}/s/token/openai/v1")
    assert scripted_babel.main() == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("426 ")
