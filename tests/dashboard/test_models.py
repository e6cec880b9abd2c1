from __future__ import annotations

from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import VERSION

from fsictl.dashboard import models


def test_the_model_is_described_as_far_as_its_card_allows(filled: Stores) -> None:
    artifacts = filled.artifacts
    assert models.model(artifacts) == {
        "version": VERSION,
        "created_at": 1_767_225_600.0,
        "snapshot": {"symbols": ["*"], "rows": 86_400},
        "calibration": {"label_threshold": 1.0, "alert_threshold": 1.7},
    }
    for name, content in {"odd": b"[]", "other": b'{"created_at": {}, "snapshot": 3}'}.items():
        artifacts.put(name, {"card.json": content})
        artifacts.point("champion", name)
        assert models.model(artifacts) == {"version": name}
    for name, files in {"broken": {"card.json": b"\xff{"}, "none": {"x": b""}}.items():
        artifacts.put(name, files)
        artifacts.point("champion", name)
        assert "cannot be read" in models.model(artifacts)["problem"]
