"""`tokenguard env`: what sends agents that are not started by `run`, and editors, through the fixed port."""
