"""What is done to the leases of a team, each a few SQL statements in one transaction, from the files beside this one.

A database that has functions keeps them as functions, which members may call and which see more than their callers.
CockroachDB and YugabyteDB are sent the same statements by the client, in a serializable transaction.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from msgspec import Struct

_FOLDER = Path(__file__).parent
_PLACE = re.compile(r"(?<!:):([a-z]+)\b")


class Step(Struct, frozen=True):
    """One of the things that are done, by its name."""

    name: str
    takes: tuple[tuple[str, str], ...]
    """Names and types."""
    returns: str
    """Columns and types; empty: nothing."""
    statements: tuple[str, ...]
    """With places like `:team`. The last one answers."""

    @property
    def signature(self) -> str:
        """How the function is named where rights are given."""
        return f"tokenguard.{self.name}({', '.join(kind for _, kind in self.takes)})"


@cache
def steps() -> dict[str, Step]:
    """All of them."""
    return {file.stem: _read(file.stem, file.read_text("utf-8")) for file in sorted(_FOLDER.glob("*.sql"))}


def statements_of(text: str) -> tuple[str, ...]:
    """The statements of a file, without its comments."""
    bare = "\n".join(line.partition("--")[0].rstrip() for line in text.splitlines())
    return tuple(part.strip() for part in f"{bare}\n".split(";\n") if part.strip())


def function(step: Step) -> str:
    """The statement that creates the function: it works with its owner's rights, for whoever `session_user` is."""
    *others, answer = step.statements
    body = [f"PERFORM {other.removeprefix('SELECT ')}" if other.startswith("SELECT ") else other for other in others]
    body.append(f"RETURN QUERY {answer}" if step.returns else answer)
    code = "".join(f"  {_PLACE.sub(lambda found: f'p_{found[1]}', part)};\n" for part in body)
    takes = ", ".join(f"p_{name} {kind}" for name, kind in step.takes)
    returns = f"TABLE ({step.returns})" if step.returns else "void"
    return (
        f"CREATE FUNCTION tokenguard.{step.name}({takes}) RETURNS {returns} LANGUAGE plpgsql STRICT SECURITY DEFINER\n"
        f"SET search_path = tokenguard, pg_temp AS $$\n#variable_conflict use_column\nBEGIN\n{code}END $$"
    )


def call(step: Step) -> str:
    """The statement that calls the function, with psycopg's places."""
    return f"SELECT * FROM tokenguard.{step.name}({', '.join(f'%({name})s::{kind}' for name, kind in step.takes)})"


def transaction(step: Step) -> tuple[str, ...]:
    """The statements that a client sends itself, with psycopg's places."""
    kinds = dict(step.takes)
    return tuple(_PLACE.sub(lambda found: f"%({found[1]})s::{kinds[found[1]]}", part) for part in step.statements)


def _read(name: str, text: str) -> Step:
    heads = dict(re.findall(r"^-- (takes|returns):(.*)$", text, re.MULTILINE))
    takes = tuple((part.split()[0], part.split()[1]) for part in heads["takes"].split(","))
    return Step(name, takes, heads["returns"].strip(), statements_of(text))
