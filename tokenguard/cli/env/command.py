"""`tokenguard env`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from tokenguard.agents import Agents, generic
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.env import editors, telling, wanted
from tokenguard.cli.env.shells import SHELLS, assignments, comments, shell_of
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.settings import Config, load
from tokenguard.errors import UsageError
from tokenguard.ides import IDES, roo
from tokenguard.ides.records import kept_in

_ALL = "all"
"""`--undo` without a value."""


def _complete_agent(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _names(Agents()) if name.startswith(incomplete)]


@click.command(
    short_help="Send unwrapped agents and editors through the fixed port.",
    epilog=examples(
        "tokenguard env claude",
        "tokenguard env --write vscode",
        "tokenguard env --undo vscode",
    ),
)
@click.argument("agent", required=False, shell_complete=_complete_agent)
@click.option("--shell", type=click.Choice(SHELLS), help="Language of the lines; that of $SHELL without it.")
@click.option(
    "--write",
    metavar="IDE",
    type=click.Choice([*IDES, roo.NAME]),
    help="Write an editor's settings, so that they can be put back.",
)
@click.option(
    "--undo",
    metavar="[IDE]",
    type=click.Choice([*IDES, _ALL]),
    is_flag=False,
    flag_value=_ALL,
    help="Put an editor's settings back; those of all editors without a name.",
)
@click.option("--workspace", is_flag=True, help="The settings of this folder, not the user's.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="That editor's settings, where they are not at the usual place.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def env(
    agent: str | None,
    shell: str | None,
    write: str | None,
    undo: str | None,
    workspace: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Print what sends AGENT through tokenguard when it is not started by tokenguard run.

    Variables as lines for a shell, to be used as in eval "$(tokenguard env claude)"; what belongs into a file as
    comments. With --write, the settings of an editor are written: vscode, cursor, windsurf, vscodium, zed, jetbrains;
    or those of an agent in any of them: continue, cline, kilo; roo tells what to set by hand. Its calls appear as a
    session of their own.
    """
    if write is not None or undo is not None:
        if agent is not None or shell is not None:
            raise UsageError("--write and --undo take no agent and no shell", "leave them out")
        if file is not None and (workspace or (write or undo) == _ALL):
            raise UsageError("--file is that of one editor", "name the editor, and leave --workspace out")
        _edit(write, undo, workspace, file and file.absolute(), as_json)
        return
    if agent is None:
        raise UsageError("of which agent?", f"name one of {', '.join(_names(Agents()))}, or use --write IDE")
    if workspace or file is not None:
        option = "--workspace" if workspace else "--file"
        raise UsageError(f"{option} belongs to --write and --undo", "leave it out")
    _print(agent, shell, as_json)


def _print(name: str, shell: str | None, as_json: bool) -> None:
    paths = find_paths(os.environ)
    config = load(paths)
    known = Agents(config.agents)
    found, agent = known.started_by(name)
    if agent is generic and name != generic.NAME:
        raise UsageError(f"{name} is not an agent that is known", f"use one of {', '.join(_names(known))}")
    base_url = wanted.fixed_url(config)
    by_hand, variables = agent.by_hand(base_url), wanted.variables(agent, base_url, os.environ)
    notes = [*by_hand.notes, *wanted.daemon_notes(paths, config)]
    if as_json:
        settings = [{"file": file, "text": text} for file, text in by_hand.settings]
        told = {"agent": found, "base_url": base_url, "env": variables, "settings": settings, "notes": notes}
        output.say_json(told)
        return
    for line in assignments(shell or shell_of(os.environ), variables):
        output.say(line)
    for file, text in by_hand.settings:
        title = "or, in place of these," if variables and _says_the_same(text, variables) else "put"
        for line in comments(f"{title} into {file}:\n{text}"):
            output.say(line)
    for note in notes:
        for line in comments(note):
            output.say(line)


def _says_the_same(text: str, variables: Mapping[str, str]) -> bool:
    return any(value in text for value in variables.values() if "://" in value)


def _edit(write: str | None, undo: str | None, workspace: bool, named: Path | None, as_json: bool) -> None:
    paths = find_paths(os.environ)
    if write == roo.NAME:
        _tell_by_hand(roo.NOTES, load(paths), as_json)
        raise UsageError(roo.WHY, "set it by hand" if as_json else "set by hand what is shown")
    if undo is not None:
        which = write or undo
        meant = _files(which, workspace, paths) if named is None else {named: which}
        done = [editors.undo(IDES[name], file, paths) for file, name in meant.items()]
        if as_json:
            output.say_json(done if which == _ALL else done[0])
        else:
            telling.undone(done)
            if which == _ALL and not workspace:
                telling.elsewhere(paths)
        return
    assert write is not None
    ide = IDES[write]
    file = named or editors.file_of(ide, os.environ, workspace=workspace)
    told = editors.write(ide, file, paths, load(paths), os.environ, _pass_over if as_json else output.say)
    if as_json:
        output.say_json(told)
    else:
        telling.written(told, file if workspace else named)


def _files(which: str, workspace: bool, paths: Paths) -> dict[Path, str]:
    """The files that are meant, each with the name of an editor that it belongs to.

    Of an editor that reads several files in a folder, one that was written may not be the one that would be now.
    """
    asked = IDES.values() if which == _ALL else [IDES[which]]
    able = [ide for ide in asked if which != _ALL or not workspace or ide.workspace_file(Path.cwd()) is not None]
    usual = {editors.file_of(ide, os.environ, workspace=workspace): ide.NAME for ide in reversed(able)}
    folders = {file.parent: name for file, name in usual.items()}
    written = (Path(kept.file) for kept in kept_in(paths.state_dir))
    return {**{file: folders[file.parent] for file in written if file.parent in folders}, **usual}


def _tell_by_hand(notes: Iterable[str], config: Config, as_json: bool) -> None:
    base_url = wanted.fixed_url(config)
    for note in () if as_json else notes:
        output.say(f"- {note.format(url=base_url)}")


def _pass_over(text: str) -> None:
    """With JSON, nothing else is said."""


def _names(known: Agents) -> list[str]:
    return [*known.all, generic.NAME]
