"""The demo's world: a folder with a home, repositories and stand-ins for agents; a daemon; providers. It goes away."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tokenguard import client, simulator
from tokenguard.cli import output, scratch
from tokenguard.cli.demo import scripted_agent, scripted_babel
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import UsageError

LIMIT = "$1.50"
"""What each repository may spend a day."""

_CONFIG = """\
[daemon]
port = 0
idle_exit = 60

[providers]
anthropic.base_url = "{url}"
openai.base_url = "{url}"
gemini.base_url = "{url}"
vertex.base_url = "{url}"
bedrock.base_url = "{url}"
ollama.base_url = "{url}"
google.base_url = "{url}"
google.billing = "metered"
"""

_RULES = """
[[budget]]
name = "day"
scope = "repo"
window = "day"
limit = "{limit}"

[hooks]
push = "block"
block_at = "soft"
"""

_RULES_OF_OTHERS = """
[hooks.team]
warn_at = "warn"
"""

_GIT_CONFIG = """\
[user]
    name = Demo
    email = demo@localhost
"""

BABEL = "babel"
"""The one that speaks every protocol that the others do not."""

_ELSEWHERE = re.compile(r"(ANTHROPIC|CLAUDE|OPENAI|CODEX|GEMINI|GOOGLE|GIT|TOKENGUARD|XDG)_.*|.*_PROXY", re.IGNORECASE)
"""Variables that the demo's world must not inherit: they lead agents, git or tokenguard to other places."""


class Actor(Struct, frozen=True):
    """A scripted session."""

    agent: str
    repo: str
    branch: str
    task: str
    prompts: tuple[str, ...]
    commits: bool = False
    """Whether it makes a commit of what it did for each prompt, in a repository with hooks."""


ACTORS = (
    Actor(
        "claude",
        "web",
        "feat/login",
        "login",
        (
            "Add a login form",
            "Check the address before it is sent",
            "Say what is wrong with the password",
            "Remember who is signed in",
            "Write tests for all of it",
            "Make the failing test pass",
            "Try it with a slow connection",
            "Rename the component everywhere",
            *(f"Review it once more ({number})" for number in range(1, 21)),
        ),
        commits=True,
    ),
    Actor("codex", "api", "main", "search", ("Find the slow query", "Add an index", "Measure it again")),
    Actor("gemini", "docs", "fix/typo", "typos", ("Find the typos", "Fix them")),
    Actor(BABEL, "lab", "main", "models", tuple(scripted_babel.WAYS)),
)
"""The first one never ends by itself: the budget of its repository has to stop it."""


class Pace(Struct, frozen=True):
    """How fast the demo runs."""

    speed: float
    """Output tokens per second; 0: as fast as possible."""
    pause: float
    """Seconds that a command of an agent takes."""


HUMAN = Pace(speed=150.0, pause=0.3)
FAST = Pace(speed=0.0, pause=0.0)


class Stage:
    """The world while the demo runs."""

    def __init__(self, root: Path, providers: simulator.Process, daemon: client.Daemon, env: dict[str, str]) -> None:
        self.providers = providers
        self.daemon = daemon
        self._root = root
        self._env = env

    def enter(self, actor: Actor, pace: Pace) -> subprocess.Popen[str]:
        """Start an agent under `tokenguard run`; all that it and `run` say comes from its stdout."""
        script = self._root / f"{actor.repo}.prompts"
        script.write_text("".join(f"{prompt}\n" for prompt in actor.prompts))
        arguments = ["--pause", str(pace.pause), *(["--commit"] if actor.commits else [])]
        command = scratch.tokenguard("run", "--task", actor.task, actor.agent, *arguments)
        with script.open() as prompts:
            return subprocess.Popen(
                command,
                cwd=self.folder(actor),
                env=self._env,
                stdin=prompts,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def folder(self, actor: Actor) -> Path:
        """The repository in which an agent works."""
        return self._root / actor.repo

    def by_hand(self, actor: Actor, program: str, *arguments: str) -> str:
        """All that a command prints where an agent works, also if it fails."""
        command = scratch.tokenguard(*arguments) if program == "tokenguard" else [program, *arguments]
        done = subprocess.run(
            command, cwd=self.folder(actor), env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout

    def new_folder(self, name: str) -> Path:
        """One more, which goes away with all of it."""
        folder = self._root / name
        folder.mkdir(parents=True)
        return folder

    def somebody(self, name: str) -> dict[str, str]:
        """The environment of one more person: with a tokenguard of their own, and the same providers."""
        env = {**self._env, "TOKENGUARD_HOME": str(self._root / name / "tokenguard")}
        config = find_paths(env).config_file
        config.parent.mkdir(mode=0o700, parents=True)
        config.write_text(_CONFIG.format(url=self.providers.url) + _RULES_OF_OTHERS)
        return env

    @property
    def paths(self) -> Paths:
        """Where its tokenguard keeps what."""
        return find_paths(self._env)

    def ask(self, *arguments: str) -> str:
        """What a tokenguard command prints."""
        done = subprocess.run(
            scratch.tokenguard(*arguments), cwd=self._root, env=self._env, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout


@contextmanager
def built(pace: Pace) -> Generator[Stage]:
    """Build the world, and leave nothing of it behind, whatever ends the block."""
    with scratch.world("demo") as (world, root):
        yield _build(world, root, pace)


def _build(world: ExitStack, root: Path, pace: Pace) -> Stage:
    env = _environment(root)
    providers = world.enter_context(simulator.spawn(speed=pace.speed))
    paths = find_paths(env)
    paths.config_dir.mkdir(mode=0o700)
    paths.config_file.write_text(_CONFIG.format(url=providers.url) + _RULES.format(limit=LIMIT))
    for actor in ACTORS:
        _make_repository(root / actor.repo, actor.branch, env)
        _make_stand_in(root / "bin" / actor.agent)
        if actor.commits:
            _make_hooks(root / actor.repo, env)
    world.callback(scratch.stop_daemon, paths, env)
    return Stage(root, providers, client.ensure(paths, env, output.note), env)


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """End what still runs of the agents."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(scratch.PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _ELSEWHERE.fullmatch(name)}
    path = f"{root / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    (root / "home").mkdir()
    (root / "home" / ".gitconfig").write_text(_GIT_CONFIG)
    return {**kept, "PATH": path, "HOME": str(root / "home"), "TOKENGUARD_HOME": str(root / "tokenguard")}


def _make_repository(folder: Path, branch: str, env: Mapping[str, str]) -> None:
    begin = ("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--allow-empty", "-m", "Begin")
    folder.mkdir()
    try:
        for arguments in (
            ("init", "--quiet", "--initial-branch", "main"),
            begin,
            ("checkout", "--quiet", "-B", branch),
        ):
            subprocess.run(["git", *arguments], cwd=folder, env=env, check=True)
    except FileNotFoundError as error:
        raise UsageError("git: command not found", "install git: tokenguard tells spend by repository") from error


def _make_hooks(folder: Path, env: Mapping[str, str]) -> None:
    """With somewhere to push to."""
    remote = f"{folder}.git"
    for command in (
        ["git", "init", "--quiet", "--bare", remote],
        ["git", "remote", "add", "origin", remote],
        scratch.tokenguard("hooks", "install"),
    ):
        subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)


def _make_stand_in(file: Path) -> None:
    """A command that is called like an agent and is the scripted one."""
    file.parent.mkdir(exist_ok=True)
    if file.name == BABEL:
        program = [str(Path(scripted_babel.__file__))]
    else:
        program = [str(Path(scripted_agent.__file__)), file.name]
    command = shlex.join([sys.executable, *program])
    file.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    file.chmod(0o755)
