"""`tokenguard hooks`: installing, uninstalling, and how it stands."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click
from msgspec.structs import replace

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.commands import Commands, examples
from tokenguard.cli.hooks import telling
from tokenguard.config import settings
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import everywhere, installing, reaching, resting, scripts, sharing, standing, uninstalling
from tokenguard_hooks.repository import look

_PATIENCE_S = 10.0
"""How long `status` waits for a daemon that is waking hooks."""

_NOT_YET = 1
"""Exit code where something is left to do before hooks run."""


@click.group(cls=Commands, epilog=examples("tokenguard hooks install", "tokenguard hooks status"))
def hooks() -> None:
    """Let git say what budgets say, at commits and pushes.

    Commits are noted, too, so that reports can tell what each of them cost. A hook costs about 2 ms and starts no
    Python; while the daemon does not run, git does not even start it.
    """


@hooks.command(
    epilog=examples(
        "tokenguard hooks install", "tokenguard hooks install --way chain", "tokenguard hooks install --global"
    )
)
@click.option(
    "--way", type=click.Choice(installing.WAYS), help="How git finds them; the best that there is without it."
)
@click.option("--global", "everything", is_flag=True, help="For all repositories of yours.")
@click.option("--yes", is_flag=True, help="Use a folder of hooks, or a setting, that is not this repository's alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def install(way: str | None, everything: bool, yes: bool, as_json: bool) -> int:
    """Install the hooks of the current repository.

    Git 2.54 finds them in its configuration. Where a repository uses pre-commit, lefthook or husky and git is older,
    the lines for their file are printed; otherwise hooks go where git looks for them, and those that are there run
    after ours.
    """
    paths = find_paths(os.environ)
    events = _events(paths)
    if everything:
        if way is not None:
            raise UsageError("--way and --global do not go together", "leave one of them out")
        found = everywhere.install(paths, events, consent=yes)
        asleep = _let_all_sleep(paths) and found.way != "template"
        told = telling.of_everywhere(found) | {"asleep": asleep}
        telling.show(told, as_json, telling.everywhere_installed(found, asleep))
        return 0
    here = look(Path.cwd())
    done = installing.install(here, paths, events, way, consent=yes)
    _let_all_sleep(paths)
    asleep = _let_sleep(here.common_dir, paths) or sharing.sleeps_in(done.where, paths)
    telling.show(telling.of_installed(done, asleep), as_json, telling.installed(done, asleep))
    return _NOT_YET if done.manager is not None and not done.manager.ours else 0


@hooks.command(
    short_help="Take them out, and put back what was there before.",
    epilog=examples("tokenguard hooks uninstall", "tokenguard hooks uninstall --global"),
)
@click.option("--global", "everything", is_flag=True, help="Take back --global; repositories keep their own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def uninstall(everything: bool, as_json: bool) -> int:
    """Take the hooks out, and put back what was there before, byte for byte."""
    paths = find_paths(os.environ)
    if everything:
        changed = everywhere.uninstall(paths)
        _let_all_sleep(paths)
        telling.show({"changed": changed}, as_json, telling.everywhere_uninstalled(changed))
        return 0
    here = look(Path.cwd())
    changed = uninstalling.uninstall(here, paths)
    _let_all_sleep(paths)
    now = standing.look(here, paths, _events(paths))
    telling.show(telling.of_uninstalled(changed, now, here), as_json, telling.uninstalled(changed, now, here))
    return _NOT_YET if now.installed and not changed else 0


@hooks.command(
    short_help="Show what is installed, and whether it works.",
    epilog=examples("tokenguard hooks status", "tokenguard hooks status --json"),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:
    """Show what is installed where, by which way, and whether it works.

    The exit code is 1 if git does not run all of them.
    """
    paths = find_paths(os.environ)
    here = look(Path.cwd())
    running = client.find(paths) is not None
    if running:
        # The daemon does not know a repository that was moved while its hooks slept.
        resting.wake(here.common_dir, paths, _PATIENCE_S)
        _wake_all(paths)
    now = standing.look(here, paths, _events(paths))
    if running and any(hook.asleep for hook in now.hooks):
        now = replace(now, problems=(*now.problems, standing.OVERSLEPT))
    own = not resting.is_asleep(here.common_dir, paths) and resting.may_sleep(here.common_dir, paths)
    tired = not running and (own or reaching.may_sleep(paths) or sharing.may_sleep(paths))
    telling.show(telling.of_standing(now, here, running), as_json, telling.stands(now, here, running, tired))
    return 0 if now.works else _NOT_YET


def _let_sleep(common_dir: Path, paths: Paths) -> bool:
    """Put hooks to sleep where no daemon runs; whether they sleep. Those that cannot now do so after a commit."""
    try:
        if client.find(paths) is not None or not resting.put_to_sleep(common_dir, paths):
            return False
        # One that has begun meanwhile may have looked before they slept.
        return client.find(paths) is None or not resting.wake(common_dir, paths)
    except TokenguardError:
        return False


def _let_all_sleep(paths: Paths) -> bool:
    """The same with those that serve several repositories."""
    try:
        if client.find(paths) is not None:
            return False
        if not any([reaching.put_to_sleep(paths), sharing.put_to_sleep(paths)]):
            return False
        return client.find(paths) is None or not _wake_all(paths)
    except TokenguardError:
        return False


def _wake_all(paths: Paths) -> bool:
    """Wake those that serve several repositories; whether some were asleep."""
    woken = reaching.wake(paths)
    with suppress(TokenguardError):  # what sleeps on is seen
        woken = sharing.wake(paths) or woken
    return woken


def _events(paths: Paths) -> tuple[str, ...]:
    """The hooks that are wanted: those that sign only where trailers are asked for."""
    try:
        signs = bool(settings.load(paths).hooks.trailers)
    except TokenguardError as error:
        # Hooks work without a configuration; whatever reads it next says the same again.
        output.note(str(error))
        signs = False
    return (*scripts.EVENTS, *(scripts.SIGNING if signs else ()))
