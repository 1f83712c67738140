"""Decisions as pure functions: a budget's window, what a call may cost, what follows from it, how to say it."""
