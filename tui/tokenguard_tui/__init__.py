"""The live dashboard of tokenguard."""
