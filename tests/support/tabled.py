"""References in tables, as git 2.55 has written them: for tests that need no such git.

A commit on main, `checkout -b feat/x`, `commit --amend`, `tag v1`, `tag v2`, and v2 deleted: the last table says so.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

ONE, TWO = "97a9e5695558963274f9d2042187c8ff71429239", "c78d179d1003cec9753a5937f1afd44a7f78f529"
TABLES = {
    "0x000000000001-0x000000000005-b4ef8205.ref": "c-jkcbqir+5MY1;Mkvi%#K6$VpzPu5=)x>ml$utopOKoFQmmhrnpmP=!O*~oA;xmNS"
    "A4Dj^SP6yR*~i(*I)6fulTCTt(cpbna4PN<<rd2h-pS8KQFN;wx9T4=rqZafkB3W!IXh1oq@@?;#TsBF9oF~i9h%m_b*#tGfPs+@a&2w&sD{aeiQ!B"
    "Jy$JK?!D-I?E^LMQdWj8`FZ?n_?}nV`?8FzpFK5Hw^G@<&gT1sMnzW@OM7$k%`T40hUTXFu9v+QF0q;4-Tv9!?D2-qg_6r>&6zlB&fNH@q@@#P$4{F"
    "%ecgnxDf3rPm_1|W@_<R}Crq0au_&I=<i9?%m_y6YB!lN^&r+wQs6Atloil&>siPMJBBsm=TQh&+tQkRT_&2tyDJq}*+3qvlTUAu`nQD53riD1;-08"
    "EJI3)r^iVD-44zWLr%VOtc=4M{Zz%0xlrF_LB2uD~m;0KK`#zoz=4FITvlWz",
    "0x000000000006-0x000000000007-3239ec33.ref": "c-jkcbqir+5MY1;HYm+r#J~{4kXV$OR;*u=m|m=3X2@{7SA4Dj^SP6yR*~i(*I)6ful"
    "TCT&1uAlO`L&2hJi5%huI87f{o_!B>+!O9oY",
    "0x000000000008-0x000000000008-5874b05d.ref": "c-jkcbqir+5MY1;4j5g;z+k|TP?VZhtY4CtUaVhc1QeBFU<|^co`FaZo4->F0Jgdb*Z",
}


def put(git_dir: Path) -> Path:
    """The stack in a git folder; where it is."""
    stack = git_dir / "reftable"
    stack.mkdir(parents=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/.invalid\n")
    for name, packed in TABLES.items():
        (stack / name).write_bytes(zlib.decompress(base64.b85decode(packed)))
    (stack / "tables.list").write_text("".join(f"{name}\n" for name in TABLES))
    return stack
