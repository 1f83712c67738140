"""The crossing: every call asks here before it is forwarded, and reports here when it has ended."""

from tokenguard.guard.crossing import Admission, Guard
from tokenguard.guard.desk import Desk
from tokenguard.guard.sessions import OpenSession

__all__ = ["Admission", "Desk", "Guard", "OpenSession"]
