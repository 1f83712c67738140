"""An agent tried out: under `tokenguard run`, in an empty home, with made-up keys, among simulated providers alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
import tomli_w
from msgspec import Struct

from tokenguard import client, simulator
from tokenguard.agents import Agent, Trial
from tokenguard.cli import scratch
from tokenguard.cli.agents.gate import Gate
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import Config

KEY = "sk-made-up-by-tokenguard-0123456789-abcdefghij"

PROMPT = "say hello"

PATIENCE = 90.0
"""Seconds that an agent gets for one answer: a cold start of a large one, on a slow machine."""

_KEPT = re.compile(
    r"PATH|LANG|LC_.*|TZ|USER|LOGNAME|SHELL|LD_LIBRARY_PATH|DYLD_.*|(ASDF|FNM|MISE|NIX|NODENV|NVM|PYENV|VOLTA)_.*"
)
"""Variables that programs need to be found and to start. All others stay outside: they may hold keys and addresses."""

_KEYS = ("ANTHROPIC", "OPENAI", "GEMINI", "GOOGLE", "OPENROUTER", "MISTRAL", "XAI", "GROQ", "DEEPSEEK", "MOONSHOT")
"""Of the usual `..._API_KEY` variables, for agents of which nothing else is known."""


class Attempt(Struct, frozen=True):
    """What came of one run."""

    ran: bool
    """Whether `tokenguard run` came as far as its start."""
    exit_code: int | None
    """None if it had not ended when its time was up."""
    seconds: float
    output: str
    """All that it wrote, whatever is no text left out."""
    calls: int
    """That tokenguard let through and metered."""
    refused: int
    billed: int
    """Calls that arrived at the simulated providers."""
    hosts: tuple[str, ...]
    """Others that it asked for, and did not get to."""


class Tried:
    """An agent in its own little world."""

    def __init__(
        self,
        program: str,
        command: Sequence[str],
        env: Mapping[str, str],
        root: Path,
        providers: simulator.Process,
        gate: Gate,
    ) -> None:
        self._program = program
        self._command = command
        self._env = env
        self._root = root
        self._providers = providers
        self._gate = gate

    def version(self) -> str | None:
        """What it answers to `--version`; None if that is nothing that a version could be."""
        _, told, _ = self._ended([self._program, "--version"], {**self._env, **self._gate.variables})
        found = re.search(r"\d+\.\d+[\w.+-]*", told)
        return found[0] if found else None

    def run(self, *options: str) -> Attempt:
        """Let it answer the prompt under `tokenguard run` with these options."""
        self._providers.reset()
        self._gate.hosts()
        summary = self._root / "summary.json"
        summary.unlink(missing_ok=True)
        command = scratch.tokenguard("run", "--quiet", "--summary", str(summary), *options, "--", *self._command)
        code, told, seconds = self._ended(command, {**self._env, **self._gate.variables})
        counted = json.loads(summary.read_text()) if summary.exists() else {"calls": 0, "refused": 0}
        return Attempt(
            ran=summary.exists() or code is None,
            exit_code=code,
            seconds=seconds,
            output=told,
            calls=counted["calls"],
            refused=counted["refused"],
            billed=len(self._providers.bill().calls),
            hosts=self._gate.hosts(),
        )

    def _ended(self, command: Sequence[str], env: Mapping[str, str]) -> tuple[int | None, str, float]:
        """(exit code, output, seconds) of a command that nobody is there to talk to."""
        since = time.monotonic()
        with (self._root / "output").open("w+b") as output:
            child = subprocess.Popen(
                command,
                cwd=self._root / "project",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                seconds = time.monotonic() - since
                _end(child, self._env["HOME"])
            output.seek(0)
            told = output.read().decode(errors="replace")
        return code, plain(told), seconds


@contextmanager
def tried(
    agent: Agent, command: str, program: str, arguments: Sequence[str] | None, config: Config
) -> Generator[Tried]:
    """The world of an agent, gone at the end. `command` is what `run` is given, `program` its file.

    `arguments` stand in place of those of its trial, the prompt with them. Nothing of the user's is in there but what
    `[agents.NAME]` says.
    """
    with scratch.world("check") as (world, root), Gate() as gate:
        home, project = root / "home", root / "project"
        for folder in (home, project, root / "tmp", root / "tokenguard"):
            folder.mkdir(mode=0o700)
        trial = agent.trial(KEY, project) or Trial(env={f"{name}_API_KEY": KEY for name in _KEYS})
        for file, text in trial.files.items():
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            (home / file).write_text(text)
        env = _environment(root, trial)
        providers = world.enter_context(simulator.spawn())
        paths = find_paths(env)
        paths.config_file.write_text(tomli_w.dumps(_configuration(agent.NAME, config, providers.url)))
        world.callback(scratch.stop_daemon, paths, env)
        with suppress(OSError):  # without git it is no repository, and that is all
            subprocess.run(["git", "init", "--quiet", str(project)], env=env, check=False)
        given = (*trial.before, PROMPT, *trial.after) if arguments is None else arguments
        name = os.path.abspath(command) if "/" in command else command
        yield Tried(program, (name, *given), env, root, providers, gate)


def _environment(root: Path, trial: Trial) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    ours = {"HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "TOKENGUARD_HOME": str(root / "tokenguard")}
    return {"PATH": os.defpath, **kept, "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", **trial.env, **ours}


def _configuration(name: str, config: Config, url: str) -> dict[str, object]:
    """All providers are simulated; of the agents, the one that is tried out is as the user has it."""
    found: dict[str, object] = {
        "daemon": {"port": 0, "idle_exit": 60},
        "providers": {provider: {"base_url": url} for provider in config.providers},
    }
    if (own := config.agents.get(name)) is not None:
        table: dict[str, object] = msgspec.to_builtins(own)
        found["agents"] = {name: {key: value for key, value in table.items() if value is not None}}
    return found


def _end(child: subprocess.Popen[bytes], home: str) -> None:
    """End a command, and what it has left running in its home, such as a server for the next run."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    left = [process for process in psutil.process_iter() if _is_left(process, home)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, scratch.PATIENCE)


def _is_left(process: psutil.Process, home: str) -> bool:
    """Whether an agent has left it; not our daemon, which is in no session."""
    try:
        env = process.environ()
    except psutil.Error:
        return False
    return env.get("HOME") == home and client.SESSION in env


def plain(text: str) -> str:
    """What a terminal would show of it, without colours and other control sequences."""
    text = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])", "", text)
    return "".join(char for char in text if char.isprintable() or char == "\n")
