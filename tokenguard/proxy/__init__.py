"""The data path: agents' requests go upstream and the answers come back unchanged, past the guard and a meter."""

from tokenguard.proxy.crossing import Admission, Guard
from tokenguard.proxy.server import Proxy

__all__ = ["Admission", "Guard", "Proxy"]
