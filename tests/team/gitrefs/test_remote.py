"""Refs in real repositories: reading, replacing, being refused, and leaving the clone as it is."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest

from tests.team.gitrefs.conftest import DATA, REF, Git, Open, snapshot
from tokenguard.errors import TeamError
from tokenguard.team.gitrefs.document import Document, encode
from tokenguard.team.gitrefs.remote import Pushed


def test_what_one_writes_others_read(git: Git, open_: Open) -> None:
    ann, bob = open_("ann"), open_("bob")
    assert ann.fetch() == {}
    assert ann.push("ann/m", DATA, 1_700_000_000, "") is Pushed.DONE
    found = bob.fetch()
    assert found["ann/m"].data == DATA
    assert found["ann/m"].document == Document(1, 1, "i", 5)
    assert list(git.refs()) == [REF]
    # Nothing of the person or the machine is in the commit, and it has no history.
    told = git.run("cat-file", "-p", REF, folder=git.bare).splitlines()
    assert told[1:3] == [
        "author tokenguard <tokenguard@localhost> 1700000000 +0000",
        "committer tokenguard <tokenguard@localhost> 1700000000 +0000",
    ]
    newer = encode(Document(1, 2, "i", 5))
    assert ann.push("ann/m", newer, 1_700_000_001, found["ann/m"].commit) is Pushed.DONE
    assert bob.fetch()["ann/m"].data == newer
    assert git.run("rev-list", "--count", REF, folder=git.bare).strip() == "1"


def test_only_who_knows_what_is_there_replaces_it(git: Git, open_: Open) -> None:
    ann, copy = open_("ann"), open_("copy")
    assert ann.fetch() == copy.fetch() == {}
    assert ann.push("ann/m", DATA, 1, "") is Pushed.DONE
    assert copy.push("ann/m", DATA, 2, "") is Pushed.STALE
    commit = copy.fetch()["ann/m"].commit
    git.delete_refs()
    assert copy.push("ann/m", DATA, 3, commit) is Pushed.STALE
    assert copy.fetch() == {}
    assert copy.push("ann/m", DATA, 3, "") is Pushed.DONE


def test_what_is_no_document_is_read_as_none(git: Git, open_: Open) -> None:
    ann = open_("ann")
    ann.fetch()
    ann.push("ann/m", b"\xff" * 100, 1, "")
    ann.push("big/m", b" " * 300_000, 1, "")
    ann.push("good/m", DATA, 1, "")
    root = "refs/tokenguard/v1/web"
    blob = git.run("hash-object", "-w", str(git.bare / "HEAD"), folder=git.bare).strip()
    made = subprocess.run(["git", "mktree"], cwd=git.bare, input=b"", check=True, capture_output=True)
    tree = made.stdout.decode().strip()
    git.run("update-ref", f"{root}/blob/m", blob, folder=git.bare)
    git.run("update-ref", f"{root}/tree/m", tree, folder=git.bare)
    git.run("update-ref", f"{root}/too/deep/m", git.refs()[f"{root}/good/m"], folder=git.bare)
    git.run("update-ref", f"{root}/flat", git.refs()[f"{root}/good/m"], folder=git.bare)
    git.run("update-ref", "refs/tokenguard/v1/other/x/m", git.refs()[f"{root}/good/m"], folder=git.bare)
    found = open_("bob").fetch()
    assert {who: one.document is not None for who, one in found.items()} == {
        "ann/m": False,
        "big/m": False,
        "blob/m": False,
        "tree/m": False,
        "good/m": True,
    }


def test_nothing_in_a_clone_changes(git: Git, open_: Open) -> None:
    clone = git.clone("shop")
    for hook in ("pre-push", "reference-transaction", "post-checkout", "pre-auto-gc"):
        script = clone / ".git/hooks" / hook
        script.write_text(f"#!/bin/sh\ntouch {git.folder}/ran-{hook}\n")
        script.chmod(0o755)
    before = snapshot(clone)
    remote = open_("ann", "origin", clone)
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE
    assert "ann/m" in remote.fetch()
    assert snapshot(clone) == before
    assert not list(git.folder.glob("ran-*"))


def test_a_strict_server_refuses_and_says_why(git: Git, open_: Open) -> None:
    hook = git.bare / "hooks/pre-receive"
    hook.write_text(
        "#!/bin/sh\nwhile read old new ref; do\n"
        'case $ref in refs/heads/*) ;; *) echo "no $ref here" >&2; exit 1;; esac\ndone\n'
    )
    hook.chmod(0o755)
    remote = open_("ann")
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.REFUSED
    assert "pre-receive hook declined" in remote.refused
    # A person's own push is none of its business.
    git.clone("shop")
    hook.unlink()
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE
    assert remote.refused == ""


def test_who_may_not_write_reads(git: Git, open_: Open) -> None:
    clone = git.clone("shop")
    remote = open_("ann", "origin", clone)
    remote.fetch()
    remote.push("ann/m", DATA, 1, "")
    script = git.script(
        "ssh",
        'for last; do :; done; case $last in git-upload-pack*) eval "$last";;\n'
        '*) echo "ERROR: Permission to shop denied." >&2; exit 1;; esac',
    )
    git.run("config", "core.sshCommand", str(script), folder=clone)
    git.run("remote", "set-url", "origin", f"git@example.com:{git.bare}", folder=clone)
    commit = remote.fetch()["ann/m"].commit
    assert remote.push("ann/m", DATA + b" ", 1, commit) is Pushed.REFUSED
    assert remote.refused == "ERROR: Permission to shop denied."


@pytest.mark.parametrize("hangs", ["git-upload-pack", "git-receive-pack"])
def test_a_remote_that_hangs_is_left_in_time_with_all_that_was_started(git: Git, open_: Open, hangs: str) -> None:
    clone = git.clone("shop")
    script = git.script(
        "ssh",
        f"cd {git.folder}/home; for last; do :; done\n"
        f'case $last in {hangs}*) sleep 600 & wait;; *) eval "$last";; esac',
    )
    git.run("config", "core.sshCommand", str(script), folder=clone)
    git.run("remote", "set-url", "origin", f"git@example.com:{git.bare}", folder=clone)
    before = snapshot(clone)
    remote = open_("ann", "origin", clone, seconds=3)
    with pytest.raises(TeamError, match="did not answer within 3 s"):
        remote.fetch()
        remote.push("ann/m", DATA, 1, "")
    left = [process for process in psutil.process_iter(["cwd"]) if str(git.folder) in (process.info["cwd"] or "")]
    assert not psutil.wait_procs(left, timeout=10)[1]
    assert snapshot(clone) == before


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("ext::sh -c 'touch /tmp/never'", "ext:: runs a program"),
        ("http://127.0.0.1:1/x", "http:// is not used"),
        ("file:///nowhere/at/all", "cannot be read"),
        ("upstream", "has no remote upstream"),
        ("https://ann:secret@127.0.0.1:1/x", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_without_secrets(git: Git, open_: Open, remote: str, told: str) -> None:
    clone = git.clone("shop")
    with pytest.raises(TeamError, match=told) as error:
        open_("ann", remote, clone).fetch()
    assert "secret" not in str(error.value)


def test_within_a_hook_the_variables_of_the_hook_mean_nothing(
    git: Git, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = git.clone("shop")
    monkeypatch.setenv("GIT_DIR", str(git.clone("elsewhere") / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(git.folder / "index"))
    remote = open_("ann", "origin", clone)
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE


def test_a_repository_that_is_damaged_or_has_grown_is_made_anew(git: Git, open_: Open) -> None:
    remote, other = open_("ann"), open_("bob")
    other.fetch()
    assert other.push("bob/m", DATA, 1, "") is Pushed.DONE
    assert "bob/m" in remote.fetch()
    folder = git.folder / "state/ann/sync.git"
    for pack in (folder / "objects/pack").iterdir():
        pack.unlink()
    with suppress(TeamError):
        remote.fetch()
    assert open_("ann").fetch()["bob/m"].data == DATA
    for count in range(70):
        (folder / f"objects/pack/pack-{count:040x}.pack").touch()
    assert open_("ann").fetch()["bob/m"].data == DATA
    assert len(list((folder / "objects/pack").iterdir())) < 10


def test_twenty_that_write_at_once_are_all_heard(git: Git, open_: Open) -> None:
    remotes = {f"m{count}": open_(f"m{count}") for count in range(20)}

    def write(name: str) -> Pushed:
        remotes[name].fetch()
        return remotes[name].push(f"{name}/m", DATA, 1, "")

    with ThreadPoolExecutor(5) as pool:
        assert set(pool.map(write, remotes)) == {Pushed.DONE}
    assert len(git.refs()) == 20
