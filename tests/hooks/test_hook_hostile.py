"""Whatever stands in the files that hooks read, nothing of it is run, and nothing but our lines is said and noted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hooks.world import World
from tokenguard.attribution import spool
from tokenguard_hooks import scripts

HASH = "0123456789abcdef0123456789abcdef01234567"
WORDS = [
    *[
        "tokenguard 1 {pid}\n",
        "* * 0 block block x\n",
        "* * 99999999999 warn warn x\n",
        "* * id a:b\n",
        ". main ",
        "0 ",
    ],
    *[
        f"ref: refs/heads/x\n{HASH}\n",
        f"commit {HASH}\n",
        "gitdir: ",
        "ref: refs/heads/",
        "..",
        "/",
        HASH,
        "\n",
        " ",
        "\t",
    ],
    *[
        "$(touch {mark})",
        "`touch {mark}`",
        "'; touch {mark}; '",
        '"; touch {mark}; "',
        "\\",
        "%s%n",
        "\x00",
        "\x1b[31m",
        "\r",
    ],
    *[
        "&& touch {mark}",
        "| tee {mark}",
        "> {mark}",
        "*",
        "?",
        "[a",
        "~",
        "-e",
        "--",
        "-",
        "é",
        "\udcff",
        "\u2028",
        "${{PATH}}",
    ],
]
"""What a file may be made of."""

FILES = {
    "status": "{folder}/tokenguard-status",
    "trailers": "{folder}/tokenguard-trailers",
    "HEAD": "{git}/HEAD",
    "branch": "{git}/refs/heads/x",
    "squash": "{git}/SQUASH_MSG",
    "commondir": "{git}/commondir",
    "pointer": "{tree}/.git",
    "message": "{tree}/message",
}
EVENTS = (*scripts.EVENTS, *scripts.SIGNING)


@pytest.mark.parametrize("which", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(WORDS), max_size=12), event=st.sampled_from(EVENTS), head=st.booleans())
def test_files_are_read_and_not_obeyed(shells: World, which: str, words: list[str], event: str, head: bool) -> None:
    tree, git, mark = shells.root / "tree", shells.root / "git dir", shells.root / "mark"
    folder = shells.folder(git)
    for place in (tree, git / "refs" / "heads", git / "objects", folder, shells.root / "hooks"):
        place.mkdir(parents=True, exist_ok=True)
    shells.put_hooks(shells.root / "hooks")
    good = {
        "status": f"tokenguard 1 {os.getpid()}\n* * 0 warn warn here\n",
        "trailers": f"tokenguard 1 {os.getpid()}\n* * id a:b\n",
        "HEAD": "ref: refs/heads/x\n",
        "branch": f"{HASH}\n",
        "squash": f"commit {HASH}\n",
        "commondir": ".\n",
        "pointer": f"gitdir: {git}\n",
        "message": "first\n",
    }
    text = "".join(words).replace("{pid}", str(os.getpid())).replace("{mark}", str(mark))
    good[which] = good[which] + text if head else text
    for name, content in good.items():
        file = FILES[name].format(folder=folder, git=git, tree=tree)
        Path(file).write_bytes(content.encode("utf-8", "surrogateescape"))
    done = subprocess.run(
        [shells.root / "hooks" / event, "message" if event in scripts.SIGNING else "amend"],
        cwd=tree,
        env=shells.env,
        input=f"{HASH} {HASH}\n",
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    assert done.returncode in (0, 1)
    assert done.stdout == ""
    assert all(line.startswith("tokenguard: ") for line in done.stderr.splitlines())
    assert not mark.exists()
    noted = folder / "tokenguard-spool"
    if noted.exists():
        assert noted.read_bytes().endswith(b"\n")
        assert spool.parse(noted.read_bytes(), 0).unknown == 0
        noted.unlink()
