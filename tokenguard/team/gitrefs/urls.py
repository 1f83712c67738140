"""Which addresses of repositories are used: those at which git runs nothing but ssh and its own programs."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCHEMES = ("https", "ssh", "file")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?:[A-Za-z0-9._+~-]+@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(?!:)(.+)", re.DOTALL)
"""`user@host:path`. Two colons would name a program: `ext::sh -c ...`."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_SECRET = re.compile(r"//[^/@\s]*@")
_PUBLIC = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "git.sr.ht", "gitea.com")

MEANS = "use https://, ssh://, user@host:path, file:// or a path that begins with /"


def is_name(remote: str) -> bool:
    """Whether this is the name of a remote, and not an address."""
    return _NAME.fullmatch(remote) is not None


def refusal(url: str) -> str | None:
    """Why an address cannot be used, as a sentence; None: it can. It is not asked whether anything is there."""
    if not url.isprintable() or not url or url.startswith("-"):
        return "the address of the repository is not one"
    scheme = _SCHEME.match(url)
    if scheme:
        if scheme[1] not in _SCHEMES:
            return f"{scheme[1]}:// is not used for a team's budgets"
        # A host that begins with a dash would be an option of ssh.
        host = urlsplit(url).netloc.rpartition("@")[2]
        if host.startswith("-") or (scheme[1] != "file" and not host):
            return "the address of the repository has no host"
        return None
    if url.startswith("/"):
        return None
    if "::" in url.partition("/")[0] and not url.startswith("["):
        return f"{url.partition('::')[0]}:: runs a program"
    return None if _SCP.fullmatch(url) else "the address of the repository is not complete"


def looks_public(url: str) -> bool:
    """Whether a repository may be one that everybody can read: it is with a host where many are.

    Nobody can tell without asking, so that a private one there looks the same.
    """
    host = urlsplit(url).hostname if _SCHEME.match(url) else (_SCP.fullmatch(url) or ("", ""))[1]
    return (host or "").lower().removeprefix("www.").removeprefix("ssh.") in _PUBLIC


def shown(text: str) -> str:
    """A text of git's, without what stands before the host in addresses: it can hold a password."""
    return _SECRET.sub("//", text)
