"""Settings from flags, the environment, ``fsictl.toml`` and defaults, in this order, with their provenance."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsictl.errors import SettingsError
from fsictl.settings.schema import Settings

FILE_NAME = "fsictl.toml"
ENVIRONMENT_PREFIX = "FSICTL_"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was given, and where: ``--hz``, ``FSICTL_PRICES_HZ``, ``fsictl.toml`` or ``default``."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings in force, and for every key (``section.name``) where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its dotted key, type, default, meaning and limits."""

    name: str
    type: Any
    default: Any
    meaning: str
    least: float | None
    most: float | None
    choices: tuple[str, ...]

    @property
    def variable(self) -> str:
        """The environment variable that sets it.

        >>> next(key for key in keys() if key.name == "metrics.rsi_window").variable
        'FSICTL_METRICS_RSI_WINDOW'
        """
        return ENVIRONMENT_PREFIX + self.name.replace(".", "_").upper()


def keys() -> Iterator[Key]:
    """Every setting there is, in the order of the schema."""
    yield from _keys_of(Settings, "")


def _keys_of(section: type, prefix: str) -> Iterator[Key]:
    hints = typing.get_type_hints(section)
    for field in dataclasses.fields(section):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _keys_of(hints[field.name], f"{prefix}{field.name}.")
        else:
            limits = field.metadata
            yield Key(
                prefix + field.name,
                hints[field.name],
                field.default,
                limits["meaning"],
                limits["least"],
                limits["most"],
                limits["choices"],
            )


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Given] | None = None
) -> LoadedSettings:
    """The settings in force. ``file`` may be missing; ``flags`` maps dotted keys to what the command line gave.

    Raises ``SettingsError`` for a file that is not TOML, an unknown key, or a value that the key cannot have;
    it names the key, the value and where it came from.
    """
    known = {key.name: key for key in keys()}
    given: dict[str, Given] = {}
    if file is not None and os.path.lexists(file):
        given |= _from_file(file, known)
    for key in known.values():
        if key.variable in environment:
            given[key.name] = Given(environment[key.variable], key.variable)
    given |= flags or {}
    values = {name: _checked(known[name], one) for name, one in given.items()}
    settings = _build(Settings, "", values)
    origins = {name: given[name].origin if name in given else "default" for name in known}
    _check_together(settings, given)
    return LoadedSettings(settings, origins)


def _from_file(file: Path, known: Mapping[str, Key]) -> dict[str, Given]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{file} is not valid TOML: {error}"
        raise SettingsError(message, hint="Mend the file, or write a new one with `fsictl init --force`.") from error
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise SettingsError(message, hint="Make the file readable, or use another --workspace.") from error
    given = {}
    for name, value in _flat(content, ""):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else "`fsictl init` writes a file with every key there is."
            message = f"{file.name} sets {name} = {value!r}, which is not a setting"
            raise SettingsError(message, hint=hint)
        given[name] = Given(value, str(file.name))
    return given


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _build(section: type[Any], prefix: str, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(section)
    arguments = {}
    for field in dataclasses.fields(section):
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = _build(hints[field.name], f"{prefix}{field.name}.", values)
        elif prefix + field.name in values:
            arguments[field.name] = values[prefix + field.name]
    return section(**arguments)


def _wrong(key: Key, given: Given, wanted: str) -> SettingsError:
    message = f"{key.name} is {given.value!r} (from {given.origin}), but must be {wanted}"
    return SettingsError(message, hint=f"It means: {key.meaning}. The default is {key.default!r}.")


def _checked(key: Key, given: Given) -> Any:
    value = _converted(key, given)
    if value is not None and isinstance(value, int | float):
        if key.least is not None and not value >= key.least:
            raise _wrong(key, given, f"at least {key.least:g}")
        if key.most is not None and not value <= key.most:
            raise _wrong(key, given, f"at most {key.most:g}")
    if key.choices and value not in key.choices:
        raise _wrong(key, given, "one of " + ", ".join(key.choices))
    return value


def _converted(key: Key, given: Given) -> Any:
    kind, value = key.type, given.value
    if isinstance(kind, types.UnionType):
        if value is None or (isinstance(value, str) and value.strip() in {"", "none"}):
            return None
        kind = next(one for one in typing.get_args(kind) if one is not types.NoneType)
    if kind is int:
        return _integer(key, given, value)
    if kind is float:
        return _number(key, given, value)
    if kind is str:
        if not isinstance(value, str):
            raise _wrong(key, given, "a text")
        return value
    return _texts(key, given, value)


def _integer(key: Key, given: Given, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(str(value).strip()) if isinstance(value, str) else _whole(value)
    except (ValueError, OverflowError):
        raise _wrong(key, given, "a whole number") from None


def _whole(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(value)


def _number(key: Key, given: Given, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError(value)
        number = float(value)
    except (TypeError, ValueError):
        raise _wrong(key, given, "a number") from None
    if not math.isfinite(number):
        raise _wrong(key, given, "a finite number")
    return number


def _texts(key: Key, given: Given, value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise _wrong(key, given, "a list of texts")
    found = tuple(part.strip() for part in parts if part.strip())
    if not found and key.default:
        raise _wrong(key, given, "a list with at least one text")
    return found


def _check_together(settings: Settings, given: Mapping[str, Given]) -> None:
    metrics = settings.metrics
    if metrics.rsi_window is not None and metrics.rsi_window > metrics.window:
        origin = given["metrics.rsi_window"].origin
        message = f"metrics.rsi_window is {metrics.rsi_window} (from {origin}), longer than metrics.window"
        raise SettingsError(message, hint=f"Give at most {metrics.window} seconds, or a longer metrics.window.")


def as_toml(settings: Settings | None = None) -> str:
    """A commented ``fsictl.toml``: every key with its default, those that differ from it set.

    >>> print(as_toml().splitlines()[0])
    # Settings of fsictl. Flags and FSICTL_… variables override this file; a line behind # is a default.
    """
    lines = [
        "# Settings of fsictl. Flags and FSICTL_… variables override this file; a line behind # is a default.",
        "",
    ]
    section = ""
    for key in keys():
        *parents, name = key.name.split(".")
        if parents and parents[0] != section:
            section = parents[0]
            lines += ["", f"[{section}]"]
        value = _value_of(settings, key.name) if settings is not None else key.default
        mark = "# " if value == key.default else ""
        lines += [f"# {key.meaning}", f"{mark}{name} = {_toml_value(value)}"]
    return "\n".join(lines) + "\n"


def _value_of(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _toml_value(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(one) for one in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
