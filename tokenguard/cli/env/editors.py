"""Writing and undoing the settings of an editor, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tokenguard import platforms
from tokenguard.cli.env import wanted
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import UsageError
from tokenguard.ides import Addresses, Ide, Machine, Setting
from tokenguard.ides.jsonc import Item
from tokenguard.ides.keeping import Keeper
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.records import kept_in
from tokenguard.policy.naming import printable


def machine(env: Mapping[str, str]) -> Machine:
    """Where editors keep their settings here."""
    home = Path(env.get("HOME") or Path.home())
    return Machine(home, platforms.settings_folder(env, home), platforms.editors_name(), env)


def file_of(ide: Ide, env: Mapping[str, str], *, workspace: bool) -> Path:
    """The settings file that is meant. Raises `UsageError` if there is none of that kind."""
    if not workspace:
        return ide.file(machine(env))
    file = ide.workspace_file(Path.cwd())
    if file is None:
        raise UsageError(f"{ide.TITLE} cannot hold this in a workspace", "leave --workspace out")
    return file


def write(
    ide: Ide, file: Path, paths: Paths, config: Config, env: Mapping[str, str], show: Callable[[str], None]
) -> dict[str, Any]:
    """Write an editor's settings; what came of it.

    Raises `UsageError`; where a file is left as it is, what belongs into it is given to `show` before that.
    """
    base_url, here = wanted.fixed_url(config), machine(env)
    ours = {change.value for kept in kept_in(paths.state_dir) for change in kept.changes}
    addresses, elsewhere = _addresses(base_url, config, {name: env[name] for name in env if env[name] not in ours})
    notes = [note.format(url=base_url) for note in ide.NOTES]
    own_folder = ide.file(here).parent
    try:
        if file.parent == own_folder and not own_folder.exists():
            raise NotUnderstood(f"there is no folder {own_folder}, so {ide.TITLE} has not run here")
        keeper = Keeper(paths.state_dir, file, ide.language(), holds_keys=ide.HOLDS_KEYS)
        outcome = keeper.write(ide.settings(keeper.text(), addresses, here))
    except NotUnderstood as error:
        by_hand = _by_hand(ide, addresses, here)
        show("\n".join([by_hand, *notes]).strip())
        remedy = "correct it, or set by hand what is shown" if by_hand else "see to that, and try again"
        raise UsageError(f"{file} is not written: {error}", remedy) from error
    return {
        "ide": ide.NAME,
        "file": str(file),
        "changed": outcome.changed,
        "backup": str(outcome.backup) if outcome.backup else None,
        "set": {setting.label: setting.address.value for setting in outcome.set},
        "left": {setting.label: value for setting, value in outcome.left},
        "notes": [
            *(_stays(setting.label, value) for setting, value in outcome.left),
            *(f"{name} is not set: {_stays('that of this environment', value)}" for name, value in elsewhere.items()),
            *notes,
            *wanted.daemon_notes(paths, config),
        ],
    }


def undo(ide: Ide, file: Path, paths: Paths) -> dict[str, Any]:
    """Put an editor's settings back; what came of it. Raises `UsageError`."""
    try:
        outcome = Keeper(paths.state_dir, file, ide.language()).undo()
    except NotUnderstood as error:
        raise UsageError(f"{file} is left as it is: {error}", "correct it, and try again") from error
    return {"ide": ide.NAME, "file": str(file), "changed": outcome.changed, "restored": outcome.restored}


def _addresses(base_url: str, config: Config, env: Mapping[str, str]) -> tuple[Addresses, dict[str, str]]:
    """What to set, and the variables that are left alone because they lead elsewhere already."""
    found = wanted.addresses(base_url, config)
    elsewhere = wanted.contradicting(found.terminal, env)
    claude = wanted.without(found.claude, found.claude if "ANTHROPIC_BASE_URL" in elsewhere else ())
    return Addresses(claude, wanted.without(found.terminal, elsewhere), found.providers), elsewhere


def _stays(what: str, value: str) -> str:
    """Of an address of the user's own: credentials belong there, and not to the provider that we know."""
    return (
        f"{what} is yours and stays: {printable(value, 80)}; what goes there is not guarded, unless a provider in "
        "config.toml has it as its base_url"
    )


def _by_hand(ide: Ide, addresses: Addresses, here: Machine) -> str:
    """What belongs into the file, as JSON; nothing where that depends on what is in it."""
    try:
        settings = ide.settings("{}", addresses, here)
    except NotUnderstood:
        return ""
    return json.dumps(_tree(settings), indent=2)


def _tree(settings: Iterable[Setting]) -> dict[str, Any]:
    """The settings as the JSON that they are part of."""
    root: dict[str, Any] = {}
    for setting in settings:
        *way, last = setting.path
        here: Any = root
        for step in way:
            here = here.setdefault(step, [] if isinstance(last, Item) and step is way[-1] else {})
        if isinstance(last, Item):
            here.append({"name": last, "value": setting.address.value})
        else:
            here[last] = setting.address.value
    return root
