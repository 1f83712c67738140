"""A terminal that is one, with a tmux server of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

TMUX = shutil.which("tmux")
_ENDED = "ended with"
_PATIENCE_S = 20


class Tmux:
    """A program in a terminal of so many columns and lines, until `close`."""

    def __init__(self, folder: Path, command: Sequence[str], env: Mapping[str, str], width: int, height: int) -> None:
        assert TMUX is not None
        self._tmux = [TMUX, "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        self._env = {**env, "TERM": "xterm-256color"}
        settings = shlex.split("set -g default-terminal tmux-256color ; set -g status off")
        size = ("-x", str(width), "-y", str(height))
        # tmux itself does not always tell the exit code of a program whose terminal is closed before it was waited for.
        told = f"{shlex.join(command)}; echo {_ENDED} $?; exec cat"
        self._do("start-server", ";", *settings, ";", "new-session", "-d", *size, told)

    def screen(self) -> str:
        """What it shows."""
        return self._do("capture-pane", "-p")

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names for them."""
        self._do("send-keys", *names)

    def resize(self, width: int, height: int) -> None:
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def ended(self) -> int | None:
        """The exit code of the program, once it has one."""
        _, said, rest = self.screen().partition(_ENDED)
        return int(rest.split()[0]) if said else None

    def close(self) -> None:
        """End what runs in it, and wait for that: a `run` that outlives its daemon starts another one."""
        told = self._ask("list-panes", "-a", "-F", "#{pane_pid}").stdout
        inside = [one for pid in told.split() for one in self._inside(int(pid))]
        self._ask("kill-server")
        psutil.wait_procs(inside, _PATIENCE_S)

    def _inside(self, shell: int) -> Iterator[psutil.Process]:
        """The processes of a terminal: not a daemon that one of them has started."""
        for one in psutil.Process(shell).children(recursive=True):
            with suppress(ProcessLookupError):
                if os.getsid(one.pid) == shell:
                    yield one

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._tmux, *words], env=self._env, capture_output=True, text=True, check=False)

    def _do(self, *words: str) -> str:
        done = self._ask(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout


def utf8(env: Mapping[str, str]) -> dict[str, str]:
    """An environment whose locale can draw more than ASCII."""
    return {**env, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
