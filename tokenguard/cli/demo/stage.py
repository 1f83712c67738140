"""The demo's world while it is there: a folder with all that is needed, a daemon, providers, and agents that enter."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tokenguard import client, simulator
from tokenguard.cli import output, scratch
from tokenguard.cli.demo.cast import ACTORS, Actor, Pace
from tokenguard.cli.demo.scenery import (
    CONFIG,
    LIMIT,
    RULES,
    RULES_OF_OTHERS,
    environment,
    make_hooks,
    make_repository,
    make_stand_in,
)
from tokenguard.config.paths import Paths, find_paths


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
        config.write_text(CONFIG.format(url=self.providers.url) + RULES_OF_OTHERS)
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
    env = environment(root)
    providers = world.enter_context(simulator.spawn(speed=pace.speed))
    paths = find_paths(env)
    paths.config_dir.mkdir(mode=0o700)
    paths.config_file.write_text(CONFIG.format(url=providers.url) + RULES.format(limit=LIMIT))
    for actor in ACTORS:
        make_repository(root / actor.repo, actor.branch, env)
        make_stand_in(root / "bin" / actor.agent)
        if actor.commits:
            make_hooks(root / actor.repo, env)
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
