from __future__ import annotations

import pyarrow as pa
from tests.dashboard.made_up import verdict_rows

from fsictl.dashboard import queries


def test_the_champion_speaks_where_it_scored() -> None:
    def version(name: str, seconds: list[int]) -> pa.Table:
        return verdict_rows("A", seconds, model_version=[name] * len(seconds))

    both = pa.concat_tables([version("v1", [1, 2, 3]), version("v2", [2, 3, 4])])
    for champion, expected in {
        "v1": ["v1", "v1", "v1", "v2"],
        "v2": ["v1", "v2", "v2", "v2"],
        None: ["v1", "v2", "v2", "v2"],
    }.items():
        chosen = queries.one_verdict_each(both, champion).sort_by("timestamp")
        assert chosen["model_version"].to_pylist() == expected
