"""Git hooks of tokenguard."""
