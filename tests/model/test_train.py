from __future__ import annotations


def test_a_run_stores_a_version_that_the_champion_names(trained):
    assert trained.report.alias == "champion"
    assert trained.artifacts.resolve("champion") == trained.report.version
    print(trained.report)
