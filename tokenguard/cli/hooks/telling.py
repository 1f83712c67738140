"""What is said of git hooks: as lines, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenguard.cli import output
from tokenguard.policy.naming import printable
from tokenguard_hooks import chaining, everywhere
from tokenguard_hooks.installing import Installed
from tokenguard_hooks.managers import Manager
from tokenguard_hooks.repository import Repository
from tokenguard_hooks.standing import Standing

_LONGEST = 400


def show(told: Mapping[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    """One of the two."""
    if as_json:
        output.say_json(told)
        return
    for line in lines:
        output.say(line)


_ASLEEP = "asleep until the daemon runs: git does not start them; what is committed is read when it does"


def of_installed(done: Installed, asleep: bool) -> dict[str, Any]:
    return {
        "way": done.way,
        "where": _text(done.where),
        "events": done.events,
        "installed": done.manager is None or done.manager.ours,
        "changed": done.changed,
        "chained": done.chained,
        "tracked": done.tracked,
        "everywhere": done.everywhere,
        "asleep": asleep,
        "manager": _manager(done.manager) if done.manager else None,
    }


def installed(done: Installed, asleep: bool) -> Iterator[str]:
    where = _text(done.where)
    if done.manager is not None:
        yield from _by_hand(done.manager)
    elif done.everywhere:
        yield f"{where} has them for all repositories, this one too"
    else:
        yield f"{where}: {', '.join(done.events)}" + ("" if done.changed else " (all of it was there already)")
        for event in done.chained:
            yield f"- the {event} hook that was there runs after ours"
        if done.tracked:
            yield f"- git tracks {', '.join(done.tracked)}: do not commit ours, which is there while the daemon runs"
        if done.way == "config":
            yield "- a git older than 2.54 that works here, too, passes over them: --way chain is for all"
        if asleep:
            yield f"- {_ASLEEP}"
        yield "to take it back, byte for byte: tokenguard hooks uninstall"


def _by_hand(manager: Manager) -> Iterator[str]:
    if manager.ours:
        yield f"{_text(manager.file)} has them already"
        if manager.older:
            yield "They do something also while no daemon runs. These, in their place, do not; post-commit needs none:"
            yield ""
            yield from manager.lines.rstrip("\n").split("\n")
        return
    yield f"This repository uses {manager.name}, so nothing is changed. Put this into {_text(manager.into)}:"
    yield ""
    yield from manager.lines.rstrip("\n").split("\n")
    yield ""
    if manager.then:
        yield f"and then: {manager.then}"
    if manager.beside:
        yield "or let the hooks run beside it: tokenguard hooks install --way chain"


def of_everywhere(found: everywhere.Standing) -> dict[str, Any]:
    return {"way": found.way, "where": _text(found.where), "changed": found.changed}


def everywhere_installed(found: everywhere.Standing, asleep: bool) -> Iterator[str]:
    already = "" if found.changed else " (all of it was there already)"
    match found.way:
        case "config":
            yield f"{_text(found.where)}: hooks for all repositories{already}"
        case "hooks-path":
            yield f"{_text(found.where)}: hooks for all repositories without a core.hooksPath of their own{already}"
        case _:
            yield f"{_text(found.where)}: hooks for new repositories{already}"
            yield "- for one that is there: tokenguard hooks install in it"
    if asleep:
        yield f"- {_ASLEEP}"
    yield "to take it back: tokenguard hooks uninstall --global"


def everywhere_uninstalled(changed: bool) -> Iterator[str]:
    if not changed:
        yield "there is nothing to take back"
        return
    yield "hooks for all repositories are taken back"
    yield "- repositories that have hooks of their own keep them: tokenguard hooks uninstall in each"


def of_uninstalled(changed: bool, now: Standing, here: Repository) -> dict[str, Any]:
    left = [_text(file) for file in chaining.left_behind(here.hooks_dir)]
    return {"changed": changed, "left": left, "everywhere": of_everywhere(now.everywhere)}


def uninstalled(changed: bool, now: Standing, here: Repository) -> Iterator[str]:
    yield "what was there before is there again" if changed else "there is nothing to take out"
    for file in chaining.left_behind(here.hooks_dir):
        yield f"- {_text(file)} is left as it is: it, or the hook beside it, was changed by somebody else"
    for manager in now.managers:
        if manager.ours:
            yield f"- {_text(manager.file)} names tokenguard: take its lines out by hand"
    if now.installed and now.everywhere.way in ("config", "hooks-path"):
        yield f"- {_text(now.everywhere.where)} has them for all repositories: tokenguard hooks uninstall --global"


def of_standing(now: Standing, here: Repository, running: bool) -> dict[str, Any]:
    return {
        "repository": _text(here.common_dir),
        "git": ".".join(map(str, here.git)),
        "installed": now.installed,
        "works": now.works,
        "asleep": now.asleep,
        "hooks": [
            {
                "event": hook.event,
                "ways": hook.ways,
                "where": _text(hook.where),
                "chained": hook.chained,
                "asleep": hook.asleep,
            }
            for hook in now.hooks
        ],
        "script": now.script,
        "hooks_dir": _text(here.hooks_dir),
        "hooks_path": {"scope": here.elsewhere.scope, "value": here.elsewhere.value} if here.elsewhere else None,
        "managers": [_manager(manager) for manager in now.managers],
        "everywhere": of_everywhere(now.everywhere),
        "daemon": running,
        "problems": [{"message": problem.what, "remedy": problem.remedy} for problem in now.problems],
    }


def stands(now: Standing, here: Repository, running: bool, tired: bool) -> Iterator[str]:
    if not now.installed:
        yield f"no hooks of tokenguard in {_text(here.common_dir)}: tokenguard hooks install"
    else:
        rows = [
            (hook.event, " and ".join(hook.ways) or "-", _text(hook.where) or "") + (_AFTER[hook.chained],)
            for hook in now.hooks
        ]
        yield from output.columns([("HOOK", "BY", "WHERE", ""), *rows])
    for manager in now.managers:
        yield f"{manager.name} is used here ({_text(manager.file)})"
    if here.elsewhere:
        yield f"git looks for hooks in {_text(here.hooks_dir)} ({here.elsewhere.scope} core.hooksPath)"
    if now.everywhere.way is not None:
        yield f"for all repositories: by {now.everywhere.way}, {_text(now.everywhere.where)}"
    for problem in now.problems:
        yield f"{output.styled('!', 'warn')} {printable(problem.what, _LONGEST)}"
        yield f"  → {printable(problem.remedy, _LONGEST)}"
    if now.works and not running:
        if now.asleep:
            yield _ASLEEP
        elif now.managed:
            yield "the daemon does not run: until it does, they do nothing; what is committed is read when it does"
        else:
            yield "the daemon does not run: until it does, they are silent, and note commits for it"
        if tired:
            yield "- the next commit puts them to sleep where it can: git does not start them any more until it runs"


_AFTER = {True: "the one that was there runs after it", False: ""}


def _manager(manager: Manager) -> dict[str, Any]:
    return {
        "name": manager.name,
        "file": _text(manager.file),
        "installed": manager.ours,
        "into": _text(manager.into),
        "lines": manager.lines,
        "then": manager.then,
    }


def _text(file: Path | None) -> str | None:
    """A path for people and JSON, whatever is in it."""
    return None if file is None else printable(str(file), _LONGEST)
