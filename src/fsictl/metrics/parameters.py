"""What the metrics depend on besides the ticks."""

from __future__ import annotations

from dataclasses import dataclass

from fsictl.errors import SettingsError

MOST_SECONDS = 86_400
"""Longest window and longest filled gap."""


@dataclass(frozen=True, slots=True)
class MetricsParameters:
    """The rolling window, the window of the RSI and the longest filled gap in seconds; the EMA's α.

    Raises ``SettingsError`` for values that make no sense.

    >>> MetricsParameters().rsi_seconds, MetricsParameters(rsi_window=14).rsi_seconds
    (300, 14)
    >>> MetricsParameters(window=10, rsi_window=14)
    Traceback (most recent call last):
    ...
    fsictl.errors.SettingsError: rsi_window is 14, it must be between 2 and 10
    """

    window: int = 300
    rsi_window: int | None = None
    max_gap: int = 60
    alpha: float = 0.5

    def __post_init__(self) -> None:
        _check("window", self.window, 2, MOST_SECONDS)
        _check("rsi_window", self.rsi_seconds, 2, self.window)
        _check("max_gap", self.max_gap, 0, MOST_SECONDS)
        if not 0 < self.alpha <= 1:
            message = f"alpha is {self.alpha}, it must be above 0 and at most 1"
            raise SettingsError(message, hint="Use 0.5 when in doubt.")

    @property
    def rsi_seconds(self) -> int:
        """The window of the RSI: ``rsi_window``, or ``window`` when that is not set."""
        return self.window if self.rsi_window is None else self.rsi_window


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        message = f"{name} is {value}, it must be between {least} and {most}"
        raise SettingsError(message, hint=f"Set {name} to a whole number of seconds in that range.")
