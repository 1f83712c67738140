"""What is installed where, by which way, and whether it works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import chaining, configuring, everywhere, files, included, managers, placed, repository, scripts
from tokenguard_hooks.managers import Manager
from tokenguard_hooks.repository import Repository

_AGAIN = "tokenguard hooks install"


class Problem(Struct, frozen=True):
    """Why a hook does not do what it should."""

    what: str
    remedy: str


OVERSLEPT = Problem("hooks sleep, though the daemon runs", _AGAIN)
"""Of hooks that another state folder put to sleep, or that nothing says were."""


class Hook(Struct, frozen=True):
    """One hook."""

    event: str
    ways: tuple[str, ...]
    """How git comes to run it: `config`, `chain`, `manager`; empty if it does not."""
    where: Path | None
    chained: bool
    """Whether the hook that was there before runs after it."""
    asleep: bool = False
    """Whether git does not start it before the daemon runs."""


class Standing(Struct, frozen=True):
    """How it stands with a repository."""

    hooks: tuple[Hook, ...]
    script: str
    """`current`, `older` (than this program) or `missing`."""
    everywhere: everywhere.Standing
    managers: tuple[Manager, ...]
    problems: tuple[Problem, ...]

    @property
    def installed(self) -> bool:
        """Whether git runs any hook of ours."""
        return any(hook.ways for hook in self.hooks)

    @property
    def asleep(self) -> bool:
        """Whether git starts none of them before the daemon runs."""
        return self.installed and all(hook.asleep for hook in self.hooks if hook.ways)

    @property
    def managed(self) -> bool:
        """Whether hook managers run all that are run."""
        return self.installed and all(hook.ways == ("manager",) for hook in self.hooks if hook.ways)

    @property
    def works(self) -> bool:
        """Whether git runs all of them, and nothing is in their way."""
        return self.installed and not self.problems


def look(here: Repository, paths: Paths, events: tuple[str, ...]) -> Standing:
    """How it stands; `events` are the hooks that are wanted. Raises `TokenguardError` where git does not tell."""
    managed = managers.found(here.top, events, paths)
    hooks = tuple(_hook(here, event, managed) for event in events)
    script = _script(paths)
    problems = [
        *_of_hooks(here, paths, hooks, managed),
        *_of_folders(here, paths),
        *_of_configuration(here, paths, events),
    ]
    if any(hook.ways for hook in hooks) and script != "current":
        what = "the script that all hooks lead to is missing" if script == "missing" else "the script is an older one"
        problems.append(Problem(what, _AGAIN))
    return Standing(hooks, script, everywhere.look(), tuple(managed), tuple(problems))


def _hook(here: Repository, event: str, managed: list[Manager]) -> Hook:
    found = chaining.look(here.hooks_dir, event)
    ways: list[str] = []
    where: Path | None = None
    everywhere = not configuring.holds(here.config_file)
    config = repository.global_config() if everywhere else here.config_file
    asleep = here.configurable and included.sleeps(config, event)
    if _configured(here, event) or asleep:
        ways.append("config")
        where = config
    if (found.state in ("ours", "changed") and found.runs) or chaining.will_wake(found):
        asleep = asleep or found.sleeps
        ways.append("chain")
        where = where or found.file
    for manager in managed:
        if event in manager.covers:
            ways.append("manager")
            where = where or manager.file
    return Hook(event, tuple(ways), where, found.chained, asleep)


def _configured(here: Repository, event: str) -> bool:
    """Whether git finds this hook in its configuration, whoever's it is."""
    section, folder = f"hook.{configuring.name(event)}", here.top or here.common_dir
    has_command = here.configurable and repository.setting(f"{section}.command", folder=folder) is not None
    return has_command and repository.setting(f"{section}.event", folder=folder) == event


def _script(paths: Paths) -> str:
    if not scripts.script_file(paths).exists():
        return "missing"
    return "current" if scripts.are_current(paths) else "older"


def _of_hooks(here: Repository, paths: Paths, hooks: tuple[Hook, ...], managed: list[Manager]) -> Iterator[Problem]:
    some = any(hook.ways for hook in hooks)
    read = {event for manager in managed if manager.ours for event in scripts.EVENTS if event not in manager.needs}
    missing = [hook.event for hook in hooks if not hook.ways and hook.event not in read]
    if some and missing:
        yield Problem(f"not installed: {', '.join(missing)}", _AGAIN)
    for hook in hooks:
        found = chaining.look(here.hooks_dir, hook.event)
        if found.state == "ours" and not found.runs:
            yield Problem(f"{found.file} is not executable, so git does not run it", _AGAIN)
        if found.state == "ours" and files.read(found.file) != scripts.stub(hook.event, paths):
            yield Problem(f"{found.file} leads to another state folder than {paths.state_dir}", _AGAIN)
        if found.state == "changed":
            yield Problem(f"{found.file} has been changed since tokenguard wrote it", "see whether that was meant")
        if found.moved:
            yield Problem(f"another program has put itself in the place of {found.file}", _AGAIN)
        elif found.sleeps and not chaining.will_wake(found):
            yield Problem(f"{found.file} was put in the place of tokenguard's while that slept", _AGAIN)
        elif found.state == "other" and found.chained and not found.sleeps:
            kept = f"{found.file.name}{scripts.CHAINED}"
            yield Problem(f"{found.file} was put in the place of tokenguard's, so {kept} does not run", "keep one")
        if len(hook.ways) > 1:
            remedy = "take it out of the manager's file" if "manager" in hook.ways else _AGAIN
            yield Problem(f"{hook.event} runs twice: by {' and by '.join(hook.ways)}", remedy)


def _of_folders(here: Repository, paths: Paths) -> Iterator[Problem]:
    """Where hooks of ours are that git does not look at."""
    for folder in placed.folders(here, hook_paths.folder(paths, here.common_dir)):
        found = [chaining.look(folder, event) for event in scripts.EVENTS]
        if any(hook.state == "ours" or hook.sleeps for hook in found) and not _same(folder, here.hooks_dir):
            by = f"{here.elsewhere.scope} core.hooksPath" if here.elsewhere else "its settings"
            yield Problem(f"git looks for hooks in {here.hooks_dir} ({by}), and not in {folder}", _AGAIN)


def _of_configuration(here: Repository, paths: Paths, events: tuple[str, ...]) -> Iterator[Problem]:
    folder = here.top or here.common_dir
    if not here.configurable:
        if configuring.holds(here.config_file):
            version = ".".join(map(str, here.git))
            yield Problem(f"git {version} finds no hooks in its configuration, only 2.54 does", _AGAIN)
        return
    for event in events:
        command = repository.setting(f"hook.{configuring.name(event)}.command", folder=folder)
        if command is not None and command != os.fsdecode(scripts.command(event, paths)):
            again = _AGAIN if configuring.holds(here.config_file) else f"{_AGAIN} --global"
            what = f"git's configuration sends {event} to another state folder than {paths.state_dir}"
            yield Problem(what, again)
        for name in (configuring.name(event), event):
            if repository.setting(f"hook.{name}.enabled", folder=folder) in ("false", "no", "off", "0"):
                yield Problem(f"hook.{name}.enabled is false", f"git config --unset hook.{name}.enabled")


def _same(folder: Path, other: Path) -> bool:
    try:
        return os.path.samefile(folder, other)
    except OSError:
        return False
