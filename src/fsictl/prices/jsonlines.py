"""One JSON object a line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from fsictl.prices.layout import ALIASES
from fsictl.prices.rows import Problem, Reading, RowBuilder, Rows


def parse_block(block: bytes, reading: Reading) -> tuple[Rows, list[Problem]]:
    """The rows of a block of whole lines; a row's place is its line in the block, from 0.

    Empty lines are passed over.
    """
    builder = RowBuilder(reading)
    for number, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            builder.problems.append((number, "malformed", f"the line is not JSON: {error}"))
            continue
        if not isinstance(body, dict):
            builder.problems.append((number, "malformed", "the line is not a JSON object"))
            continue
        builder.add(number, _fields(body))
    return builder.build(), builder.problems


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    return {meaning: body[name] for meaning, name in _names_of(tuple(body))}


@lru_cache(maxsize=1000)
def _names_of(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each meaning that is among these names, with its name."""
    original = {name.lower(): name for name in names}
    return [
        (meaning, next(original[alias] for alias in aliases if alias in original))
        for meaning, aliases in ALIASES.items()
        if any(alias in original for alias in aliases)
    ]
