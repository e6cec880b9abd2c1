"""Processors and memory of Google's machine types, by their names."""

from __future__ import annotations

import re

_GIB_PER_VCPU = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_OF_N1 = {"standard": 3.75, "highmem": 6.5, "highcpu": 0.9}
_SHARED = {"e2-micro": (2.0, 1.0), "e2-small": (2.0, 2.0), "e2-medium": (2.0, 4.0), "g1-small": (1.0, 1.7)}


def machine(name: str) -> tuple[float, float] | None:
    """Processors and GiB of memory; ``None`` for a name that does not say.

    >>> machine("n2-standard-2"), machine("n1-highmem-4"), machine("e2-custom-4-8192"), machine("big")
    ((2.0, 8.0), (4.0, 26.0), (4.0, 8.0), None)
    """
    if name in _SHARED:
        return _SHARED[name]
    custom = re.fullmatch(r"(?:[a-z]\d[a-z]?-)?custom-(\d+)-(\d+)(?:-ext)?", name)
    if custom is not None:
        return float(custom[1]), float(custom[2]) / 1024
    known = re.fullmatch(r"([a-z]\d[a-z]?)-(standard|highmem|highcpu)-(\d+)", name)
    if known is None:
        return None
    each = (_OF_N1 if known[1] == "n1" else _GIB_PER_VCPU)[known[2]]
    return float(known[3]), float(known[3]) * each
