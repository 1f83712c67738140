"""Draw the line of today in tmux, neovim, zsh and fish, all of which it needs: `python -m tools.draw_bars`."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tokenguard.cli.statusline.setting_up import set_up
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.policy import bars

FOLDER = Path(__file__).parent.parent / "docs/images"
WIDTH, HEIGHT = 90, 12
SHELL_HEIGHT = 6
_DEADLINE_S = 20.0
_SHOWN = "$4.20 today"

_DOLLAR = 1_000_000_000
_STATUS = {
    "totals": {
        "today": {"cost_nanos": 42 * _DOLLAR // 10, "confidence": "exact", "unpriced": 0, "notional_nanos": 0},
        "hour": {"cost_nanos": 31 * _DOLLAR // 10, "confidence": "exact", "unpriced": 0, "notional_nanos": 0},
    },
    "budgets": [
        {
            "label": "web/day", "scope": "repo", "key": "web", "level": "soft", "unit": "usd",
            "limit": 20 * _DOLLAR, "spent": 184 * _DOLLAR // 10,
            "remaining": 16 * _DOLLAR // 10, "official": None,
        }
    ],
    "sessions": [],
    "windows": [],
    "holds": [],
}  # fmt: skip

_CODE = """\
def login(form: Form) -> Response:
    user = users.find(form.name)
    if user is None or not user.knows(form.password):
        return page("login", error="No such name, or not its password.")
    return redirect(form.next or "/", cookie=sessions.begin(user).token)
"""

_FISH = """\
set fish_greeting
function fish_prompt; set_color blue; echo -n web; set_color normal; echo -n '> '; end
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = Paths(folder, folder)
        settings, init = set_up("tmux", paths)[1].replace("%H:%M", "12:00"), set_up("nvim", paths)[1]
        plain = "set -g status-left '#S  '\nset -g window-status-current-format '#W'\n"
        (folder / "tmux.conf").write_text(f"{settings}{plain}")
        (folder / "init.lua").write_text(f"vim.o.laststatus = 2\nvim.o.swapfile = false\nvim.cmd('syntax on')\n{init}")
        (folder / "login.py").write_text(_CODE)
        _write(paths)
        (FOLDER / "tmux-nvim.svg").write_text(
            _drawn(_screen(folder, _editor(folder), HEIGHT), "tmux and neovim", "bars")
        )
        (folder / "tmux.conf").write_text("set -g status off\n")
        (folder / ".zshrc").write_text(f"PROMPT='%F{{blue}}web%f %% '\n{set_up('zsh', paths)[1]}")
        (folder / "init.fish").write_text(f"{_FISH}{set_up('fish', paths)[1]}")
        (FOLDER / "shells.svg").write_text(
            _drawn(_screen(folder, _shells(folder), SHELL_HEIGHT), "zsh and fish", "shells")
        )


def _write(paths: Paths) -> None:
    """The line, as the daemon would leave it."""
    found = bars.bar(_STATUS, datetime(2026, 11, 21, 12, 0))  # noqa: DTZ001 - no window of the status names a time
    lines = (bars.plain(found), bars.tmux(found), bars.nvim(found), found.level)
    text = "".join(f"{line}\n" for line in (f"tokenguard 1 {os.getpid()}", *lines))
    (hook_paths.bars(paths) / hook_paths.NOW).write_text(text)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is needed")
    return found


def _editor(folder: Path) -> list[str]:
    """neovim, and below it the line of tmux itself."""
    return [shlex.join([_program("nvim"), "--clean", "-u", str(folder / "init.lua"), str(folder / "login.py")])]


def _shells(folder: Path) -> list[str]:
    """Two of them, one below the other."""
    fish = [_program("fish"), "--no-config", "--private", "--init-command", f"source {folder / 'init.fish'}"]
    return [shlex.join(["env", f"ZDOTDIR={folder}", _program("zsh"), "-d"]), shlex.join(fish)]


def _screen(folder: Path, commands: Sequence[str], height: int) -> str:
    """What a terminal shows in which tmux runs, and in its panes these commands, once the line is shown twice."""
    tmux = _program("tmux")
    env = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    env.pop("TMUX", None)

    def do(server: str, *words: str) -> str:
        command = [tmux, "-S", str(folder / server), "-f", str(folder / "tmux.conf"), *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    first, *others = commands
    panes = [part for command in others for part in (";", "split-window", "-v", command)]
    inner = shlex.join(
        [tmux, "-S", str(folder / "in"), "-f", str(folder / "tmux.conf"), "new-session", "-n", "nvim", first, *panes]
    )
    size = ("-x", str(WIDTH), "-y", str(height + 1))
    try:
        do("out", "new-session", "-d", *size, f"env -u TMUX {inner}")
        do("out", "set", "-g", "status", "off")
        until = time.monotonic() + _DEADLINE_S
        while time.monotonic() < until:
            if do("out", "capture-pane", "-p").count(_SHOWN) == 2:
                return do("out", "capture-pane", "-e", "-p").rstrip("\n")
            time.sleep(0.1)
        raise SystemExit(f"the line was not shown in both:\n{do('out', 'capture-pane', '-p')}")
    finally:
        for server in ("in", "out"):
            subprocess.run([tmux, "-S", str(folder / server), "kill-server"], capture_output=True, check=False)


def _drawn(screen: str, title: str, ident: str) -> str:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(screen), end="")
    return console.export_svg(title=title, unique_id=ident)


if __name__ == "__main__":
    main()
