"""Checks of what `run --intercept` leaves behind: the keys of its authorities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tokenguard.cli.findings import Finding, fail, failed, ok, warn
from tokenguard.config.paths import Paths
from tokenguard.errors import ConfigError, UsageError
from tokenguard.intercept import store


def authorities(paths: Paths) -> Iterator[Finding]:
    """Whether the package is there, and whether each key is ours alone and still of use."""
    kept = store.all_of(paths.state_dir)
    try:
        store.need()
    except UsageError as error:
        if kept:
            yield warn("intercept", f"keys of authorities are left in {kept[0].parent}", f"rm -r {kept[0].parent}")
        else:
            yield ok("intercept", f"run --intercept is not installed ({error.hint})")
        return
    if not kept:
        yield ok("intercept", "no authority; run --intercept makes one when it is needed")
    for file in kept:
        yield _authority(paths.state_dir, file)


def _authority(state_dir: Path, file: Path) -> Finding:
    try:
        store.check(file)
    except ConfigError as error:
        # Whoever has read it can deceive the runs that trust it, until it is gone.
        return fail("intercept", error.message, f"rm {file}")
    except OSError as error:
        return fail("intercept", f"{file} cannot be read: {error.strerror}", f"rm {file}")
    try:
        found = store.load(state_dir, file.stem)
    except ConfigError as error:
        return failed("intercept", error)
    if found is None:
        return warn("intercept", f"{file} is not an authority of ours", f"rm {file}")
    until = f"{found.expires:%Y-%m-%d}"
    if found.expires <= datetime.now(UTC):
        return warn("intercept", f"the authority {found.id} expired on {until}", f"rm {file}")
    return ok("intercept", f"the authority {found.id} vouches for providers' hosts only, until {until}")
