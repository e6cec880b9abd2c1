"""Where everything is in a workspace directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fsictl.errors import InputError
from fsictl.ports.names import check_name

WAREHOUSE_PARTITION = "warehouse"


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, that only this user may enter."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of the workspace ``root``; nothing is created by asking for them.

    >>> Layout(Path("ws")).topic("prices").as_posix()
    'ws/topics/prices.db'
    """

    root: Path

    def topic(self, topic: str) -> Path:
        """The file that keeps a topic's messages, and what the pipeline that writes them knows of itself."""
        if topic == WAREHOUSE_PARTITION:
            message = f"no topic can be named {topic}, which is the name of the tables' file"
            raise InputError(message, hint="Choose another name.")
        return self.root / "topics" / f"{check_name('topic', topic)}.db"

    @property
    def warehouse(self) -> Path:
        """The file of the tables, and of the sink that writes them."""
        return self.root / "warehouse.db"

    def lock(self, pipeline: str) -> Path:
        """The file whose lock a running pipeline holds."""
        return self.root / "run" / f"{check_name('pipeline', pipeline)}.lock"

    @property
    def models(self) -> Path:
        """The directory of the model versions and the aliases that name them."""
        return self.root / "models"

    def outputs(self) -> dict[str, Path]:
        """Every file that pipelines write, by its name, sorted: the topics that are there, and the tables."""
        files = {path.stem: path for path in (self.root / "topics").glob("*.db")}
        return dict(sorted({**files, WAREHOUSE_PARTITION: self.warehouse}.items()))
