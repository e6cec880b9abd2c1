"""What the documentation says of commands, settings and pages is true, and its generated parts are up to date."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from fsictl.cli.main import app, main
from fsictl.settings.load import keys

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*DOCS, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_NOT_A_SETTING = ("md", "db", "onnx", "keras", "py", "csv", "jsonl", "parquet", "toml", "lock", "log")
OWN_VARIABLES = {"FSICTL_WORKSPACE"}


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    return _BLOCK.sub("", _text(page))


def _spans() -> list[tuple[str, str]]:
    return [(_name(page), span) for page in DOCS for span in _SPAN.findall(_prose(page))]


def _blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(_text(page)) if found == language]


def _examples() -> Iterator[tuple[str, str]]:
    """Every line of a shell block that calls the program, without what the shell does with it."""
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"(\w+=\S+ )*fsictl( |$)", line):
                    yield _name(page), line


@pytest.fixture(scope="module")
def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(make_docs: ModuleType) -> None:
    assert make_docs.main(["--check"]) == 0


def test_every_generated_part_has_its_place(make_docs: ModuleType) -> None:
    text = "".join(_text(page) for page in DOCS)
    assert all(f"<!-- generated: {name} -->" in text for name in make_docs.PARTS)


def test_a_part_that_is_not_up_to_date_is_noticed(make_docs: ModuleType) -> None:
    old = "a\n<!-- generated: settings -->\nas it was\n<!-- end of generated part -->\nb\n"
    new = make_docs.made(old)
    assert "as it was" not in new
    assert "metrics.rsi_window" in new
    assert make_docs.made(new) == new


# ------------------------------------------------------------------------------------------- commands


def _command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the first words name, and the words after them."""
    command: Any = typer.main.get_group(app)
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        found = command.get_command(None, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


def _options(command: Any) -> set[str]:
    return {name for one in command.params for name in one.opts} | {"--help"}


@pytest.mark.parametrize(("page", "line"), list(_examples()))
def test_an_example_is_one_that_the_program_understands(
    page: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line, comments=True)
    words = words[words.index("fsictl") + 1 :]
    end = next((place for place, word in enumerate(words) if word in {"|", "&", "&&", ";", ">", "<"}), len(words))
    words = words[:end]
    assert main([*words, "--help"]) == 0, (page, capsys.readouterr().err)
    command, rest = _command(words)
    if not hasattr(command, "get_command"):  # arguments too are there, and of the right type
        command.make_context("fsictl", list(rest))


def test_commands_in_the_text_exist() -> None:
    with pytest.raises(AssertionError):
        _command(["metric", "show"])
    for page, span in _spans():
        if span.startswith("fsictl "):
            command, rest = _command(span.split()[1:])
            unknown = {word.partition("=")[0] for word in rest if word.startswith("--")} - _options(command)
            assert not unknown, (page, span)


def test_options_in_the_text_exist(make_docs: ModuleType) -> None:
    group = typer.main.get_group(app)
    leaves = [one for name in group.list_commands(None) for one in make_docs.leaves(group, ("fsictl", name))]
    known = _options(group).union(*(_options(command) for _, command in leaves))
    for page, span in _spans():
        if re.match(r"--[a-z]", span):
            assert span.split()[0] in known, (page, span)


# ------------------------------------------------------------------------------------------- settings


def _unknown_settings(spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    known = {key.name for key in keys()}
    sections = "|".join(sorted({name.partition(".")[0] for name in known if "." in name}))
    named = [(page, re.match(rf"((?:{sections})\.([a-z_]+))(?: = .*)?$", span)) for page, span in spans]
    return [(page, m[1]) for page, m in named if m and m[2] not in _NOT_A_SETTING and m[1] not in known]


def test_settings_in_the_text_exist() -> None:
    assert _unknown_settings(_spans()) == []
    assert _unknown_settings([("page", "metrics.windows = 3")]) == [("page", "metrics.windows")]


def test_variables_in_the_text_exist() -> None:
    known = {key.variable for key in keys()} | OWN_VARIABLES
    for page in DOCS:
        assert set(re.findall(r"FSICTL_[A-Z_]+", _text(page))) <= known, _name(page)


# ---------------------------------------------------------------------------------------------- pages


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", _text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), (link, "leads nowhere")
        if anchor:
            assert anchor in _anchors(target), (link, "has no such heading")


@pytest.mark.parametrize("page", [page for page in DOCS if page.parent.name == "docs"], ids=_name)
def test_every_page_is_named_by_the_first(page: Path) -> None:
    assert page.name == "index.md" or f"({page.name})" in _text(ROOT / "docs" / "index.md")


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = _text(folder / "README.md")
    assert all(f"({file.name})" in listed for file in folder.glob("0*.md"))


def test_python_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = _blocks(ROOT / "docs" / "messages.md", "python")
    assert examples
    for number, example in enumerate(examples):
        file = tmp_path / f"example_{number}.py"
        file.write_text(example, encoding="utf-8")
        runpy.run_path(str(file))
    assert (tmp_path / ".fsictl" / "topics" / "prices.db").exists()
