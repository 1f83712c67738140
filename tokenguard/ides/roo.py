"""Roo Code, of which there is no newer version than that of April 2026: what is not in VS Code's is set by hand.

The editor keeps its profiles, keys among them, with its secrets: there is nothing to merge into. The setting
`roo-cline.autoImportSettingsPath` would have a file of ours imported at every start of the editor. But each profile in
it takes the place of the whole one of its name, key included, one of them becomes the one that is used, and all of them
would stay after all was undone.

Where a profile of Anthropic's has no base URL, its SDK takes `ANTHROPIC_BASE_URL` from the environment of the editor's
extensions, into which that of tokenguard puts what `env --write vscode` has set. With OpenAI that is not enough: a call
that was refused is sent once more, to the provider itself.

Source: `src/core/config/importExport.ts`, `src/utils/autoImportSettings.ts` and `src/api/providers/anthropic.ts`,
`openai-native.ts` of version 3.52.1.
"""

from __future__ import annotations

NAME = "roo"
TITLE = "Roo Code"
WHY = "the editor keeps Roo Code's settings among its secrets, where nothing can be merged or undone"
NOTES = (
    "with tokenguard's extension in the editor, tokenguard env --write vscode is enough for provider Anthropic without "
    "a base URL of its own: tasks that begin then come through",
    "all providers, without a setting: start the editor by tokenguard run --intercept",
    "or, in the editor: Roo Code, Settings, Providers, and there the profile that you use",
    "provider Anthropic: tick Use custom base URL: {url}/anthropic",
    "provider OpenAI: tick Use custom base URL: {url}/openai/v1",
    "provider Google Gemini: tick Use custom base URL: {url}/gemini",
    "provider OpenRouter: tick Use custom base URL: {url}/openrouter/api/v1",
    "provider OpenAI Compatible: Base URL: {url}/openai/v1",
    "to undo it: untick it, or put back the address that was there",
)
