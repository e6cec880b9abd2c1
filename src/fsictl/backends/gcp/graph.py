"""What a running job keeps, and whether another can take its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Graph:
    """What outlives a job's program: the steps that keep something, and the settings that their state depends on."""

    steps: Mapping[str, str]
    settings: Mapping[str, Any]

    def document(self) -> str:
        """As JSON; equal graphs have equal ones."""
        return json.dumps({"steps": dict(self.steps), "settings": dict(self.settings)}, sort_keys=True, indent=1)

    @classmethod
    def of_document(cls, text: str) -> Graph:
        """From what :meth:`document` wrote."""
        read = json.loads(text)
        return cls(read["steps"], read["settings"])

    @property
    def fingerprint(self) -> str:
        """A short text, the same for equal graphs.

        >>> Graph({"Close": "state"}, {}).fingerprint == Graph({"Close": "timer"}, {}).fingerprint
        False
        """
        return hashlib.blake2b(self.document().encode(), digest_size=8).hexdigest()


def obstacles(running: Graph, new: Graph) -> list[str]:
    """Why ``new`` cannot go on with what ``running`` keeps, a phrase each; nothing when it can.

    >>> running = Graph({"Read": "messages of s", "Close": "state operator (bytes)"}, {"metrics.window": 300})
    >>> obstacles(running, Graph({"Read": "messages of s"}, {"metrics.window": 60}))
    ['the setting metrics.window was 300 and is 60', 'the step Close (state operator (bytes)) is gone']
    >>> obstacles(running, Graph({**running.steps, "Count": "state count (bytes)"}, running.settings))
    []
    """
    found = [
        f"the setting {name} was {value} and is {new.settings.get(name)}"
        for name, value in running.settings.items()
        if new.settings.get(name) != value
    ]
    for step, kept in running.steps.items():
        if step not in new.steps:
            found.append(f"the step {step} ({kept}) is gone")
        elif new.steps[step] != kept:
            found.append(f"the step {step} kept {kept} and would keep {new.steps[step]}")
    return found
