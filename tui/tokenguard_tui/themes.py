"""Themes: Textual's own, and ours, whose only strong colours are one accent and the levels."""

from __future__ import annotations

from textual.theme import Theme

_DARK = {"level-info": "#8fb8de", "level-warn": "#e5c07b", "level-soft": "#e0944a", "level-hard": "#e5636f"}
_LIGHT = {"level-info": "#2f6f9f", "level-warn": "#8a6a00", "level-soft": "#b05a00", "level-hard": "#b3202c"}
_MUTED_DARK, _MUTED_LIGHT = {"text-muted": "#8b919b"}, {"text-muted": "#6a7078"}
"""Textual's own is a share of black or white, which within a line of text is not blended with what is behind it."""
_APART = {"level-info": "#56b4e9", "level-warn": "#f0e442", "level-soft": "#e69f00", "level-hard": "#cc79a7"}
"""Told apart also by those who do not see red or green as others do. (Okabe and Ito's palette.)"""

DARK = Theme(
    name="tokenguard",
    primary="#4fa3a5",
    accent="#4fa3a5",
    foreground="#d7dae0",
    background="#16181d",
    surface="#16181d",
    panel="#20242b",
    success="#7fb88a",
    warning=_DARK["level-warn"],
    error=_DARK["level-hard"],
    variables=_DARK | _MUTED_DARK,
)
LIGHT = Theme(
    name="tokenguard-light",
    primary="#1f6f72",
    accent="#1f6f72",
    foreground="#23272e",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#efefec",
    success="#2f7d46",
    warning=_LIGHT["level-warn"],
    error=_LIGHT["level-hard"],
    dark=False,
    variables=_LIGHT | _MUTED_LIGHT,
)
APART = Theme(
    name="tokenguard-colour-blind",
    primary="#56b4e9",
    accent="#56b4e9",
    foreground="#e4e6ea",
    background="#111318",
    surface="#111318",
    panel="#1c2027",
    success="#009e73",
    warning=_APART["level-warn"],
    error=_APART["level-hard"],
    variables=_APART | _MUTED_DARK,
)
OURS = (DARK, LIGHT, APART)

LEVEL_STYLES = {
    "ok": "",
    "info": "$level-info",
    "warn": "$level-warn",
    "soft": "$level-soft",
    "hard": "bold $level-hard",
}
"""How text of a level looks."""


def defaults(dark: bool) -> dict[str, str]:
    """The colours of levels for themes that do not name their own."""
    return _DARK if dark else _LIGHT
