from __future__ import annotations

from pathlib import Path

import pytest

from fsictl.errors import InputError
from fsictl.jobs.timetable import Timetable


def test_entries_are_kept_with_the_time_at_which_they_came(tmp_path: Path) -> None:
    table = Timetable(tmp_path / "schedule.json")
    assert table.entries() == {}
    assert table.add("0 * * * * train", 7)
    assert not table.add("0 * * * * train", 9)
    assert table.add("30 1 * * * rfm", 8)
    assert Timetable(tmp_path / "schedule.json").entries() == {"0 * * * * train": 7, "30 1 * * * rfm": 8}
    assert table.remove(lambda text: text.endswith("train")) == ["0 * * * * train"]
    assert table.entries() == {"30 1 * * * rfm": 8}


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": "b"}', "null"])
def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "schedule.json"
    file.write_text(content)
    with pytest.raises(InputError):
        Timetable(file).entries()
    with pytest.raises(InputError):
        Timetable(file).add("0 * * * * train", 7)
    assert file.read_text() == content
