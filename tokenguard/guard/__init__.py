"""The crossing: every call asks here before it is forwarded, and reports here when it has ended."""

from tokenguard.guard.crossing import Admission, Guard
from tokenguard.guard.desk import AskForMore, Desk
from tokenguard.guard.sessions import OpenSession
from tokenguard.guard.steering import Deed

__all__ = ["Admission", "AskForMore", "Deed", "Desk", "Guard", "OpenSession"]
