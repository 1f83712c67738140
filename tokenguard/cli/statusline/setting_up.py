"""What `tokenguard statusline --setup` does: the folder of the line of today, scripts, and what others need.

Nothing of the user's is changed: what belongs into the settings of tmux, neovim or a shell is shown.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from tokenguard import client
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths, make_private
from tokenguard.errors import TokenguardError, UsageError

SCRIPT = "line.sh"
"""Prints the line."""
PLUGIN = "tokenguard.lua"

_SCRIPTS = Path(__file__).parent / "scripts"
_QUOTABLE = re.compile(r"[\w/.,:@+~ -]+")
"""Paths that stand in quotes of every one of these programs."""

_SNIPPETS = {
    "tmux": (
        "~/.tmux.conf",
        """set -g status-right-length 120
set -g status-right "#('{script}' tmux)  %H:%M"
""",
    ),
    "nvim": (
        "~/.config/nvim/init.lua",
        """vim.opt.runtimepath:append("{folder}/nvim")
require("tokenguard").setup({{ folder = "{folder}" }})
""",
    ),
    "starship": (
        "~/.config/starship.toml",
        """[custom.tokenguard]
command = "'{script}'"
when = true
shell = ["sh"]
format = "[$output]($style) "
""",
    ),
    "zsh": (
        "~/.zshrc",
        """tokenguard_line() {{ '{script}' }}
setopt prompt_subst
RPROMPT='${{"$(tokenguard_line)"//[%]/%%}}'
""",
    ),
    "fish": (
        "~/.config/fish/config.fish",
        """function fish_right_prompt
    '{script}'
end
""",
    ),
}

PLACES = tuple(_SNIPPETS)
"""Where the line can be shown."""


def set_up(place: str, paths: Paths) -> tuple[str, str]:
    """Make what a place reads; the file into which lines belong there, and these. Raises `TokenguardError`."""
    folder = hook_paths.bars(paths)
    if not _QUOTABLE.fullmatch(str(folder)):
        raise UsageError(
            f"the folder {folder} has signs in its name that need quoting", "set TOKENGUARD_HOME to another"
        )
    for one in (paths.state_dir, folder.parent, folder):
        make_private(one)
    _write(folder / SCRIPT, 0o700)
    if place == "nvim":
        (folder / "nvim" / "lua").mkdir(parents=True, exist_ok=True)
        _write(folder / "nvim" / "lua" / PLUGIN, 0o600)
    with suppress(TokenguardError):
        if (daemon := client.find(paths)) is not None:
            daemon.post("/v1/budgets/reload")  # it looks at once who wants to be told, not only at the next event
    file, text = _SNIPPETS[place]
    return file, text.format(script=folder / SCRIPT, folder=folder)


def _write(file: Path, mode: int) -> None:
    """Put a script there, as a whole."""
    new = file.with_name(f".{file.name}.new")
    new.write_bytes((_SCRIPTS / file.name).read_bytes())
    new.chmod(mode)
    new.replace(file)
