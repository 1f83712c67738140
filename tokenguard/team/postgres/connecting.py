"""The way to a team's database: settings that fail within seconds, and errors that say what to do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from tokenguard.errors import TeamError
from tokenguard.team.postgres.steps import call, steps, transaction

SETTINGS = {
    # A link that is cut must not be waited for: without these it took more than 95 s.
    "connect_timeout": "3",
    "tcp_user_timeout": "3000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "application_name": "tokenguard",
}

IN_A_POLICY = (
    *("host", "hostaddr", "port", "dbname", "service", "sslmode", "target_session_attrs", "channel_binding"),
    "load_balance_hosts",
)
"""What of a connection a repository may say. The others name people, secrets and files of whoever reads it."""

_WITHOUT_FUNCTIONS = ("CockroachDB", "-YB-")
"""What servers that are sent statements say of their version."""

_LONGEST_PAUSE_S = 0.5

Row = dict[str, Any]


class _Connection(psycopg.AsyncConnection[DictRow]):
    """A query that nobody waits for any longer takes its connection along; asking politely could take 10 s more."""

    async def cancel_safe(self, *, timeout: float = 0.0) -> None:  # noqa: ASYNC109  # As the one that it replaces.
        self.pgconn.finish()


class Session:
    """An open connection, and how steps are taken on it."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow], *, functions: bool) -> None:
        self._connection = connection
        self._functions = functions

    async def run(self, name: str, **values: object) -> list[Row]:
        """What a step answers. Whoever lost against others tries again, after a pause that is never the same."""
        for attempt in count():
            try:
                return await (self._call(name, values) if self._functions else self._send(name, values))
            except (errors.SerializationFailure, errors.DeadlockDetected):
                await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.005 * 2**attempt)))
        raise AssertionError

    async def _call(self, name: str, values: Mapping[str, object]) -> list[Row]:
        return await self._rows(call(steps()[name]), values)

    async def _send(self, name: str, values: Mapping[str, object]) -> list[Row]:
        rows: list[Row] = []
        async with self._connection.transaction():
            await self._connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            for statement in transaction(steps()[name]):
                rows = await self._rows(statement, values)
        return rows

    async def _rows(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        cursor = await self._connection.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


def way_to(database: str, login: str) -> str:
    """The connection string for what a policy says and what its reader adds. Raises `TeamError`."""
    try:
        named = conninfo_to_dict(database)
        whole = {**SETTINGS, **named, **conninfo_to_dict(login)}
    except psycopg.ProgrammingError:
        # libpq's own words repeat what it could not read, and that may be a password.
        raise TeamError(
            "the team's database is not written as a connection string",
            'write it as "host=db.example.com dbname=budgets", and the login as "user=ann passfile=/home/ann/.pgpass"',
        ) from None
    if other := sorted(set(named) - set(IN_A_POLICY)):
        raise TeamError(
            f"[team] database must not say {', '.join(other)}",
            f"it may have {', '.join(IN_A_POLICY)}; what belongs to a person is given to tokenguard team join",
        )
    return make_conninfo("", **whole)


def has_functions(version: str) -> bool:
    """Whether a server that calls itself so keeps steps as functions."""
    return not any(name in version for name in _WITHOUT_FUNCTIONS)


@asynccontextmanager
async def connected(conninfo: str, *, functions: bool | None = None) -> AsyncGenerator[Session]:
    """A session for one visit: a thousand machines that stayed connected would be a thousand processes over there.

    `functions` None: as the server's version says. Raises `TeamError`.
    """
    with in_words():
        connection = await _Connection.connect(conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row)
        try:
            if functions is None:
                cursor = await connection.execute("SELECT version() AS version")
                (said,) = await cursor.fetchall()
                functions = has_functions(said["version"])
            yield Session(connection, functions=functions)
        finally:
            await connection.close()


@contextmanager
def in_words() -> Generator[None]:
    """psycopg's errors as `TeamError`."""
    try:
        yield
    except (errors.UndefinedFunction, errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise TeamError(
            "the team's database is not set up, or by another version of tokenguard",
            "who administers it runs: tokenguard team init-db",
        ) from error
    except errors.InsufficientPrivilege as error:
        raise TeamError(
            f"the team's database does not allow it: {_first_line(error)}",
            "ask who administers it to add you: tokenguard team add",
        ) from error
    except psycopg.OperationalError as error:
        raise TeamError(f"the team's database cannot be reached: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise TeamError(f"the team's database refuses: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
