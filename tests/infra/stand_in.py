"""A stand-in for Terraform's google provider: its real schema, and a folder of files for a cloud.

Terraform starts it as a plugin, so it speaks the plugin protocol, version 6, by the package ``tf``. It knows what the
schema knows: names, types, what is required, nesting, documented values. Beyond that it behaves as the provider does
where plans depend on it: default labels, computed values, protection from deletion, a thing that is there already, a
thing that was removed by somebody else.

Environment variables:

- ``STAND_IN_SCHEMA`` the file that ``provider_schema`` wrote.
- ``STAND_IN_CLOUD`` a folder; one JSON file for each thing that was made. Remove a file, and it is gone "outside".
- ``STAND_IN_FAIL`` what fails, as ``create google_pubsub_topic`` or ``delete google_storage_bucket``, commas between.
- ``STAND_IN_SECONDS`` how long each change takes.
"""

# It runs in an environment of its own, whose packages carry no types.
# mypy: ignore-errors
# ruff: noqa: N802 - the protocol names the calls

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import msgpack
import tf.provider
import tf.runner
from msgpack import ExtType
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

UNKNOWN = ExtType(0, b"\x00")
NUMBER = "123456789012"
SCHEMA = json.loads(gzip.decompress(Path(os.environ["STAND_IN_SCHEMA"]).read_bytes()))
CLOUD = Path(os.environ["STAND_IN_CLOUD"]) if os.environ.get("STAND_IN_CLOUD") else None
FAILS = {part.strip() for part in os.environ.get("STAND_IN_FAIL", "").split(",") if part.strip()}
SECONDS = float(os.environ.get("STAND_IN_SECONDS", "0"))

# Full names as Google has them, for what other resources and the command line read.
IDS = {
    "google_artifact_registry_repository": "projects/{project}/locations/{location}/repositories/{repository_id}",
    "google_bigquery_dataset": "projects/{project}/datasets/{dataset_id}",
    "google_bigquery_table": "projects/{project}/datasets/{dataset_id}/tables/{table_id}",
    "google_cloud_run_v2_job": "projects/{project}/locations/{location}/jobs/{name}",
    "google_cloud_run_v2_service": "projects/{project}/locations/{location}/services/{name}",
    "google_cloud_run_v2_worker_pool": "projects/{project}/locations/{location}/workerPools/{name}",
    "google_cloud_scheduler_job": "projects/{project}/locations/{region}/jobs/{name}",
    "google_compute_global_address": "projects/{project}/global/addresses/{name}",
    "google_compute_network": "projects/{project}/global/networks/{name}",
    "google_compute_subnetwork": "projects/{project}/regions/{region}/subnetworks/{name}",
    "google_container_cluster": "projects/{project}/locations/{location}/clusters/{name}",
    "google_project_iam_custom_role": "projects/{project}/roles/{role_id}",
    "google_pubsub_subscription": "projects/{project}/subscriptions/{name}",
    "google_pubsub_topic": "projects/{project}/topics/{name}",
    "google_secret_manager_secret": "projects/{project}/secrets/{secret_id}",
    "google_service_account": "projects/{project}/serviceAccounts/{email}",
    "google_storage_bucket": "{name}",
    "google_vertex_ai_endpoint": "projects/{project}/locations/{location}/endpoints/{name}",
}
NAMES = {  # where the computed name is not the last part of the id
    "google_project_iam_custom_role": "id",
    "google_secret_manager_secret": "id",
    "google_service_account": "id",
}
PROTECTED = ("google_cloud_run_v2_job", "google_cloud_run_v2_service", "google_cloud_run_v2_worker_pool")
"""What is protected from deletion unless its configuration says otherwise; tables and databases are, too."""
PROTECTED += ("google_bigquery_table", "google_container_cluster", "google_sql_database_instance")

KEYS = (
    "name",
    "account_id",
    "dataset_id",
    "bucket",
    "service",
    "secret_id",
    "repository_id",
    "role_id",
    "display_name",
)
defaults = {"project": None, "region": None, "labels": {}}


def decode(value):
    """A value of the protocol as Python has it; unknown values as ``ExtType``."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=ExtType)
    return json.loads(value.json) if value.json else None


def encode(value):
    """A Python value for the protocol."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def plain(value):
    """A value of type dynamic without its type."""
    return value[1] if isinstance(value, list) and len(value) == 2 and isinstance(value[0], bytes) else value


def problem(summary, detail="", attribute=None):
    """An error, at an attribute if there is one."""
    found = pb.Diagnostic(severity=1, summary=summary, detail=detail)
    if attribute is not None:
        found.attribute.CopyFrom(pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=attribute)]))
    return found


def schema_block(block):
    """A block of the schema as the protocol has it."""
    modes = {"single": 1, "list": 2, "set": 3, "map": 4}
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(attribute["type"]).encode(),
                **{flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")},
            )
            for name, attribute in block["attributes"].items()
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                nesting=modes[nested["nesting_mode"]],
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
                block=schema_block(nested["block"]),
            )
            for name, nested in block["block_types"].items()
        ],
    )


def inner_blocks(block, value):
    """Name, schema and every value of the blocks inside one."""
    for name, nested in block["block_types"].items():
        inside = value.get(name)
        for each in inside if isinstance(inside, list) else [inside]:
            if isinstance(each, dict):
                yield name, nested["block"], each


def check(kind, block, value, top=None):
    """What the provider would refuse before it asks the cloud anything."""
    documented = SCHEMA["values"].get(kind, {})
    for name, attribute in block["attributes"].items():
        given = value.get(name)
        if given is None or isinstance(given, ExtType):
            continue
        if not attribute.get("optional") and not attribute.get("required"):
            yield problem("Value for unconfigurable attribute", f"{name} is read-only", top or name)
        elif isinstance(given, str) and given and given not in documented.get(name, [given]):
            yield problem("Value not documented", f"{name} = {given!r}; documented: {documented[name]}", top or name)
    for name, inner, each in inner_blocks(block, value):
        yield from check(kind, inner, each, top or name)


def fill_unknown(block, value, prior):
    """Leave what the cloud will decide unknown, or as it was."""
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and value.get(name) is None:
            known = prior.get(name) if isinstance(prior, dict) else None
            value[name] = UNKNOWN if known is None else known
    for name, nested in block["block_types"].items():
        inside, before = value.get(name), (prior or {}).get(name)
        if isinstance(inside, list):
            for place, each in enumerate(inside):
                earlier = before[place] if isinstance(before, list) and place < len(before) else None
                fill_unknown(nested["block"], each, earlier)
        elif isinstance(inside, dict) and nested["nesting_mode"] == "single" and name != "timeouts":
            fill_unknown(nested["block"], inside, before)


def with_labels(block, value):
    """Labels of the resource and of the provider together, as the provider shows them."""
    if "terraform_labels" in block["attributes"] and not isinstance(value.get("labels"), ExtType):
        together = {**defaults["labels"], **(value.get("labels") or {})}
        value["terraform_labels"] = value["effective_labels"] = together


def decide(kind, block, value, top=True):
    """Put values for what the cloud decides."""
    if top:
        for name in ("project", "region", "location"):
            if isinstance(value.get(name), ExtType):
                value[name] = defaults["project" if name == "project" else "region"]
    for name, attribute in block["attributes"].items():
        if isinstance(value.get(name), ExtType) and not (top and name in ("id", "name")):
            value[name] = decided(kind, name, attribute["type"], value)
    for _, inner, each in inner_blocks(block, value):
        decide(kind, inner, each, top=False)
    if top:
        if isinstance(value.get("id"), ExtType):
            known = {name: text for name, text in value.items() if isinstance(text, str)}
            value["id"] = IDS[kind].format(**known) if kind in IDS else f"{kind}/{identity(kind, value)}"
        if isinstance(value.get("name"), ExtType):
            value["name"] = value["id"] if kind in NAMES else value["id"].rpartition("/")[2]


def decided(kind, name, type_, value):
    """One value that the cloud decides."""
    project, account = value.get("project"), value.get("account_id")
    location = value.get("location") or value.get("region")
    if isinstance(account, str):
        email = f"{account}@{project}.iam.gserviceaccount.com"
        accounts = {"email": email, "member": f"serviceAccount:{email}"}
        if name in accounts:
            return accounts[name]
    known = {
        "connection_name": f"{project}:{value.get('region')}:{value.get('name')}",
        "deletion_policy": "DELETE",
        "number": NUMBER,
        "uri": f"https://{value.get('name')}-{NUMBER}.{location}.run.app",
    }
    if type_ == "string":
        return known.get(name, f"decided-{name}")
    if isinstance(type_, list):
        return {} if type_[0] == "map" else []
    return {"number": 1, "bool": False}.get(type_)


def identity(kind, value):
    """What makes it the same thing: its given names, or for a grant all that was given."""
    given = {name: value[name] for name in KEYS if isinstance(value.get(name), str)}
    if "_iam_member" in kind or not given:
        given = {name: each for name, each in value.items() if name not in ("id", "etag")}
    place = [value.get(name) for name in ("project", "location", "region", "table_id", "instance")]
    return hashlib.sha256(json.dumps([kind, given, place], default=str, sort_keys=True).encode()).hexdigest()[:16]


def file_of(kind, value):
    """Where the thing is kept; ``None`` without a cloud."""
    return None if CLOUD is None else CLOUD / f"{kind}.{identity(kind, value)}.json"


def protected(kind, value):
    """Why it must not be deleted, if so."""
    if value.get("deletion_policy") == "PREVENT":
        return "deletion_policy is PREVENT"
    protection = value.get("deletion_protection")
    if protection or (protection is None and kind in PROTECTED):
        return "deletion_protection is true"
    return None


class Provider(rpc.ProviderServicer):
    """The calls that Terraform makes."""

    def GetMetadata(self, request, context):
        """Which resources there are."""
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(),
            resources=[pb.GetMetadata.ResourceMetadata(type_name=kind) for kind in SCHEMA["resources"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=kind) for kind in SCHEMA["data_sources"]],
        )

    def GetProviderSchema(self, request, context):
        """Everything that may be written in a configuration."""

        def schema(block):
            return pb.Schema(version=0, block=schema_block(block))

        return pb.GetProviderSchema.Response(
            provider=schema(SCHEMA["provider"]),
            resource_schemas={kind: schema(block) for kind, block in SCHEMA["resources"].items()},
            data_source_schemas={kind: schema(block) for kind, block in SCHEMA["data_sources"].items()},
        )

    def ValidateProviderConfig(self, request, context):
        """Nothing beyond the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        """Read-only attributes and documented values."""
        block, value = SCHEMA["resources"][request.type_name], decode(request.config)
        return pb.ValidateResourceConfig.Response(diagnostics=list(check(request.type_name, block, value)))

    def ValidateDataResourceConfig(self, request, context):
        """Nothing beyond the schema."""
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        """Project, region and labels for everything."""
        given = decode(request.config)
        defaults["project"], defaults["region"] = plain(given.get("project")), plain(given.get("region"))
        defaults["labels"] = plain(given.get("default_labels")) or {}
        return pb.ConfigureProvider.Response()

    def GetFunctions(self, request, context):
        """None."""
        return pb.GetFunctions.Response()

    def UpgradeResourceState(self, request, context):
        """There is one version of each schema."""
        return pb.UpgradeResourceState.Response(upgraded_state=encode(json.loads(request.raw_state.json)))

    def ReadResource(self, request, context):
        """What is there; nothing when somebody removed it."""
        state = decode(request.current_state)
        file = file_of(request.type_name, state)
        if file is not None and not file.is_file():
            return pb.ReadResource.Response(new_state=encode(None))
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        """What will be, as far as it is known."""
        new, prior = decode(request.proposed_new_state), decode(request.prior_state)
        block = SCHEMA["resources"][request.type_name]
        diagnostics = []
        if new is None and (reason := protected(request.type_name, prior)):
            diagnostics.append(problem(f"Cannot destroy {prior['id']}", reason))
        if new is not None:
            with_labels(block, new)
            fill_unknown(block, new, prior)
        return pb.PlanResourceChange.Response(
            planned_state=encode(new), legacy_type_system=True, diagnostics=diagnostics
        )

    def ApplyResourceChange(self, request, context):
        """Make it so."""
        kind = request.type_name
        new, prior = decode(request.planned_state), decode(request.prior_state)
        what = "delete" if new is None else "create" if prior is None else "update"
        time.sleep(SECONDS)
        diagnostics = []
        if f"{what} {kind}" in FAILS:
            diagnostics.append(problem(f"Error 403: {what} of {kind} was refused", "forbidden"))
        elif new is None and (reason := protected(kind, prior)):
            diagnostics.append(problem(f"Cannot destroy {prior['id']}", reason))
        else:
            if new is not None:
                decide(kind, SCHEMA["resources"][kind], new)
            file = file_of(kind, new or prior)
            if file is not None and what == "create" and file.is_file() and "_iam_member" not in kind:
                diagnostics.append(problem(f"Error 409: {new['id']} is there already", "alreadyExists"))
            elif file is not None and new is not None:
                file.write_text(json.dumps(new, default=str))
            elif file is not None:
                file.unlink(missing_ok=True)
        state = prior if diagnostics else new
        return pb.ApplyResourceChange.Response(
            new_state=encode(state), legacy_type_system=True, diagnostics=diagnostics
        )

    def ReadDataSource(self, request, context):
        """Values that the cloud knows."""
        kind, value = request.type_name, decode(request.config)
        block = SCHEMA["data_sources"][kind]
        fill_unknown(block, value, None)
        if kind == "google_project":
            value["number"] = NUMBER
        decide(kind, block, value)
        if "member" in value:
            value["member"] = (
                f"serviceAccount:{kind.removeprefix('google_').replace('_', '-')}@{value['project']}.invalid"
            )
        return pb.ReadDataSource.Response(state=encode(value))

    def ImportResourceState(self, request, context):
        """A thing that was made by somebody else, known by its id alone."""
        block = SCHEMA["resources"][request.type_name]
        state = dict.fromkeys(block["attributes"]) | {
            name: [] if nested["nesting_mode"] in ("list", "set") else None
            for name, nested in block["block_types"].items()
        }
        imported = pb.ImportResourceState.ImportedResource(
            type_name=request.type_name, state=encode(state | {"id": request.id})
        )
        return pb.ImportResourceState.Response(imported_resources=[imported])

    def StopProvider(self, request, context):
        """Stop what is being done: nothing is left half done here."""
        return pb.StopProvider.Response()


class _Name:
    """What the runner wants to know of a provider."""

    def full_name(self):
        return "registry.terraform.io/hashicorp/google"


if __name__ == "__main__":
    tf.provider.ProviderServicer = lambda provider: Provider()
    tf.runner.run_provider(_Name(), sys.argv)
