"""The control API: what the command line, the dashboard and scripts ask of the daemon, over its unix socket."""

from tokenguard.control.api import Control
from tokenguard.control.crossing import Guard
from tokenguard.control.host import Host

__all__ = ["Control", "Guard", "Host"]
