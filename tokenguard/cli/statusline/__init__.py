"""The status line of Claude Code: run at every answer, so nothing here but `command` imports click."""
