"""What providers say of their own windows, in the ledger."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from tokenguard.ledger import Ledger, queries
from tokenguard.records import OfficialWindow

FIVE_HOURS = OfficialWindow("anthropic", "five_hour", 42.5, resets_us=18_000_000_000, minutes=300, seen_us=7)
UNKNOWN_END = OfficialWindow("chatgpt", "primary", 3.0, resets_us=None, minutes=None, seen_us=8)


async def test_the_last_word_on_a_window_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    ledger = Ledger.open(file)
    later = replace(FIVE_HOURS, used_percent=43.0, seen_us=9)
    for window in (FIVE_HOURS, UNKNOWN_END, later):
        await ledger.see_window(window)
    await ledger.close()
    with closing(queries.connect_readonly(file)) as conn:
        assert queries.official_windows(conn) == [later, UNKNOWN_END]
