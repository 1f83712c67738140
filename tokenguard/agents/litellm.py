"""LiteLLM, the library through which several agents ask providers: how it names them and where it looks for them."""

from __future__ import annotations

from msgspec import Struct


class Service(Struct, frozen=True):
    """A provider as the library knows it."""

    prefix: str
    """Of its models' names."""
    provider: str
    path: str
    """That is expected in a base URL."""
    key: str
    urls: tuple[str, ...]
    """Variables that hold the base URL, the strongest first."""


SERVICES = (
    Service("anthropic", "anthropic", "", "ANTHROPIC_API_KEY", ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")),
    Service("openai", "openai", "/v1", "OPENAI_API_KEY", ("OPENAI_BASE_URL", "OPENAI_API_BASE")),
    Service("gemini", "gemini", "/v1beta", "GEMINI_API_KEY", ("GEMINI_API_BASE",)),
    Service("openrouter", "openrouter", "/api/v1", "OPENROUTER_API_KEY", ("OPENROUTER_API_BASE",)),
    Service("deepseek", "deepseek", "/beta", "DEEPSEEK_API_KEY", ("DEEPSEEK_API_BASE",)),
    Service("groq", "groq", "/openai/v1", "GROQ_API_KEY", ("GROQ_API_BASE",)),
    Service("xai", "xai", "/v1", "XAI_API_KEY", ("XAI_API_BASE",)),
    Service("mistral", "mistral", "/v1", "MISTRAL_API_KEY", ("MISTRAL_AZURE_API_BASE", "MISTRAL_API_BASE")),
    Service("moonshot", "kimi", "/v1", "MOONSHOT_API_KEY", ("MOONSHOT_API_BASE",)),
)
"""Those that tokenguard knows."""

_FAMILIES = {
    "claude": "anthropic",
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
}
"""Beginnings of models' names that need no prefix."""


def service_of(model: str) -> Service | None:
    """The provider that serves a model; None if it is none of these."""
    prefix, slash, _ = model.partition("/")
    if not slash:
        prefix = next((served for family, served in _FAMILIES.items() if model.startswith(family)), "")
    return next((service for service in SERVICES if service.prefix == prefix), None)
