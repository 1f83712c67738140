from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.rights import Cells
from tokenguard.team.gitrefs.document import LARGEST, MOST, Change, Document, decode, encode, is_part

CELLS = Cells(spent=3, given={"bob/m": 5}, allot=7)
DOCUMENT = Document(1, 2, "i", 5, {"all": {"0-9": CELLS}}, (Change(5, "all", "0-9", -5, "why"),), left=True)


def test_what_is_written_is_read() -> None:
    assert decode(encode(DOCUMENT)) == DOCUMENT


def test_nothing_is_in_it_but_amounts_and_names_of_budgets_and_writers() -> None:
    assert encode(DOCUMENT) == (
        b'{"version":1,"sequence":2,"instance":"i","at_us":5,'
        b'"budgets":{"all":{"0-9":{"spent":3,"given":{"bob/m":5},"allot":7}}},'
        b'"changes":[{"at_us":5,"budget":"all","period":"0-9","amount":-5,"reason":"why"}],"left":true}'
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        encode(Document(2, 2, "i", 5)),
        b'{"version":1,"sequence":-1,"instance":"","at_us":0}',
        b'{"version":1,"sequence":1e300,"instance":"","at_us":0}',
        encode(Document(1, 2, "i", 5, {"all": {"0-9": Cells(spent=-1)}})),
        encode(Document(1, 2, "i", 5, {"all": {"0-9": Cells(taken={"a/m": MOST + 1})}})),
        encode(Document(1, 2, "i" * 99, 5)),
        encode(Document(1, 2, "i", 5, {str(count): {} for count in range(65)})),
        b" " * LARGEST + encode(DOCUMENT),
        b"[" * 100_000,
    ],
)
def test_what_no_machine_of_ours_writes_is_not_read(data: bytes) -> None:
    assert decode(data) is None


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_nothing_that_somebody_writes_does_harm(data: bytes) -> None:
    decode(data)


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "-a", "a/b", "a b", "a.lock", "a.", "a" * 65, "ä", "a\n", "a~", "@{"]
)
def test_what_git_would_not_take_is_no_name(name: str) -> None:
    assert not is_part(name)
