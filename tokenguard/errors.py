"""The errors that a person may see.

Every failure that reaches the command line is a `TokenguardError`: what happened, and what to do about it.
Foreign exceptions (sqlite3, OSError, aiohttp...) are translated once, where they arise.
"""


class TokenguardError(Exception):
    """A failure with its remedy; shown as one line, `tokenguard: message; hint`.

    `exit_code` is 3, tokenguard's own failure, unless a child class says otherwise.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(TokenguardError):
    """The command line is wrong."""

    exit_code = 2


class ConfigError(TokenguardError):
    """A configuration file is wrong; the message names the file and the key or line."""


class LedgerError(TokenguardError):
    """The ledger cannot be opened, read or written."""


class DaemonError(TokenguardError):
    """The daemon cannot be started or reached, or answered with an error."""


class TeamError(TokenguardError):
    """A team's budgets cannot be reached, or what was asked of them is refused."""
