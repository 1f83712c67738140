"""Git hooks of tokenguard: the script that they run, and putting it where git finds it.

A hook starts no Python. It reads what the daemon says of its repository, and notes what has happened, both in files.
"""
