"""Whose call it is: from a process to its agent (`callers`), and from a folder to its repository and branch.

Whoever only asks for a folder does not wait for the import of what looks at processes.
"""

from tokenguard.attribution.place import Place, locate

__all__ = ["Place", "locate"]
