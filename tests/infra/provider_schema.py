"""The schema of Terraform's google provider, read out of a package on PyPI that was generated from it.

``cdktn-provider-google`` has one JavaScript class for every resource, block and data source of the provider. From their
getters and from how they write HCL follow name, type, nesting, and what is required, optional and computed; from the
documentation beside them the documented values. Nothing of it is committed: it is read when tests run.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_CLASS = re.compile(r"^class (\w+) extends cdkt[nf]\.(\w+) \{\n(.*?)^\}\n", re.S | re.M)
_GETTER = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*?)(?=^    // \w+ - computed:|^    // =+\n|^}\n|^    // SYNTHESIS|\Z)",
    re.S | re.M,
)
_WRITER = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}\n", re.S | re.M)
_WRITTEN = re.compile(r'^ {8,12}(\w+): \{\n\s+value: .*?,\n\s+isBlock: (true|false),\n\s+type: "(\w+)",', re.S | re.M)
_DOCUMENTED = re.compile(
    r"/\*\*((?:(?!\*/).)*?Possible values: \[([^\]]*)\](?:(?!\*/).)*?)\*/\s*readonly (\w+)\??:", re.S
)

_READ_AS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getNumberMapAttribute": ["map", "number"],
    "getAnyMapAttribute": ["map", "string"],
    "getInterpolationForAttribute": "dynamic",
}
_MADE_AS = {
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "string"],
    "StringMapList": ["list", ["map", "string"]],
    "AnyMapList": ["list", ["map", "string"]],
    "BooleanMapList": ["list", ["map", "bool"]],
    "NumberMapList": ["list", ["map", "number"]],
    "StringListList": ["list", ["list", "string"]],
}
_DEEPEST = 12  # some documents of Google contain themselves


class _Source:
    """The JavaScript of one resource: its classes, and how each writes its attributes (block or not, list or set)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.classes = {match[1]: (match[2], match[3]) for match in _CLASS.finditer(text)}
        self.writers = {match[1].lower(): _written(match[2]) for match in _WRITER.finditer(text)}

    def schemas(self) -> Iterator[tuple[str, str, Json]]:
        """Kind (the base class), type name and block of everything that Terraform knows by name."""
        for name, (base, body) in self.classes.items():
            if base in ("TerraformResource", "TerraformDataSource", "TerraformProvider"):
                kind = re.search(r'tfResourceType = "(\w+)"', body)
                written = re.search(r"synthesizeHclAttributes\(\) \{\n(.*)", body, re.S)
                block = self.block(name, _written(written[1]) if written else {})
                yield base, kind[1] if kind else "google", block

    def block(self, name: str, written: dict[str, tuple[str, str]], depth: int = 0) -> Json:
        """Attributes and nested blocks of a class."""
        found: Json = {"attributes": {}, "block_types": {}}
        for match in _GETTER.finditer(self.classes[name][1]):
            attribute, code = match[1], match[5]
            computed, optional, required = (match[place] == "true" for place in (2, 3, 4))
            is_block, shape = written.get(attribute, ("false", ""))
            made = re.search(r'new (?:(cdkt[nf]\.)|\w+\.)?(\w+)\(this, "(\w+)"(?:, (true|false))?', code)
            if made and not made[1]:
                inner = self._inner(made[2])
                if depth > _DEEPEST:
                    continue
                nested = self.block(
                    inner, self.writers.get(inner.removesuffix("OutputReference").lower(), {}), depth + 1
                )
                if is_block == "true":
                    single = made[2].endswith("OutputReference")
                    found["block_types"][attribute] = _nested(nested, shape, single=single, required=required)
                    continue
                kind: Any = ["set" if made[4] == "true" else "list", _object(nested)]
            elif made:
                kind = _MADE_AS[made[2]]
            else:
                read = re.search(r"this\.(get\w+Attribute|getInterpolationForAttribute)\(", code)
                kind = _READ_AS[read[1]] if read else "dynamic"
                if isinstance(kind, list) and kind[0] == "list" and ("tolist" in code or shape == "set"):
                    kind = ["set", kind[1]]
            flags = {"required": required, "optional": optional, "computed": computed}
            found["attributes"][attribute] = {"type": kind} | {flag: True for flag, on in flags.items() if on}
        return found

    def _inner(self, made: str) -> str:
        if made.endswith("OutputReference"):
            return made
        inner = made[: -len("List")] + "OutputReference"
        return inner if inner in self.classes else made.removesuffix("Map") + "OutputReference"


def _written(text: str) -> dict[str, tuple[str, str]]:
    return {match[1]: (match[2], match[3]) for match in _WRITTEN.finditer(text)}


def _nested(block: Json, shape: str, *, single: bool, required: bool) -> Json:
    mode = {"list": "list", "set": "set", "struct": "single", "map": "map"}[shape]
    nested: Json = {"nesting_mode": mode, "block": block}
    if mode != "single" and single:
        nested["max_items"] = 1
    if mode != "single" and required:
        nested["min_items"] = 1
    return nested


def _object(block: Json) -> list[Any]:
    members = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["block_types"].items():
        members[name] = ["set" if nested["nesting_mode"] == "set" else "list", _object(nested["block"])]
    return ["object", members]


def _documented(text: str, values: dict[str, dict[str, list[str]]]) -> None:
    for match in _DOCUMENTED.finditer(text):
        where = re.search(r"docs/resources/(\w+)#(\w+)", match[1])
        found = re.findall(r'"([^"]+)"', match[2])
        if where and found:
            known = values[f"google_{where[1]}"]
            known[where[2]] = sorted({*known.get(where[2], []), *found})


def extract(package: Path) -> Json:
    """The provider's schema and documented values, from the package's archive of JavaScript (``*.jsii.tgz``)."""
    scripts: dict[str, str] = defaultdict(str)
    values: dict[str, dict[str, list[str]]] = defaultdict(dict)
    with tarfile.open(package) as archive:
        for member in archive:
            folder, _, file = member.name.removeprefix("package/lib/").partition("/")
            inside = file.startswith("index") and "package/lib/" in member.name
            content = archive.extractfile(member) if inside and file.endswith((".js", ".d.ts")) else None
            if content is None:
                continue
            text = content.read().decode()
            if file.endswith(".js"):
                scripts[folder] += text + "\n"
            elif not folder.startswith("data-google"):
                _documented(text, values)
    schema: Json = {"provider": {}, "resources": {}, "data_sources": {}, "values": values}
    places = {"TerraformResource": "resources", "TerraformDataSource": "data_sources"}
    for text in scripts.values():
        version = re.search(r"providerVersion: '([\d.]+)'", text)
        schema["version"] = version[1] if version else schema.get("version")
        for base, kind, block in _Source(text).schemas():
            if base == "TerraformProvider":
                schema["provider"] = block
            else:
                schema[places[base]][kind] = block
    return schema


def main(package: str, out: str) -> None:
    """Write the schema as compressed JSON; the file appears when it is complete."""
    path, partial = Path(out), Path(out + ".partial")
    partial.write_bytes(gzip.compress(json.dumps(extract(Path(package)), separators=(",", ":")).encode(), mtime=0))
    partial.replace(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
