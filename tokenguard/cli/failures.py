"""What went wrong, as the one line that a person reads: what happened, and what to do about it."""

from __future__ import annotations

import click
from msgspec import Struct

from tokenguard.errors import TokenguardError


class Failure(Struct, frozen=True):
    """An error, ready to be shown."""

    message: str
    hint: str
    exit_code: int
    error: BaseException

    @property
    def line(self) -> str:
        """Both parts in one line."""
        text = f"{self.message}; {self.hint}" if self.hint else self.message
        return " ".join(text.split())


def failure_of(error: Exception) -> Failure:
    """Any exception that reached `main`."""
    if isinstance(error, TokenguardError):
        return Failure(error.message, error.hint, error.exit_code, error)
    if isinstance(error, click.UsageError):
        return Failure(_sentence(error.format_message()), _where_to_read(error.ctx), error.exit_code, error)
    if isinstance(error, click.ClickException):
        return Failure(_sentence(error.format_message()), "", error.exit_code, error)
    if isinstance(error, FileNotFoundError) and error.filename is None:
        # Only the current folder has no name in such an error.
        return Failure("the current folder does not exist any more", "change to one that does", 2, error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(f"internal error: {what}", "TOKENGUARD_DEBUG=1 shows where; please report it", 3, error)


def _sentence(text: str) -> str:
    """Click's wording as a part of our line: no capital at the start, no full stop at the end."""
    text = text.strip().removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _where_to_read(context: click.Context | None) -> str:
    """Options that lack their argument come without a context."""
    return f"{context.command_path if context else 'the same with'} --help shows how"
