"""What one of Google's APIs accepts and answers, read from its discovery document.

The documents come with the package google-api-python-client, which ``scripts/environments.py contracts`` puts into an
environment of its own. Nothing of that package is imported.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ENVIRONMENT = Path(__file__).parents[2] / ".environments" / "contracts"
_DOCUMENTS = "lib/python*/site-packages/googleapiclient/discovery_cache/documents"

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
_INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def documents() -> Path | None:
    """The folder of the documents; ``None`` when the environment was not made."""
    return next(iter(ENVIRONMENT.glob(_DOCUMENTS)), None)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that an API knows: its method's name, the values in its path and query, and what it may say."""

    method: str
    values: Mapping[str, str]
    body: Any


@cache
def api(name: str) -> Api:
    """The API of that name and version, such as ``dataflow.v1b3``."""
    folder = documents()
    assert folder is not None, "python scripts/environments.py contracts"
    return Api(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


class Api:
    """One document: finds the method of a request, and says what is wrong with bodies and replies."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.schemas: Mapping[str, Any] = document["schemas"]

    @cached_property
    def methods(self) -> list[Method]:
        """Every method, deepest resources included."""
        return [Method(self, described) for described in _described(self._document)]

    @cached_property
    def everywhere(self) -> Mapping[str, Any]:
        """The query parameters that every method of the API takes."""
        # Clients of protobuf ask for numbers in place of names of enums by a second spelling of alt.
        return {**self._document["parameters"], "$alt": {"type": "string"}}

    @property
    def root(self) -> str:
        """Where the API's paths begin."""
        return "/" + str(self._document["servicePath"])

    def problems(self, schema: Mapping[str, Any], value: Any, where: str = "") -> Iterator[str]:
        """What is wrong with a JSON value for that schema, a sentence each."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type")
        if kind == "any":
            return
        if kind == "array":
            if not isinstance(value, list):
                yield f"{where} must be a list, not {value!r}"
                return
            for number, item in enumerate(value):
                yield from self.problems(schema["items"], item, f"{where}[{number}]")
        elif kind == "object":
            yield from self._object_problems(schema, value, where)
        else:
            yield from scalar_problems(schema, value, where)

    def _object_problems(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where or 'the body'} must be an object, not {value!r}"
            return
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            inside = f"{where}.{key}" if where else key
            if key in known:
                yield from self.problems(known[key], item, inside)
            elif others is not None:
                yield from self.problems(others, item, inside)
            else:
                yield f"there is no field {inside}"


def scalar_problems(schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    """What is wrong with a string, number or boolean."""
    kind, form = schema.get("type"), schema.get("format")
    if "enum" in schema and not (isinstance(value, str) and value in schema["enum"]):
        yield f"{where} must be one of {', '.join(schema['enum'][:12])}, not {value!r}"
    elif form in _INTEGERS:
        least, most = _INTEGERS[form]
        written = isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None and kind == "string"
        if not (written or _is_integer(value)) or not least <= int(value) <= most:
            yield f"{where} must be an integer ({form}), not {value!r}"
    elif kind == "integer" and not _is_integer(value):
        yield f"{where} must be an integer, not {value!r}"
    elif kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield f"{where} must be a number, not {value!r}"
    elif kind == "boolean" and not isinstance(value, bool):
        yield f"{where} must be true or false, not {value!r}"
    elif kind == "string":
        yield from _string_problems(form, value, where)


def _string_problems(form: str | None, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} must be a string, not {value!r}"
    elif form == "google-datetime" and not _DATETIME.fullmatch(value):
        yield f"{where} must be a time as 2026-01-02T03:04:05Z, not {value!r}"
    elif form == "google-duration" and not _DURATION.fullmatch(value):
        yield f"{where} must be a duration as 3.5s, not {value!r}"
    elif form == "byte":
        try:
            base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            yield f"{where} must be bytes in base64, not {value[:40]!r}"


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _described(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _described(inner)


class Method:
    """One method of an API."""

    def __init__(self, api: Api, described: Mapping[str, Any]) -> None:
        self.api = api
        self.id = str(described["id"])
        self.verb = str(described["httpMethod"])
        self.request: Mapping[str, Any] | None = described.get("request")
        self.response: Mapping[str, Any] | None = described.get("response")
        self.parameters: Mapping[str, Any] = described.get("parameters", {})
        path = str(described["path"])
        self._paths = [_expression(api.root + path, self.parameters)]
        if described.get("useMediaDownloadService"):
            self._paths.append(_expression("/download" + api.root + path, self.parameters))
        for protocol in described.get("mediaUpload", {}).get("protocols", {}).values():
            self._paths.append(_expression(protocol["path"], self.parameters))

    def match(self, verb: str, path: str) -> dict[str, str] | None:
        """The values in the path, which is still quoted; ``None`` when it is no path of this method."""
        if verb != self.verb:
            return None
        for expression in self._paths:
            found = expression.fullmatch(path)
            if found is not None:
                return {name.removeprefix("_"): unquote(value) for name, value in found.groupdict().items()}
        return None

    def query_problems(self, query: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """What is wrong with the query."""
        known = {name: one for name, one in self.parameters.items() if one["location"] == "query"}
        for name, values in query.items():
            schema = known.get(name) or self.api.everywhere.get(name)
            if schema is None:
                yield f"{self.id} has no parameter {name}"
                continue
            if len(values) > 1 and not schema.get("repeated"):
                yield f"the parameter {name} was given {len(values)} times"
            for value in values:
                yield from scalar_problems(schema, _read(schema, value), f"the parameter {name}")
        for name, schema in known.items():
            if schema.get("required") and name not in query:
                yield f"{self.id} needs the parameter {name}"

    def named(self, value: Any) -> Any:
        """A body in which enums that were sent as numbers have their names."""
        return _named(self.api, self.request or {"type": "any"}, value)


def _read(schema: Mapping[str, Any], text: str) -> Any:
    """A value of a query as JSON would have it; a number of an enum is taken for the place in the list."""
    if "enum" in schema and text.isdigit() and int(text) < len(schema["enum"]):
        return schema["enum"][int(text)]
    if schema.get("type") in {"integer", "number", "boolean"} and "enum" not in schema:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _expression(template: str, parameters: Mapping[str, Any]) -> re.Pattern[str]:
    """The paths of a template: ``{name}`` is one part, ``{+name}`` what the parameter's pattern says."""
    parts = []
    for literal, plus, name in re.findall(r"([^{]*)(?:\{(\+?)(\w+)\})?", template):
        parts.append(re.escape(literal))
        if name:
            said = parameters[name].get("pattern", ".+") if plus else "[^/]+?"
            pattern = re.sub(r"\((?!\?)", "(?:", said.removeprefix("^").removesuffix("$"))
            parts.append(f"(?P<_{name}>{pattern})")
    return re.compile("".join(parts))


def _named(api: Api, schema: Mapping[str, Any], value: Any) -> Any:
    """Numbers of enums are taken for places in the document's list, which is in the order of the numbers."""
    if "$ref" in schema:
        schema = api.schemas[schema["$ref"]]
    if "enum" in schema and _is_integer(value) and 0 <= value < len(schema["enum"]):
        return schema["enum"][value]
    if isinstance(value, list) and "items" in schema:
        return [_named(api, schema["items"], item) for item in value]
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", {"type": "any"})
        return {key: _named(api, known.get(key, others), item) for key, item in value.items()}
    return value
