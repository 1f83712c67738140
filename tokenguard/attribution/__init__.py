"""Whose call it is: from a process to its agent (`callers`), and from a folder to its repository and branch.

`folders` does the latter for what logs tell of: folders that may be gone, and instants long ago.

Whoever only asks for a folder does not wait for the import of what looks at processes.
"""

from tokenguard.attribution.place import Place, locate

__all__ = ["Place", "locate"]
