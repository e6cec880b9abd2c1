"""Starlette's test client, which would rather have another httpx than the one that everybody has."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from starlette.testclient import TestClient

__all__ = ["TestClient"]
