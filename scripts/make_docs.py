"""Write the generated parts of the documentation, or check that they are up to date.

A generated part is what stands between ``<!-- generated: NAME -->`` and ``<!-- end of generated part -->`` in a page.
``python scripts/make_docs.py`` rewrites them from the program; with ``--check`` it changes nothing, names the pages
that would change, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))  # the program of this tree, whatever is installed

import typer  # noqa: E402

from fsictl.cli.lazy import COMMANDS  # noqa: E402
from fsictl.cli.main import app  # noqa: E402
from fsictl.cli.options import COMMON  # noqa: E402
from fsictl.records.schemas import TABLES, TOPIC_SCHEMAS  # noqa: E402
from fsictl.settings.load import Key, keys  # noqa: E402

WIDTH = 100
"""Columns of a generated text block."""

_PART = re.compile(r"<!-- generated: (.+?) -->\n(.*?)<!-- end of generated part -->", re.DOTALL)


def pages(root: Path = ROOT) -> list[Path]:
    """Every page that may have generated parts."""
    return sorted((root / "docs").rglob("*.md"))


def made(text: str) -> str:
    """The text of a page with all its generated parts made anew; ``KeyError`` for a part that nobody knows."""
    return _PART.sub(
        lambda part: f"<!-- generated: {part[1]} -->\n{PARTS[part[1]]()}<!-- end of generated part -->", text
    )


# ---------------------------------------------------------------------------------------------------- settings


def settings() -> str:
    """Every setting in a table, section by section."""
    sections: dict[str, list[Key]] = {}
    for key in keys():
        sections.setdefault(key.name.rpartition(".")[0], []).append(key)
    return "\n".join(f"{_heading(section)}{_settings_table(of)}" for section, of in sections.items())


def _heading(section: str) -> str:
    return f"## Section `{section}`\n\n" if section else "## Outside of any section\n\n"


def _settings_table(of: list[Key]) -> str:
    rows = [(f"`{key.name}`", _default(key.default), _limits(key), key.meaning, f"`{key.variable}`") for key in of]
    return _table(("setting", "default", "may be", "meaning", "environment variable"), rows)


def _default(value: object) -> str:
    if value is None:
        return "not set"
    return f"`{','.join(value)}`" if isinstance(value, tuple) else f"`{value}`"


def _limits(key: Key) -> str:
    if key.choices:
        return " or ".join(f"`{choice}`" for choice in key.choices)
    if typing.get_origin(key.type) is tuple:
        return "texts, with commas between"
    kinds = [kind for kind in (typing.get_args(key.type) or (key.type,)) if kind is not types.NoneType]
    name = {int: "whole number", float: "number"}.get(kinds[0], "text")
    if key.least is None or key.most is None:
        return name
    return f"{name}, {key.least:,g} to {key.most:,.10g}"


# ---------------------------------------------------------------------------------------------------- commands


def commands() -> str:
    """Every command with what its help says, by the sections of the program's help."""
    root = typer.main.get_group(app)
    parts = []
    for heading, section in COMMANDS.items():
        parts.append(f"## {heading}\n")
        for name in section:
            parts += [_command_text(path, command) for path, command in leaves(root, ("fsictl", name))]
    return "\n".join(parts)


def leaves(parent: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands at or below the last name of ``path``, each with its own path."""
    command = parent.get_command(None, path[-1])
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        if getattr(command.get_command(None, name), "hidden", False):
            continue
        yield from leaves(command, (*path, name))


def _command_text(path: tuple[str, ...], command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name not in COMMON]
    usage = " ".join([*path, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    lines = [f"Usage: {usage}", "", *_paragraphs(command.help)]
    for title, rows in (
        ("Arguments", [(_argument(one), _help(one)) for one in arguments]),
        ("Options", [(_option(one), _help(one)) for one in options]),
    ):
        if rows:
            lines += ["", f"{title}:", *_columns(rows)]
    name = " ".join(path)
    return f"### `{name}`\n\n```text\n" + "\n".join(lines) + "\n```\n"


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ""
        yield from textwrap.wrap(paragraph, WIDTH - 2, initial_indent="  ", subsequent_indent="  ")


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join(sorted(parameter.opts, key=len))
    return names if parameter.is_flag else f"{names} {parameter.metavar or _value(parameter)}"


def _value(parameter: Any) -> str:
    """What stands for an option's value; newer Typers describe the type themselves, older ones have Click's."""
    described = getattr(parameter, "type_descriptor", None)
    name = str(parameter.type.name if described is None else described.annotation)
    return "INTEGER" if "int" in name else "NUMBER" if "float" in name else "TEXT"


def _help(parameter: Any) -> str:
    default = parameter.default
    shown = f"  [default: {default}]" if default not in (None, False, (), []) and not callable(default) else ""
    return f"{parameter.help or ''}{shown}"


def _columns(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max(len(left) for left, _ in rows) + 4
    for left, right in rows:
        indent = " " * width
        yield from textwrap.wrap(right, WIDTH, initial_indent=f"  {left}".ljust(width), subsequent_indent=indent)


# ------------------------------------------------------------------------------------------------------ tables


def columns(name: str) -> str:
    """Every column of a table, with its key marked."""
    schema = TABLES[name]
    rows = []
    for field in schema.fields:
        kind = f"{field.kind.value}{', may be null' if field.nullable else ''}"
        rows.append((f"`{field.name}`{' (key)' if field.name in schema.key else ''}", kind, field.meaning))
    return _table(("column", "kind", "meaning"), rows)


def tables() -> str:
    """Every table with its columns; those of ``metrics`` have a page of their own."""
    parts = []
    for name, schema in TABLES.items():
        key = ", ".join(f"`{column}`" for column in schema.key)
        said = f"{schema.meaning} Key: {key}."
        shown = "Its columns are described in [metrics.md](metrics.md).\n" if name == "metrics" else columns(name)
        parts.append(f"### Table `{name}`\n\n{said}\n\n{shown}")
    return "\n".join(parts)


def content_types() -> str:
    """The content type of each topic's Arrow batches."""
    from fsictl.records.encoding import END_OF_INPUT, arrow_content_type

    rows = [(f"`{topic}`", f"`{arrow_content_type(of)}`", f"`{of.name}`") for topic, of in TOPIC_SCHEMAS.items()]
    rows.append(("`prices`", f"`{END_OF_INPUT}`", "none: the message that a source has ended"))
    return _table(("topic", "content type", "rows of the table"), rows)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


PARTS: dict[str, Callable[[], str]] = {
    "settings": lambda: "\n" + settings() + "\n",
    "commands": lambda: "\n" + commands() + "\n",
    "columns of metrics": lambda: "\n" + columns("metrics") + "\n",
    "tables": lambda: "\n" + tables() + "\n",
    "content types": lambda: "\n" + content_types() + "\n",
}
"""What makes each part, by the name in its marker."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; 1 when a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, exit with 1 if anything would change")
    check = parser.parse_args(arguments).check
    changed = []
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = made(old)
        if new != old:
            changed.append(page)
            if not check:
                page.write_text(new, encoding="utf-8")
    for page in changed:
        print(f"{page.relative_to(ROOT)} {'is not up to date' if check else 'written'}")
    if check and changed:
        print("Run `just docs`, and look at what changed.")
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
