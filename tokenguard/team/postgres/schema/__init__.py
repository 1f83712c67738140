"""The schema of a team's database: numbered migrations in the files beside this one, and who may do what.

Members may call functions and nothing else. Functions and rights are made anew every time, so that they are those of
this version; tables are only ever changed by a migration that comes after the last one.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from tokenguard.team.postgres.connecting import has_functions
from tokenguard.team.postgres.steps import function, statements_of, steps

_FOLDER = Path(__file__).parent

_ROLES = ("tokenguard_member", "tokenguard_admin")

_RIGHTS = """
REVOKE ALL ON SCHEMA tokenguard FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA tokenguard FROM PUBLIC;
GRANT USAGE ON SCHEMA tokenguard TO tokenguard_member, tokenguard_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA tokenguard TO tokenguard_admin;
GRANT INSERT, UPDATE ON tokenguard.team, tokenguard.member, tokenguard.budget TO tokenguard_admin;
"""

_FUNCTIONS = "SELECT oid::regprocedure::text AS signature FROM pg_proc WHERE pronamespace = 'tokenguard'::regnamespace"

_RIGHTS_WITHOUT_FUNCTIONS = """
GRANT SELECT ON ALL TABLES IN SCHEMA tokenguard TO tokenguard_member;
GRANT INSERT ON tokenguard.machine, tokenguard.period, tokenguard.lease, tokenguard.lease_period, tokenguard.holding,
  tokenguard.entry, tokenguard.decision TO tokenguard_member, tokenguard_admin;
GRANT UPDATE ON tokenguard.machine, tokenguard.period, tokenguard.lease, tokenguard.holding
  TO tokenguard_member, tokenguard_admin;
GRANT UPDATE (keep) ON tokenguard.team TO tokenguard_member;
GRANT DELETE ON tokenguard.lease, tokenguard.lease_period, tokenguard.entry TO tokenguard_member, tokenguard_admin;
"""


def set_up(connection: psycopg.Connection[DictRow], *, functions: bool | None = None) -> list[str]:
    """Bring a database to this version, in the transaction of the connection. Returns the migrations that were missing.

    `functions` None: as the server has them. Without functions members need rights to the tables, and are trusted.
    """
    if functions is None:
        (said,) = connection.execute("SELECT version() AS version").fetchall()
        functions = has_functions(said["version"])
    _run(connection, "CREATE SCHEMA IF NOT EXISTS tokenguard")
    _run(
        connection,
        "CREATE TABLE IF NOT EXISTS tokenguard.migration"
        " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
    )
    for role in _ROLES:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            _run(connection, f"CREATE ROLE {role}")
    # Whoever sets it up administers it, also without being a superuser.
    (me,) = connection.execute("SELECT session_user AS name").fetchall()
    connection.execute(sql.SQL("GRANT tokenguard_admin TO {}").format(sql.Identifier(me["name"])))
    missing = [file for file in sorted(_FOLDER.glob("*.sql")) if not _is_applied(connection, file.stem)]
    for file in missing:
        _run(connection, *statements_of(file.read_text("utf-8")))
        connection.execute("INSERT INTO tokenguard.migration (name) VALUES (%s)", (file.stem,))
    _run(connection, *statements_of(_RIGHTS))
    if functions:
        _create_functions(connection)
    else:
        _run(connection, *statements_of(_RIGHTS_WITHOUT_FUNCTIONS))
    return [file.stem for file in missing]


def _create_functions(connection: psycopg.Connection[DictRow]) -> None:
    # All that there are: what an earlier version called otherwise would not check what this one does.
    for former in connection.execute(_FUNCTIONS).fetchall():
        _run(connection, f"DROP FUNCTION {former['signature']}")
    for step in steps().values():
        _run(
            connection,
            function(step),
            f"REVOKE ALL ON FUNCTION {step.signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {step.signature} TO tokenguard_member, tokenguard_admin",
        )


def _is_applied(connection: psycopg.Connection[DictRow], name: str) -> bool:
    return connection.execute("SELECT 1 FROM tokenguard.migration WHERE name = %s", (name,)).fetchone() is not None


def _run(connection: psycopg.Connection[DictRow], *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())
