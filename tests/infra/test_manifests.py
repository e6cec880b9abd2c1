"""The manifests for the cluster, as Terraform writes them, against the models of the Kubernetes client."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
import yaml
from tests.infra.offline import PROJECT, ROOT, Offline

from fsictl.backends.gcp import names

ENVIRONMENT = ROOT / ".environments" / "checkov"

# Reads documents and says which fields the models of the Kubernetes client do not know, or want and do not get.
CHECK = """
import json, sys
from kubernetes import client

def find(model, value, at):
    if model.startswith("list["):
        for place, each in enumerate(value):
            yield from find(model[5:-1], each, f"{at}[{place}]")
    elif model.startswith("dict("):
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            yield f"{at}: not a map of text"
    elif model in ("str", "int", "bool"):
        if type(value).__name__ != model:
            yield f"{at}: not {model}"
    elif hasattr(client, model):
        kind = getattr(client, model)
        names = {json_name: name for name, json_name in kind.attribute_map.items()}
        for json_name, each in value.items():
            if json_name not in names:
                yield f"{at}.{json_name}: unknown"
            else:
                yield from find(kind.openapi_types[names[json_name]], each, f"{at}.{json_name}")
        try:
            kind(**{names[json_name]: each for json_name, each in value.items() if json_name in names})
        except ValueError as error:
            yield f"{at}: {error}"

models = {"v1": "V1", "apps/v1": "V1", "batch/v1": "V1", "networking.k8s.io/v1": "V1"}
found = []
for document in json.load(sys.stdin):
    found += find(models[document["apiVersion"]] + document["kind"], document, document["kind"])
print(json.dumps(found))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manifests(everything_up: Offline) -> list[dict[str, Any]]:
    """Every document, with a database and a worker."""
    return list(yaml.safe_load_all(everything_up.outputs()["cluster_manifests"]))


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """The documents of a kind by name."""
    return {document["metadata"]["name"]: document for document in manifests if document["kind"] == kind}


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each pod is made from, by name."""
    found = {name: document["spec"]["template"]["spec"] for name, document in of_kind(manifests, "Deployment").items()}
    for name, document in of_kind(manifests, "CronJob").items():
        found[name] = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def problems(manifests: list[dict[str, Any]]) -> list[str]:
    """What the models say."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        pytest.skip("There is no .environments/checkov: run python scripts/environments.py checkov")
    command = [str(python), "-c", CHECK]
    ended = subprocess.run(
        command, input=json.dumps(manifests), capture_output=True, text=True, check=True, timeout=120
    )
    found: list[str] = json.loads(ended.stdout)
    return found


def test_kubernetes_knows_every_field(manifests: list[dict[str, Any]]) -> None:
    assert problems(manifests) == []


def test_mistakes_would_be_found(manifests: list[dict[str, Any]]) -> None:
    seeded = json.loads(json.dumps(manifests))
    pod = pods(seeded)["train"]
    pod["containers"][0]["imagePullPolicies"] = "Always"
    pod["securityContext"]["runAsUser"] = "root"
    del of_kind(seeded, "CronJob")["train"]["spec"]["schedule"]
    found = problems(seeded)
    assert len(found) == 3
    assert any("imagePullPolicies: unknown" in problem for problem in found)
    assert any("runAsUser: not int" in problem for problem in found)
    assert any("schedule" in problem for problem in found)


def test_pods_act_as_the_accounts_of_the_components(manifests: list[dict[str, Any]]) -> None:
    accounts = of_kind(manifests, "ServiceAccount")
    for name, component in {"invoker": "invoker", "workloads": "trainer", "train": "trainer"}.items():
        account = accounts[pods(manifests)[name]["serviceAccountName"]]
        email = account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        assert email == names.account_email(PROJECT, "fsictl", component)


def test_no_pod_may_do_more_than_it_must(manifests: list[dict[str, Any]]) -> None:
    for name, pod in pods(manifests).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]) == {"requests", "limits"}
            assert re.search(r":[\w.]*\d[\w.]*$", container["image"])


def test_the_training_reaches_the_database_by_a_proxy_that_ends_with_it(manifests: list[dict[str, Any]]) -> None:
    for name in ("train", "workloads"):
        pod = pods(manifests)[name]
        proxy = pod["initContainers"][0]
        assert proxy["restartPolicy"] == "Always"  # a sidecar
        assert {"--private-ip", "--auto-iam-authn", f"{PROJECT}:europe-west1:fsictl-metadata"} <= set(proxy["args"])
        registry = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}["FSICTL_MODEL_REGISTRY"]
        assert registry == f"postgresql://fsictl-trainer%40{PROJECT}.iam@127.0.0.1:5432/fsictl"


def test_the_settings_are_those_of_cloud_run(manifests: list[dict[str, Any]]) -> None:
    settings = of_kind(manifests, "ConfigMap")["settings"]["data"]
    assert settings["FSICTL_TARGET"] == "gcp"
    assert settings["FSICTL_GCP_BUCKET"] == names.bucket_name(None, PROJECT, "fsictl")
