"""Running git with a deadline, and ending all that it started when that is over."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.team.gitrefs import urls

_SSH = "-oBatchMode=yes -oConnectTimeout=5 -oControlMaster=no"
"""Nobody is asked, and no connection outlives the command."""

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_ALLOW_PROTOCOL": "file:https:ssh",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}


class Done(Struct, frozen=True):
    """What became of a command."""

    code: int
    out: bytes
    said: str
    """On stderr."""


def environment(settings: Sequence[tuple[str, str]] | None, ssh: str = "ssh") -> dict[str, str]:
    """For git: as it is here without git's own variables, which would name the repository of a hook.

    With `settings`, git reads no other configuration than these and the repository's own. They are handed over in the
    environment, since they can hold what must not be seen in a list of processes.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _QUIET
    if settings is not None:
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": str(len(settings))}
        for place, (key, value) in enumerate(settings):
            env |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
        env["GIT_SSH_COMMAND"] = f"{ssh} {_SSH}"
    return env


class Runner:
    """One command at a time, all of them before one deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._until = 0.0
        self._seconds = 0.0

    def begin(self, seconds: float) -> None:
        """From now on commands have so long, together."""
        self._seconds, self._until, self._stopped = seconds, time.monotonic() + seconds, False

    def stop(self) -> None:
        """End what runs, and let nothing begin until the next `begin`."""
        with self._lock:
            self._stopped = True
            self._kill()

    def run(self, words: Sequence[str], folder: str, env: Mapping[str, str], told: bytes = b"") -> Done:
        """What a command says that is run in a folder. Raises `TeamError` where git is missing or the time is over."""
        # Files and not pipes: what a command leaves running could hold a pipe open for ever.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            given.write(told)
            given.seek(0)
            with self._lock:
                left = self._until - time.monotonic()
                if self._stopped or left <= 0:
                    raise self._late()
                try:
                    process = subprocess.Popen(
                        words, cwd=folder, env=env, stdin=given, stdout=out, stderr=said, start_new_session=True
                    )
                except OSError as error:
                    if not os.path.isdir(folder):
                        raise TeamError(f"{folder} is gone", "join the team again, in a clone that is there") from None
                    raise TeamError(f"git cannot be run: {error}", "install git") from None
                self._running = process
            late = threading.Event()

            def end() -> None:
                with self._lock:
                    if self._running is process:
                        late.set()
                        self._kill()

            timer = threading.Timer(left, end)
            timer.daemon = True
            timer.start()
            code = process.wait()
            with self._lock:
                self._running = None
                stopped = self._stopped
            timer.cancel()
            if late.is_set() or stopped:
                raise self._late()
            out.seek(0)
            said.seek(0)
            return Done(code, out.read(), said.read().decode("utf-8", "replace"))

    def _kill(self) -> None:
        """The command and all that it started: they are a session of their own. The lock is held."""
        if self._running is not None and self._running.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def _late(self) -> TeamError:
        return TeamError(
            f"the team's repository did not answer within {self._seconds:g} s",
            "what was handed to this machine stays usable; it is tried again",
        )


def reason(done: Done) -> str:
    """The line of git's answer that says why."""
    lines = [line.strip() for line in urls.shown(done.said).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ERROR:"))] or lines
    text = (told or [f"git ended with {done.code}"])[0]
    return "".join(letter for letter in text if letter.isprintable())[:200]
