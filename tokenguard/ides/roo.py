"""Roo Code, of which there is no newer version than that of April 2026: it is set by hand.

The editor keeps its profiles, keys among them, with its secrets: there is nothing to merge into. The setting
`roo-cline.autoImportSettingsPath` would add a profile at every start of the editor. But that would then be the one that
is used, each time without the key that its user has given it since, and it would stay after all was undone.

Source: `src/core/config/importExport.ts` and `src/utils/autoImportSettings.ts` of version 3.52.1.
"""

from __future__ import annotations

NAME = "roo"
TITLE = "Roo Code"
WHY = "the editor keeps Roo Code's settings among its secrets, where nothing can be merged or undone"
NOTES = (
    "in the editor: Roo Code, Settings, Providers, and there the profile that you use",
    "provider Anthropic: tick Use custom base URL: {url}/anthropic",
    "provider Google Gemini: tick Use custom base URL: {url}/gemini",
    "provider OpenRouter: tick Use custom base URL: {url}/openrouter/api/v1",
    "provider OpenAI Compatible: Base URL: {url}/openai/v1",
    "to undo it: untick it, or put back the address that was there",
)
