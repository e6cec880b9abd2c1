"""The images: what is in them, and what Cloud Build is told."""

from __future__ import annotations

import json
import re
import string
import tomllib
from collections import defaultdict
from typing import Any

import pytest
import yaml
from tests.infra.offline import ROOT

from fsictl.backends.gcp import names
from fsictl.template_files import template_folder

DOCKER = template_folder("docker")
BUILD = yaml.safe_load((DOCKER / "cloudbuild.yaml").read_text(encoding="utf-8"))
PINNED = (DOCKER / "constraints.txt").read_text(encoding="utf-8")
CONSTRAINTS: dict[str, str] = dict(re.findall(r"^([\w.-]+)==(\S+)$", PINNED, re.MULTILINE))
DISCOVERY = ".environments/checkov/lib/python3*/site-packages/googleapiclient/discovery_cache/documents"


def text_of(image: str) -> str:
    """The Dockerfile of an image."""
    return (DOCKER / image / "Dockerfile").read_text(encoding="utf-8")


def test_there_is_a_dockerfile_for_every_image() -> None:
    assert sorted(path.parent.name for path in DOCKER.glob("*/Dockerfile")) == sorted(names.IMAGES)


@pytest.mark.parametrize("image", names.IMAGES)
def test_an_image_is_built_in_stages_from_pinned_images(image: str) -> None:
    bases = re.findall(r"^FROM (\S+)(?: AS \w+)?$", text_of(image), re.MULTILINE)
    assert len(bases) >= 2
    for base in bases:
        assert re.fullmatch(r"[\w./-]+:(\d+\.\d+\.\d+\S*|\d{8}_RC\d\d)", base), base


@pytest.mark.parametrize("image", [image for image in names.IMAGES if image != "worker"])
def test_an_image_runs_as_somebody_who_is_not_root(image: str) -> None:
    users = re.findall(r"^USER (\d+):\d+$", text_of(image), re.MULTILINE)
    assert users
    assert int(users[-1]) > 0


def test_the_worker_is_root_for_a_written_reason() -> None:
    """Dataflow needs it. The reason is beside the exception, and in the documentation."""
    assert re.search(r"#checkov:skip=CKV_DOCKER_3:Dataflow", text_of("worker"))
    assert "runs as root" in (ROOT / "docs" / "infra.md").read_text(encoding="utf-8")


def test_the_workers_beam_is_the_one_that_is_installed() -> None:
    base = re.search(r"^FROM apache/beam_python3\.11_sdk:(\S+) AS beam$", text_of("worker"), re.MULTILINE)
    assert base is not None
    assert base[1] == CONSTRAINTS["apache-beam"]


def test_what_is_copied_is_there() -> None:
    for image in names.IMAGES:
        for sources in re.findall(r"^COPY (?!--from)(?:--chown=\S+ )?(.+) \S+$", text_of(image), re.MULTILINE):
            for source in sources.split():
                assert (ROOT / source).exists(), (image, source)


def test_versions_are_those_that_the_tests_passed_with() -> None:
    """What both lists name has one version, so an image is what was tested."""
    locked: dict[str, set[str]] = defaultdict(set)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE):
        locked[name].add(version)
    assert {name for name, version in CONSTRAINTS.items() if name in locked and version not in locked[name]} == set()


def test_every_requirement_has_a_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = [*project["dependencies"], *extras["gcp"], *extras["sql"]]
    named = {re.split(r"[\[<>=]", requirement)[0] for requirement in known}
    for list_ in DOCKER.glob("*/requirements.txt"):
        wanted = [line for line in list_.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert set(wanted) <= set(CONSTRAINTS)
        assert set(wanted) <= named


def test_the_build_makes_and_pushes_every_image() -> None:
    built = {f"europe-west1-docker.pkg.dev/p/fsictl/{image}:0.1.0" for image in names.IMAGES}
    assert {expanded(image) for image in BUILD["images"]} == built
    assert built == {names.image("europe-west1", "p", "fsictl", image, "0.1.0") for image in names.IMAGES}
    tagged = [step["args"][step["args"].index("--tag") + 1] for step in BUILD["steps"] if step["args"][0] == "build"]
    assert {expanded(tag) for tag in tagged} == built
    assert expanded(BUILD["serviceAccount"]).endswith("/" + names.account_email("p", "fsictl", "builder"))


def expanded(text: str) -> str:
    """A text of the build with its substitutions made, as Cloud Build makes them."""
    values = {**BUILD["substitutions"], "_TAG": "0.1.0", "PROJECT_ID": "p"}
    while "$" in text:
        text = string.Template(text).substitute(values)
    return text


def test_cloud_build_knows_every_field() -> None:
    documents = list(ROOT.glob(f"{DISCOVERY}/cloudbuild.v1.json"))
    if not documents:
        pytest.skip("There is no .environments/checkov: run python scripts/environments.py checkov")
    schemas = json.loads(documents[0].read_text(encoding="utf-8"))["schemas"]
    assert list(strangers(schemas, {"$ref": "Build"}, BUILD)) == []
    seeded = {**BUILD, "step": [], "options": {"machineType": "HUGE"}, "timeout": 5}
    assert len(list(strangers(schemas, {"$ref": "Build"}, seeded))) == 3


def strangers(schemas: dict[str, Any], schema: dict[str, Any], value: Any, at: str = "build") -> Any:
    """What of a document its discovery document does not know: fields, types, choices."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    types = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
    if not isinstance(value, types[schema["type"]]):
        yield f"{at}: not {schema['type']}"
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from strangers(schemas, schema["items"], each, f"{at}[{place}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if known is None:
                yield f"{at}.{name}: unknown"
            else:
                yield from strangers(schemas, known, each, f"{at}.{name}")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value} is not one of {schema['enum']}"
