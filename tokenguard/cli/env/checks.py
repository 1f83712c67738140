"""Whether the editors whose settings were written still lead to the daemon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenguard.cli.env.editors import machine
from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import UsageError
from tokenguard.ides import IDES, Ide
from tokenguard.ides.keeping import Keeper
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.records import kept_in
from tokenguard.platforms.service import service_port


def editors(env: Mapping[str, str], paths: Paths, config: Config) -> Iterator[Finding]:
    """A finding for each settings file that was written; none if none was."""
    written = [kept for kept in kept_in(paths.state_dir) if Path(kept.file).exists()]
    port = config.daemon.port
    names = {str(ide.file(machine(env))): ide.NAME for ide in IDES.values()}
    for kept in written:
        name = names.get(kept.file)
        if name is not None and _is_lost(IDES[name], Path(kept.file), paths):
            again = f"tokenguard env --write {name}, or --undo {name}"
            yield warn("editors", f"{kept.file} does not hold any more what was put in", again)
            continue
        led = {change.value for change in kept.changes if "://" in change.value}
        if all(url.startswith(f"http://127.0.0.1:{port}/") for url in led):
            yield ok("editors", f"{kept.file} leads to port {port}")
        else:
            again = f"tokenguard env --write {name}" if name is not None else "write it again there"
            yield warn("editors", f"{kept.file} leads to another port than {port}, which is daemon.port", again)
    if written and service_port(paths.state_dir) != port:
        yield warn("editors", "the daemon may not be there when they need it", "tokenguard daemon install")


def _is_lost(ide: Ide, file: Path, paths: Paths) -> bool:
    try:
        return Keeper(paths.state_dir, file, ide.language()).lost()
    except (NotUnderstood, UsageError):
        return True
