"""A home folder, and the daemons that are started in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.support.waiting import DEADLINE, until
from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.platforms import socket_path

COMMAND = [sys.executable, "-m", "tokenguard", "daemon", "run"]


class Home:
    """A home folder, and the daemons that are started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True)
        self.paths = Paths(folder, folder)
        self.started: list[subprocess.Popen[str]] = []
        self.configure()

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TOKENGUARD_HOME": str(self.folder), "TZ": "UTC"}

    def configure(self, daemon: str = "port = 0", rest: str = "") -> None:
        """Write `config.toml`."""
        (self.folder / "config.toml").write_text(f"[daemon]\n{daemon}\n{rest}\n")

    def spawn(self, *command: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        """A daemon as a child of ours, which may fail."""
        child = subprocess.Popen(
            command or COMMAND,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
        )
        self.started.append(child)
        return child

    def start(self, *command: str, pass_fds: tuple[int, ...] = ()) -> client.Daemon:
        """A daemon as a child of ours, once it answers."""
        child = self.spawn(*command, pass_fds=pass_fds)
        assert child.stdout is not None
        ready = child.stdout.readline()
        assert "ready" in ready, (ready, child.communicate())
        return self.daemon

    def fail(self, *command: str) -> str:
        """What a daemon that cannot start says; that it is one line and exit code 3 is checked here."""
        child = self.spawn(*command)
        out, err = child.communicate(timeout=DEADLINE)
        assert child.returncode == 3, (out, err)
        assert not out
        assert err.count("\n") == 1, err
        assert err.startswith("tokenguard: ")
        return err.removeprefix("tokenguard: ").rstrip("\n")

    @property
    def daemon(self) -> client.Daemon:
        """The one that answers."""
        found = client.find(self.paths)
        assert found is not None
        return found

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.paths.state_file.read_text())
        return found

    @property
    def log(self) -> str:
        return self.paths.log_file.read_text()

    def session(self, daemon: client.Daemon, **asked: object) -> dict[str, Any]:
        return daemon.post("/v1/sessions", {"agent": "claude", "cwd": str(self.folder), **asked})

    def clean_up(self) -> None:
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.communicate()
        try:
            pid = self.state["pid"]
        except FileNotFoundError:
            pid = None
        if pid is not None and psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
            until(lambda: not psutil.pid_exists(pid))
        elsewhere = socket_path(self.folder).parent
        if elsewhere != self.folder:
            shutil.rmtree(elsewhere, ignore_errors=True)
