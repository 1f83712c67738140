"""A daemon that only answers, programs under `launch.run`, and a terminal to run them in."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

PATIENCE = 20.0
"""Seconds after which a test that waits for something has failed."""

_RUN = """
import json, sys
from pathlib import Path
from tokenguard.errors import TokenguardError
from tokenguard.launch import LaunchOptions, run
given = json.loads(sys.argv[1])
given["args"] = tuple(given["args"])
given["labels"] = tuple(map(tuple, given["labels"]))
given["summary"] = Path(given["summary"]) if given["summary"] else None
try:
    sys.exit(run(LaunchOptions(**given)))
except TokenguardError as error:
    print(f"tokenguard: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
"""


def launched(
    *command: str | Path,
    budget: str | None = None,
    task: str | None = None,
    labels: Sequence[tuple[str, str]] = (),
    summary: Path | None = None,
    quiet: bool = True,
) -> list[str]:
    """A command line that runs `command` under tokenguard, without the rest of its command line."""
    agent, *args = map(str, command)
    options = {
        "agent": agent,
        "args": args,
        "budget": budget,
        "task": task,
        "labels": labels,
        "summary": str(summary) if summary else None,
        "quiet": quiet,
    }
    # -P: what is in the current folder, if there is one at all, is not to be imported.
    return [sys.executable, "-P", "-c", _RUN, json.dumps(options)]


class Asked(Struct, frozen=True):
    """A request that the daemon got."""

    method: str
    path: str
    body: Any


SUMMARY: dict[str, Any] = {
    "calls": 0,
    "cost_nanos": 0,
    "confidence": "exact",
    "unpriced": 0,
    "refused": 0,
    "models": [],
    "budgets": [],
    "proxied": 0,
    "untrusting": [],
    "others": [],
}


class FakeDaemon:
    """Answers on the control socket of a home as the daemon does, and notes what it was asked."""

    def __init__(self, home: Path, summary: Mapping[str, Any] = SUMMARY) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        # A test that fails can leave a run that starts a real one; that must not stay.
        (home / "config.toml").write_text("[daemon]\nport = 0\nidle_exit = 5\n")
        self.summary = dict(summary)
        self.asked: list[Asked] = []
        self.fails: set[str] = set()
        """Last path segments that get status 500."""
        self.events: list[dict[str, Any]] = []
        """What a watch tells at its beginning."""
        self._news = threading.Condition()
        self._dead = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        path = home / "daemon.sock"
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def close(self) -> None:
        """Die: every connection ends at once, and nobody listens any more."""
        self._dead.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def wait_for(self, last: str, count: int = 1) -> Asked:
        """The count-th request whose path ends so; waits until it comes."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.all(last)) >= count, PATIENCE), f"no request for {last}"
            return self.all(last)[count - 1]

    def all(self, last: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.rpartition("/")[2] == last]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE)
                self._threads.append(threading.Thread(target=self._answer, args=(connection,)))
                self._threads[-1].start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as file:
            if not (first := file.readline()):
                return  # who connected was killed meanwhile
            method, path, _ = first.decode().split()
            length = 0
            while (line := file.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            body = file.read(length)
            with self._news:
                self.asked.append(Asked(method, path, json.loads(body or b"null")))
                self._news.notify_all()
            last = path.rpartition("/")[2]
            if last in self.fails:
                connection.sendall(b"HTTP/1.0 500 no\r\nContent-Length: 0\r\n\r\n")
            elif last == "watch":
                told = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in self.events)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n: still here\n\n" + told)
                self._dead.wait()
            else:
                answer = msgspec.json.encode(self._value(last))
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    def _value(self, last: str) -> object:
        match last:
            case "version":
                return {"version": "99.0", "pid": os.getpid(), "port": 4747, "stopping": False}
            case "sessions":
                return {"id": "bcdfg", "token": "t", "port": 4747}
            case "end":
                return self.summary
            case _:
                return {}


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), env)
        self.screen = ""
        self._read_up_to = 0

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def until(self, text: str) -> str:
        """Wait until `text` is shown after what was waited for before; what stands up to it."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.screen.find(text, self._read_up_to)) < 0:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._fd], [], [], left)[0], f"{text!r} is not shown:\n{self.screen}"
            self.screen += os.read(self._fd, 65536).decode(errors="replace")
        shown = self.screen[self._read_up_to : at]
        self._read_up_to = at + len(text)
        return shown

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it. What it still shows is read."""
        with suppress(OSError):
            while select.select([self._fd], [], [], PATIENCE)[0] and (more := os.read(self._fd, 65536)):
                self.screen += more.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """End it, if it still runs."""
        self.hang_up()
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
