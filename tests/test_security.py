"""No format that can run code is read or written anywhere, and no shell is asked."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fsictl

SOURCES = sorted(Path(fsictl.__file__).parent.rglob("*.py"))

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "code", "imp"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "system", "popen", "load_model", "allow_pickle", "load_extension"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nothing_that_is_read_can_run(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {name.name.split(".")[0] for name in node.names} & FORBIDDEN_MODULES
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            built_in = isinstance(node.func, ast.Name)
            method_of_re = name == "compile" and not built_in  # re.compile, and Keras' own of a network
            assert name not in FORBIDDEN_CALLS or method_of_re, f"{source}:{node.lineno} calls {name}"
            for keyword in node.keywords:
                shell = keyword.arg == "shell" and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                )
                assert not shell, f"{source}:{node.lineno} asks a shell"
                assert keyword.arg != "allow_pickle", f"{source}:{node.lineno} allows pickle"


def test_the_search_finds_what_it_is_for() -> None:
    names = {
        node.func.attr
        for node in ast.walk(ast.parse("import os\nos.system('x')"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert names & FORBIDDEN_CALLS
