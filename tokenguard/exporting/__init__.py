"""What is spent, for the monitoring of others: as text for Prometheus, and sent by OpenTelemetry's protocol.

Labels name agents, models and providers, and repositories only where that was asked for: no path, no prompt, no id.
"""

from tokenguard.exporting.exporter import Exporter, configured

__all__ = ["Exporter", "configured"]
