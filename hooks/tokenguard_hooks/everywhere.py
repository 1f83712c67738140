"""Hooks for every repository of a user: through git's own configuration, or else where new repositories come from.

core.hooksPath is never set: it would switch off the hooks that repositories have.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import UsageError
from tokenguard_hooks import (
    chaining,
    configuring,
    files,
    hook_folders,
    included,
    reaching,
    repository,
    scripts,
    sharing,
)
from tokenguard_hooks.locking import alone

if TYPE_CHECKING:
    from tokenguard_hooks.rounds import Rounds

_OF_REPOSITORIES = ("HEAD", "config", "objects", "refs")
"""What git makes in every repository by itself, and a template must not have."""

_SECONDS = 5.0
"""How long is waited for a daemon that puts hooks to sleep or wakes them, and for folders that do not answer."""


class Standing(Struct, frozen=True):
    """How hooks reach all repositories."""

    way: str | None
    """`config`, `hooks-path`, `template`; None if they do not."""
    where: Path | None = None
    changed: bool = False


def look() -> Standing:
    """How they do now."""
    file = repository.global_config()
    template = repository.path_setting("init.templateDir", scope="global")
    folder = repository.path_setting("core.hooksPath", scope="global")
    if folder is not None and _ours(folder):
        return Standing("hooks-path", folder)
    if template is not None and _ours(template / "hooks"):
        return Standing("template", template)
    return Standing("config", file) if configuring.holds(file) else Standing(None)


def install(paths: Paths, events: tuple[str, ...], *, consent: bool) -> Standing:
    """Let hooks reach all repositories. Raises `TokenguardError`, and then everything is as it was."""
    file = repository.global_config()
    if reaching.is_asleep(paths) or sharing.is_asleep(paths):
        _rounds(paths).wake_shared(_SECONDS)
    if repository.git_version() >= repository.CONFIGURED_SINCE:
        scripts.write(paths)
        changed = _configure(file, events, paths)
        _take_out_of_folders(paths)
        return Standing("config", file, changed)
    folder = repository.path_setting("core.hooksPath", scope="global")
    if folder is not None:
        _agreed(consent, f"core.hooksPath sends the hooks of all repositories to {folder}", "puts ours there")
        changed = _fill(folder, events, paths)
        hook_folders.put(paths, folder)
        return Standing("hooks-path", folder, changed)
    template = repository.path_setting("init.templateDir", scope="global")
    if template is not None:
        _agreed(consent, f"new repositories are made from {template}", "puts the hooks there, for new ones only")
        return Standing("template", template, _fill(template / "hooks", events, paths))
    ours = _template(paths)
    what = f"this git finds hooks for all repositories only in a template, for which {file} has to name a folder"
    _agreed(consent, what, "lets new repositories have them")
    scripts.write(paths)
    if not ours.exists():
        repository.make_template(ours)
        for name in _OF_REPOSITORIES:
            _remove(ours / name)
    _fill(ours / "hooks", events, paths)
    return Standing("template", ours, configuring.put_in(file, configuring.template(ours)))


def uninstall(paths: Paths) -> bool:
    """Take it back; whether there was anything. Repositories that were made meanwhile keep their hooks.

    What was committed while they slept is noted, where hooks have noted something before.
    """
    file = repository.global_config()
    _rounds(paths).wake_shared(_SECONDS)
    changed = configuring.take_out(file)
    included.take_out(file)
    reaching.forget(paths)
    changed = _take_out_of_folders(paths) or changed
    if _template(paths).exists():
        shutil.rmtree(_template(paths), ignore_errors=True)
        changed = True
    return changed


def _configure(file: Path, events: tuple[str, ...], paths: Paths) -> bool:
    """Put hooks beside the user's configuration, where they can sleep; whether something was not there."""
    lines = configuring.hooks(events, paths)
    if "\n" in str(file):  # which nobody could tell hooks
        return configuring.put_in(file, lines)
    with files.told(file):
        hook_paths.hooks(paths).mkdir(parents=True, exist_ok=True)
    with alone(hook_paths.hooks(paths), _SECONDS):
        reaching.put(paths, file)
        changed = included.put(file, lines)
        return configuring.put_in(file, configuring.included(file)) or changed


def _rounds(paths: Paths) -> Rounds:
    from tokenguard_hooks.rounds import Rounds  # heavy, and needed only where something is changed

    return Rounds(paths)


def _take_out_of_folders(paths: Paths) -> bool:
    folder = repository.path_setting("core.hooksPath", scope="global")
    template = repository.path_setting("init.templateDir", scope="global")
    places = [one for one in (folder, template / "hooks" if template else None) if one is not None and one.is_dir()]
    with sharing.held(paths):
        changed = any([chaining.take_out(place) for place in places])
        for place in places:
            hook_folders.drop(paths, place)
    return changed


def _fill(folder: Path, events: tuple[str, ...], paths: Paths) -> bool:
    scripts.write(paths)
    with files.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with sharing.held(paths):
        return chaining.put_in(folder, events, paths)


def _ours(folder: Path) -> bool:
    found = [chaining.look(folder, event) for event in scripts.EVENTS]
    return any(hook.state == "ours" or hook.sleeps for hook in found)


def _agreed(consent: bool, what: str, effect: str) -> None:
    if not consent:
        raise UsageError(what, f"tokenguard hooks install --global --yes {effect}")


def _template(paths: Paths) -> Path:
    return paths.state_dir / "hooks" / "template"


def _remove(found: Path) -> None:
    with suppress(OSError):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()
