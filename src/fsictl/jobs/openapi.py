"""The invoker's OpenAPI document."""

from __future__ import annotations

from typing import Any

from fsictl import __version__
from fsictl.jobs.catalogue import MOST_PARAMETER, WORKLOADS
from fsictl.jobs.states import State

_JOB_ID = r"^[a-z]+-[0-9]{8}-[0-9a-f]{12}$"


def document(*, default_workload: str, with_tokens: bool) -> dict[str, Any]:
    """The document; ``with_tokens`` says that callers must show who they are."""
    refusals = {"401": _error("No identity token, or not a good one."), "403": _error("An account that may not ask.")}
    invoke = {
        "parameters": _invoke_parameters(default_workload),
        "responses": {
            "202": _json("The job: a new one, or the one that was asked for before.", "Job"),
            "400": _error("The run date, the workload or a parameter is not one."),
            "413": _error("The body is too long."),
            **_refusals(refusals, with_tokens),
            "503": _error("Messenger or warehouse do not answer; try again."),
        },
    }
    get = {**invoke, "operationId": "invokeByGet", "summary": "Ask for a workload."}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}}, "required": False}
    post = {**invoke, "operationId": "invoke", "summary": "Ask for a workload.", "requestBody": body}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "fsictl invoker",
            "version": __version__,
            "description": "Asks for workloads by message, and says what became of them.",
        },
        "paths": {
            "/invoke": {"get": get, "post": post},
            "/jobs/{job_id}": {"get": _job_operation("job", "What became of a job.", "Job", refusals, with_tokens)},
            "/jobs/{job_id}/check": {
                "get": _job_operation(
                    "check", "Whether a job was done properly, by what is stored.", "Check", refusals, with_tokens
                )
            },
            "/healthcheck": {
                "get": {
                    "operationId": "healthcheck",
                    "summary": "Whether messenger and warehouse answer.",
                    "security": [],
                    "responses": {"200": _json("Both do.", "Health"), "503": _json("One does not.", "Health")},
                }
            },
        },
        "components": {"schemas": _schemas()},
    }
    if with_tokens:
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A Google identity token."}
        found["components"]["securitySchemes"] = {"identity": scheme}
        found["security"] = [{"identity": []}]
    return found


def _refusals(refusals: dict[str, Any], with_tokens: bool) -> dict[str, Any]:
    return refusals if with_tokens else {"403": _error("A page of elsewhere may not ask.")}


def _invoke_parameters(default_workload: str) -> list[dict[str, Any]]:
    run_date = {"type": "string", "format": "date"}
    workload = {"type": "string", "enum": list(WORKLOADS), "default": default_workload}
    again = {"type": "string", "enum": ["true", "false"]}
    parameters = [
        ("run_date", run_date, "The day, UTC, that the job is about; the last whole one without it."),
        ("workload", workload, "What is to be done."),
        ("again", again, "true: do it again though it succeeded before."),
    ]
    named: dict[str, str] = {}
    for name, kind in WORKLOADS.items():
        for parameter, about in kind.parameters.items():
            named[parameter] = (
                f"{named[parameter].split(':')[0]}, {name}: {about.meaning}."
                if parameter in named
                else (f"For {name}: {about.meaning}.")
            )
    text = {"type": "string", "minLength": 1, "maxLength": MOST_PARAMETER}
    parameters += [(name, text, about) for name, about in named.items()]
    return [{"name": name, "in": "query", "schema": schema, "description": about} for name, schema, about in parameters]


def _job_operation(name: str, summary: str, schema: str, refusals: dict[str, Any], with_tokens: bool) -> dict[str, Any]:
    job_id = {"type": "string", "pattern": _JOB_ID}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [{"name": "job_id", "in": "path", "required": True, "schema": job_id}],
        "responses": {
            "200": _json("It.", schema),
            "404": _error("There is no such job."),
            **(refusals if with_tokens else {}),
            "503": _error("Messenger or warehouse do not answer; try again."),
        },
    }


def _json(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _error(description: str) -> dict[str, Any]:
    return _json(description, "Error")


def _schemas() -> dict[str, Any]:
    text, moment = {"type": "string"}, {"type": "integer", "description": "milliseconds since the epoch"}
    params = {"type": "object", "additionalProperties": {"type": "string"}}
    job = {
        "job_id": {"type": "string", "pattern": _JOB_ID},
        "workload": {"type": "string", "enum": list(WORKLOADS)},
        "run_date": {"type": "string", "format": "date"},
        "params": params,
        "state": {"type": "string", "enum": [state.value for state in State]},
        "since": moment,
        "attempt": {"type": "integer"},
        "detail": text,
        "result": {"type": ["object", "null"]},
    }
    wish = {
        "run_date": {"type": "string", "format": "date"},
        "workload": {"type": "string", "enum": list(WORKLOADS)},
        "params": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    }
    service = {"type": "string", "description": "ok, or why it does not answer"}
    return {
        "Job": _object(job),
        "Wish": {"type": "object", "properties": wish, "additionalProperties": False},
        "Check": _object({"job_id": text, "state": text, "passed": {"type": "boolean"}, "detail": text}),
        "Health": _object({"status": {"enum": ["ok", "failing"]}, "messenger": service, "warehouse": service}),
        "Error": _object({"error": text, "hint": text}),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
