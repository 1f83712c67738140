"""`tokenguard team`: limits that several people share."""
