"""Decisions as pure functions: a budget's window, what a call may cost, what follows, and how to say it."""
