"""The suite of the port Artifacts, with aliases in SQLite and in PostgreSQL."""

from __future__ import annotations

from tests.backends.conformance.test_artifacts import *  # noqa: F403
