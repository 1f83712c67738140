"""`tokenguard run`: an agent runs exactly as it would alone, and every call of it passes the guard."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tokenguard import client
from tokenguard.agents import Agent, Agents, Recipe, Situation, hooks
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import load
from tokenguard.errors import DaemonError, TokenguardError, UsageError
from tokenguard.intercept.environment import undo
from tokenguard.intercept.store import need
from tokenguard.launch import child, nesting, turns
from tokenguard.launch.bell import ring
from tokenguard.launch.finding import find_program, outdated
from tokenguard.launch.folder import RUNS, fill, mark, private_folder
from tokenguard.launch.session import Session
from tokenguard.platforms.environment import given_environment


class LaunchOptions(Struct, frozen=True):
    """What `run` was asked for."""

    agent: str
    """A command, or the path of one."""
    args: tuple[str, ...] = ()
    budget: str | None = None
    """Limit of this run, as it was given."""
    task: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    summary: Path | None = None
    """Where to write what it cost, as JSON."""
    quiet: bool = False
    """Say nothing of our own while all is well."""
    intercept: bool = False
    """Also read what is said to providers over connections of the agent's own."""


def run(options: LaunchOptions) -> int:
    """Run an agent to its end and return its exit code; if a signal killed it, end by the same signal.

    Raises `TokenguardError` for what keeps the agent from starting; nothing that goes wrong later changes its code.
    """
    env = given_environment()
    # What runs within an intercepted run is intercepted too, and not twice.
    intercept = undo(env) or options.intercept
    if intercept:
        need()
    paths = find_paths(env)
    nesting.restore(env, paths.state_dir / RUNS)
    config = load(paths)
    known = Agents(config.agents)
    name, agent = known.started_by(options.agent)
    program = find_program(options.agent, agent, known, env.get("PATH", os.defpath))
    if options.summary is not None and not options.summary.absolute().parent.is_dir():
        raise UsageError(f"--summary {options.summary}: there is no such folder", "make it first")
    session = Session(paths, env, _say, ring if config.notify.bell else None)
    with private_folder(paths.state_dir) as folder:
        attended = os.isatty(0) and os.isatty(1)
        situation = Situation(
            session.base_url, options.args, env, Path.home(), _cwd(), folder, config.providers, attended
        )
        recipe = agent.recipe(situation)
        recipe = replace(recipe, notes=(*outdated(agent, program), *recipe.notes))
        if intercept:
            from tokenguard.launch.interception import intercepted  # costs 40 ms

            recipe = intercepted(recipe, situation, paths, config)
        fill(folder, recipe)
        session.open(_request(name, situation, recipe, options))
        if not hooks.READERS.isdisjoint(recipe.files):
            turns.connect(folder, paths, session.id)
        told = turns.pipe(folder) if hooks.TURN in recipe.files else None
        if not options.quiet:
            for note in recipe.notes:
                _say(note)
            if not intercept and any("not guarded" in note for note in recipe.notes):
                _say("with --intercept, calls to the providers that tokenguard knows are guarded all the same")

        def started(pid: int) -> None:
            with suppress(OSError):
                mark(folder, pid)
            session.started(pid)
            if told is not None:
                turns.follow(told, session.turn_ended)

        since = time.monotonic()
        try:
            ours = {**recipe.env, **nesting.kept(env, recipe.env), client.SESSION: session.id}
            code = child.run(program, recipe.args, {**env, **ours}, started)
        except BaseException:
            with suppress(TokenguardError):
                session.end(None)
            raise
        _close(session, code, time.monotonic() - since, agent, options, intercept=intercept)
    if code < 0:
        child.die_by(-code)
    return code


def _request(name: str, situation: Situation, recipe: Recipe, options: LaunchOptions) -> dict[str, object]:
    """What the daemon is told of the session."""
    return {
        "agent": name,
        "cwd": _told(situation.cwd),
        "task": options.task,
        "labels": options.labels,
        "budget": options.budget,
        "upstreams": tuple(recipe.upstreams.items()),
        "network": dict(recipe.network),
        "notes": recipe.notes,
        "parent": situation.env.get(client.SESSION),
        "run_pid": os.getpid(),
    }


def _close(
    session: Session, code: int, seconds: float, agent: Agent, options: LaunchOptions, *, intercept: bool
) -> None:
    """End the session and tell what it cost. Whatever fails, the agent has run, and its exit code stands."""
    from tokenguard.launch import endings, summary

    shown = code if code >= 0 else 128 - code
    try:
        ended = session.end(shown)
        if not options.quiet:
            _write(summary.line(ended))
            for text in summary.left(ended, agent.TITLE, agent.LEAVES):
                _say(text)
            if intercept:
                for text in summary.intercepted(ended):
                    _say(text)
            for text in endings.remarks(agent, code, seconds, ended):
                _say(text)
        if options.summary is not None:
            summary.save(options.summary, ended, shown)
    except DaemonError as error:
        _say(f"what this run cost cannot be told: {error.message}; ask later: tokenguard report --by session")
    except TokenguardError as error:
        _say(str(error))
    except KeyboardInterrupt:
        pass


def _cwd() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more", "change to one that does") from error


def _told(cwd: Path) -> str:
    """The current folder as JSON can say it. Where names need not be UTF-8, on Linux, our process leads to it, too."""
    try:
        return os.fsencode(cwd).decode()
    except UnicodeDecodeError:
        return f"/proc/{os.getpid()}/cwd"


def _say(text: str) -> None:
    _write(f"tokenguard: {text}")


def _write(line: str) -> None:
    """A line for people; that nobody reads it must not change how the run ends."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
