"""Settings, read once from the environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    token_key: bytes
    environment: str
    sentry_dsn: str | None


def from_environment() -> Settings:
    return Settings(
        token_key=os.environ.get("BOOKSHOP_TOKEN_KEY", "development-only").encode(),
        environment=os.environ.get("BOOKSHOP_ENVIRONMENT", "development"),
        sentry_dsn=os.environ.get("SENTRY_DSN") or None,
    )
