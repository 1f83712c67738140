"""Whether the editors whose settings were written still lead to the daemon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenguard.cli.env.editors import machine
from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.ides import IDES
from tokenguard.ides.keeping import kept_in
from tokenguard.platforms.service import service_port


def editors(env: Mapping[str, str], paths: Paths, config: Config) -> Iterator[Finding]:
    """A finding for each settings file that was written; none if none was."""
    written = [kept for kept in kept_in(paths.state_dir) if Path(kept.file).exists()]
    port = config.daemon.port
    names = {str(ide.file(machine(env))): ide.NAME for ide in IDES.values()}
    for kept in written:
        led = {change.value for change in kept.changes if "://" in change.value}
        if all(url.startswith(f"http://127.0.0.1:{port}/") for url in led):
            yield ok("editors", f"{kept.file} leads to port {port}")
        else:
            again = f"tokenguard env --write {names[kept.file]}" if kept.file in names else "write it again there"
            yield warn("editors", f"{kept.file} leads to another port than {port}, which is daemon.port", again)
    if written and service_port(paths.state_dir) != port:
        yield warn("editors", "the daemon may not be there when they need it", "tokenguard daemon install")
