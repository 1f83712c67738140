"""`tokenguard completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tokenguard.cli import output
from tokenguard.cli.commands import PROGRAM, examples, root


@click.command(
    epilog=examples(
        "tokenguard completion bash > ~/.local/share/bash-completion/completions/tokenguard",
        "tokenguard completion zsh > ~/.zfunc/_tokenguard",
        "tokenguard completion fish > ~/.config/fish/completions/tokenguard.fish",
    )
)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL: bash, zsh or fish."""
    script = get_completion_class(shell)
    assert script is not None
    output.say(script(root, {}, PROGRAM, "_TOKENGUARD_COMPLETE").source())
