"""`tokenguard agents list`."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from textwrap import wrap

import click
from msgspec import Struct

from tokenguard.agents import Agents, generic
from tokenguard.agents.versions import installed, version_of
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.surroundings import version
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import load
from tokenguard.policy.naming import printable


class Listed(Struct, frozen=True):
    """An agent, as `--json` tells it."""

    name: str
    title: str
    commands: tuple[str, ...]
    path: str | None
    """Where its command is; None if it is not installed."""
    version: str | None
    guarded: str
    not_covered: tuple[str, ...]
    hold_seconds: int
    leaves: str
    install: str
    own: bool
    """Whether the configuration defines or changes it."""


@click.command(
    "list",
    short_help="List the agents that are known, and how each is guarded.",
    epilog=examples("tokenguard agents list", "tokenguard agents list --json"),
)
@click.option("--versions", is_flag=True, help="Ask each installed agent for its version, which runs it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(versions: bool, as_json: bool) -> None:
    """List the agents that are known: whether each is installed, how it is guarded, and what is not covered.

    No agent is run, unless --versions says so: versions are read from what installers left.
    """
    config = load(find_paths(os.environ))
    found = _listed(Agents(config.agents), config.agents.keys(), os.environ, ask=versions)
    if as_json:
        output.say_json({"agents": found})
        return
    for line in _lines(found, output.room()):
        output.say(line)


def _listed(known: Agents, own: Container[str], env: Mapping[str, str], *, ask: bool) -> list[Listed]:
    paths = {name: installed(agent, env) for name, agent in known.all.items()}
    here = [path for path in paths.values() if path]
    with ThreadPoolExecutor() as pool:
        versions = dict(zip(here, pool.map(version if ask else version_of, here), strict=True))
    return [
        Listed(
            name=name,
            title=agent.TITLE,
            commands=agent.COMMANDS,
            path=(path := paths[name]),
            version=versions[path] if path else None,
            guarded=agent.GUARDED,
            not_covered=agent.NOT_COVERED,
            hold_seconds=agent.HOLD_SECONDS,
            leaves=agent.LEAVES,
            install=agent.INSTALL,
            own=name in own,
        )
        for name, agent in known.all.items()
    ]


def _lines(found: Sequence[Listed], room: int | None) -> Iterator[str]:
    """Those that are installed, each with what it is; then how to get the others; then all that are no agents here."""
    here = [one for one in found if one.path]
    for one, head in zip(here, output.columns(list(map(_head, here)), spare=(3, 4), room=room), strict=True):
        yield head
        yield from _wrapped(f"guarded by {one.guarded}", room)
        if one.not_covered:
            yield from _wrapped(f"not covered: {'; '.join(one.not_covered)}", room)
        if one.leaves:
            yield from _wrapped(f"leaves running: {one.leaves}", room)
    absent = [one for one in found if not one.path]
    if here and absent:
        yield ""
    yield from output.columns([(one.name, one.title, one.install) for one in absent], spare=(1,), room=room)
    yield ""
    yield f"{generic.TITLE}: tokenguard run COMMAND"
    yield from _wrapped(f"guarded by {generic.GUARDED}", room)
    yield from _wrapped(f"not covered: {'; '.join(generic.NOT_COVERED)}", room)


def _head(one: Listed) -> Sequence[str]:
    """`claude  Claude Code 2.1.329  waits up to 5 min  config.toml  /usr/local/bin/claude`"""
    name = output.styled(printable(one.name), "bold")
    what = printable(f"{one.title} {one.version or ''}".rstrip())
    return (
        name,
        what,
        f"waits up to {_waits(one.hold_seconds)}",
        "config.toml" if one.own else "",
        printable(one.path or ""),
    )


def _waits(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def _wrapped(text: str, room: int | None) -> list[str]:
    text = f"  {printable(text)}"
    return [text] if room is None else wrap(text, max(room, 20), subsequent_indent="    ", break_on_hyphens=False)
