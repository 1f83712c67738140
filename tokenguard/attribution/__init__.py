"""Whose call it is: from a process to its agent, and from a folder to its repository, working tree and branch."""

from tokenguard.attribution.place import Place, locate

__all__ = ["Place", "locate"]
