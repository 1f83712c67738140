"""What the ledger knows of files that were read before."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from pathlib import Path

from tokenguard.importing.surveying import Known
from tokenguard.ledger import log_state, places, queries

_FEW = 50
"""So many files are looked up one by one; all are loaded for more."""


@contextmanager
def knowing(ledger: Path, below: Iterable[str] | None = None) -> Generator[Known]:
    """What is known, for as long as the body runs and in its thread; `below` as in `Plan`. Raises `LedgerError`."""
    with closing(queries.connect_readonly(ledger)) as conn:
        few = below is not None and len(list(below)) <= _FEW
        files = {} if few else log_state.files(conn)
        yield Known(
            (lambda path: log_state.file(conn, path)) if few else files.get,
            lambda agent, label: log_state.labelled(conn, agent, label),
            lambda: places.trees(conn),
        )
