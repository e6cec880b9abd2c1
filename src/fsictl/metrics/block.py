"""Rows of the table ``metrics`` as columns, the form in which they leave the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.records.schemas import METRICS, Kind
from fsictl.records.ticks import CodeArray

Column = npt.NDArray[Any]

_DTYPES = {Kind.FLOAT: np.float64, Kind.INTEGER: np.int64, Kind.TIMESTAMP: np.int64, Kind.BOOLEAN: np.bool_}
_NO_ROWS: dict[str, Column] = {field.name: np.empty(0, _DTYPES[field.kind]) for field in METRICS.fields[1:]}


@dataclass(frozen=True, slots=True, eq=False)
class MetricsBlock:
    """Rows as one array per column of ``METRICS`` but ``symbol``.

    ``symbols`` is the dictionary, ``code[i]`` the index of row ``i``'s symbol in it. NaN means null in the two
    nullable columns.
    """

    symbols: tuple[str, ...]
    code: CodeArray
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.code)

    @classmethod
    def empty(cls, symbols: tuple[str, ...] = ()) -> MetricsBlock:
        """No rows.

        >>> len(MetricsBlock.empty()), MetricsBlock.empty().columns["LAST"].dtype
        (0, dtype('float64'))
        """
        return cls(symbols, np.empty(0, np.int32), _NO_ROWS)

    @classmethod
    def concat(cls, parts: Sequence[MetricsBlock]) -> MetricsBlock:
        """The parts one after the other, under one dictionary."""
        if not parts:
            return cls.empty()
        dictionary: dict[str, int] = {}
        codes = []
        for part in parts:
            to_joint = np.array([dictionary.setdefault(s, len(dictionary)) for s in part.symbols], np.int32)
            codes.append(to_joint[part.code] if len(part) else part.code)
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        return cls(tuple(dictionary), np.concatenate(codes), columns)
