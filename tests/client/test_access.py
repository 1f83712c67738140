"""Talking to a daemon, and to what is none."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Fake
from tokenguard import client
from tokenguard.client.exchange import Exchange
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard.platforms import socket_path

Start = Callable[..., Fake]

ABOUT = {"version": "0.1.0", "pid": 7, "port": 4747, "stopping": False}


def http(body: bytes, status: str = "200 OK", *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nCONTENT-LENGTH: {size}\r\n\r\n".encode() + body


def as_json(value: object, status: str = "200 OK") -> bytes:
    return http(json.dumps(value).encode(), status)


VERSION = as_json(ABOUT)


class TestFind:
    def test_nothing_there(self, paths: Paths) -> None:
        assert client.find(paths) is None

    def test_no_folder(self, tmp_path: Path) -> None:
        gone = tmp_path / "gone"
        assert client.find(Paths(gone, gone)) is None
        deep = tmp_path / ("d" * 120)
        assert client.find(Paths(deep, deep)) is None

    def test_a_socket_that_a_dead_daemon_left(self, paths: Paths) -> None:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(socket_path(paths.state_dir)))
        assert client.find(paths) is None

    def test_a_daemon(self, paths: Paths, fake: Start) -> None:
        server = fake(VERSION)
        daemon = client.find(paths)

        assert daemon is not None
        assert (daemon.version, daemon.pid, daemon.port, daemon.stopping) == ("0.1.0", 7, 4747, False)
        assert server.requests == [b"GET /v1/version HTTP/1.0\r\nHost: tokenguard\r\nContent-Length: 0\r\n\r\n"]

    def test_a_daemon_that_closes_its_door_is_none(self, paths: Paths, fake: Start) -> None:
        fake(b"")
        assert client.find(paths) is None

    def test_another_users_folder_below_tmp_is_not_trusted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = tmp_path / ("d" * 120)
        folder = socket_path(deep).parent
        folder.mkdir(mode=0o700)
        try:
            path = socket_path(deep)
            somebody = os.getuid() + 1
            monkeypatch.setattr(os, "getuid", lambda: somebody)
            monkeypatch.setattr("tokenguard.client.access.socket_path", {deep: path}.get)
            with pytest.raises(DaemonError, match="another user"):
                client.find(Paths(deep, deep))
        finally:
            folder.rmdir()


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "message"),
        [
            (b"SSH-2.0-OpenSSH\r\n", "did not answer the request"),
            (b"HTTP/1.1 what\r\n\r\n", "did not answer the request"),
            (http(b"{}", length=100), "ended in the middle of an answer"),
            (http(b"<html>"), "not JSON"),
            (http(b"oops", "500 Internal Server Error"), "answered with status 500"),
            (as_json([], "500 Internal Server Error"), "answered with status 500"),
        ],
    )
    def test_what_is_no_answer_is_an_error(self, paths: Paths, fake: Start, reply: bytes, message: str) -> None:
        fake(VERSION, reply)
        daemon = client.find(paths)
        assert daemon is not None

        with pytest.raises(DaemonError, match=message):
            daemon.get("/v1/status")

    def test_the_daemons_own_words(self, paths: Paths, fake: Start) -> None:
        fake(VERSION, as_json({"error": {"message": "no budget web", "hint": "see budget list"}}, "400 Bad Request"))
        daemon = client.find(paths)
        assert daemon is not None

        with pytest.raises(DaemonError) as raised:
            daemon.post("/v1/budgets/raise", {"name": "web"})
        assert (raised.value.message, raised.value.hint) == ("no budget web", "see budget list")

    def test_an_answer_without_a_length_ends_with_the_connection(self, paths: Paths, fake: Start) -> None:
        fake(VERSION, b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}')
        daemon = client.find(paths)
        assert daemon is not None
        assert daemon.get("/v1/status") == {"a": 1}

    def test_what_is_sent(self, paths: Paths, fake: Start) -> None:
        server = fake(VERSION, as_json({}))
        daemon = client.find(paths)
        assert daemon is not None
        daemon.get("/v1/report", {"by": "day,model", "repo": "a b&c"})
        daemon.post("/v1/sessions", {"agent": "clé", "task": "od\udcffd"})

        assert server.requests[1].startswith(b"GET /v1/report?by=day%2Cmodel&repo=a+b%26c HTTP/1.0\r\n")
        head, _, body = server.requests[2].partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert json.loads(body) == {"agent": "clé", "task": "od?d"}

    def test_a_daemon_that_is_gone(self, paths: Paths, fake: Start) -> None:
        server = fake(VERSION)
        daemon = client.find(paths)
        assert daemon is not None
        server.hang_up()

        with pytest.raises(DaemonError, match="not running") as raised:
            daemon.get("/v1/status")
        assert "tokenguard daemon start" in raised.value.hint

    def test_silence_is_not_waited_for_for_ever(self, paths: Paths, fake: Start) -> None:
        fake(b"", hold=True)
        with pytest.raises(DaemonError, match="does not answer"):
            Exchange(socket_path(paths.state_dir), "GET", "/v1/status", timeout=0.05)


class TestStream:
    EVENTS = (
        b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        b': still here\n\nevent: call.started\ndata: {"type": "call.started", "data": {"id": 1}}\n\n'
        b': still here\n\nevent: call.settled\ndata: {"type": "call.settled", "data": {"id": 1}}\n\n'
    )

    def test_events_until_it_ends(self, paths: Paths, fake: Start) -> None:
        fake(VERSION, self.EVENTS)
        daemon = client.find(paths)
        assert daemon is not None

        with daemon.stream("/v1/events") as events:
            assert [event["type"] for event in events] == ["call.started", "call.settled"]

    def test_a_refusal(self, paths: Paths, fake: Start) -> None:
        fake(VERSION, as_json({"error": {"message": "no session x", "hint": ""}}, "404 Not Found"))
        daemon = client.find(paths)
        assert daemon is not None

        with pytest.raises(DaemonError, match="no session x"):
            daemon.stream("/v1/sessions/x/watch")

    def test_a_daemon_that_was_told_to_end_and_is_not_gone_in_time(self, paths: Paths, fake: Start) -> None:
        fake(VERSION, as_json({"stopping": True}), hold=True)
        daemon = client.find(paths)
        assert daemon is not None
        assert not daemon.stop(timeout=0.05)

    def test_a_daemon_that_stays_because_it_is_busy(self, paths: Paths, fake: Start) -> None:
        server = fake(VERSION, b"HTTP/1.0 200 OK\r\n\r\n", as_json({"stopping": False}), hold=True)
        daemon = client.find(paths)
        assert daemon is not None

        assert not daemon.stop(only_idle=True, timeout=60)
        assert json.loads(server.requests[2].partition(b"\r\n\r\n")[2]) == {"mode": "graceful", "only_idle": True}

    def test_waiting_for_one_that_is_gone_already(self, paths: Paths, fake: Start) -> None:
        server = fake(VERSION)
        daemon = client.find(paths)
        assert daemon is not None
        server.hang_up()
        assert daemon.wait_until_gone(60)


def test_the_import_is_cheap() -> None:
    code = "import sys; before = set(sys.modules); import tokenguard.client; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    imported = {re.sub(r"\..*", "", name) for name in done.stdout.split()}

    assert not imported & {
        "aiohttp",
        "asyncio",
        "click",
        "hashlib",
        "http",
        "logging",
        "msgspec",
        "psutil",
        "subprocess",
    }
